import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  prepareDatabaseFile,
  secretFileWarning,
  sharingWarning,
} from '../../../../src/apps/shared/process/private-files.ts';

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-private-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('a file with a secret', () => {
  it('causes a warning if every user can read it, but not where Docker and Kubernetes mount secrets', async () => {
    const path = join(await newFolder(), 'secret');
    writeFileSync(path, 'x', { mode: 0o640 });
    expect(secretFileWarning('ORDER_MGT_SECRET_FILE', path)).toBeNull();
    chmodSync(path, 0o644);
    const warning = secretFileWarning('ORDER_MGT_SECRET_FILE', path);
    expect(warning).toContain(`chmod o= ${path}`);
    expect(warning).toContain('ORDER_MGT_SECRET_FILE');
    expect(secretFileWarning('ORDER_MGT_SECRET_FILE', '/run/secrets/order-mgt')).toBeNull();
  });
});

describe('sharingWarning', () => {
  it('names nothing in a private folder, and the folder and each file in a shared one', async () => {
    const folder = await newFolder();
    expect(sharingWarning(folder)).toBeNull();
    writeFileSync(join(folder, 'event-log.sqlite'), '', { mode: 0o600 });
    writeFileSync(join(folder, 'notes.txt'), '');
    chmodSync(join(folder, 'notes.txt'), 0o644);
    expect(sharingWarning(folder)).toBeNull();
    chmodSync(join(folder, 'event-log.sqlite'), 0o640);
    expect(sharingWarning(folder)).toContain('event-log.sqlite');
    chmodSync(join(folder, 'event-log.sqlite'), 0o600);
    chmodSync(folder, 0o750);
    expect(sharingWarning(folder)).toContain(`chmod -R go= ${folder}`);
  });
});

describe('prepareDatabaseFile', () => {
  it.each(['', '-wal', '-shm', '-journal'])(
    'refuses a folder in the place of the file with the ending "%s", although others are missing',
    async (ending) => {
      const file = join(await newFolder(), 'new', 'order-sync.sqlite');
      expect(() => prepareDatabaseFile(file, 'DATABASE_URL')).not.toThrow();
      mkdirSync(`${file}${ending}`);
      expect(() => prepareDatabaseFile(file, 'DATABASE_URL')).toThrow(
        `The file ${file}${ending} cannot be used (it is no file). A folder stands where a file has to be`,
      );
    },
  );
});
