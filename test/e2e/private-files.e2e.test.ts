import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BARE_ENVIRONMENT } from '../helpers/bare-environment.ts';
import { type App, Program, WAITING } from './programs.ts';

/** The user id of "nobody". Root may write everywhere, so the programs run as nobody where a refusal is expected. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-private-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

const settingsFor = (dataDirectory: string) => ({
  TRIBUTARY_DATA_DIR: dataDirectory,
  ORDER_SYNC_PORT: '0',
  ORDER_MGT_PORT: '0',
  TRIBUTARY_DEMO: 'false',
});

const APPS: readonly [app: App, given: readonly string[]][] = [
  ['event-producer', ['o', 'order123']],
  ['order-sync', []],
  ['order-mgt', []],
  ['start', []],
];

describe('the files of the programs', () => {
  it("give no rights to others than the owner, SQLite's own files included, even with umask 0", async () => {
    const folder = join(await newFolder(), 'made', 'here');
    const before = process.umask(0);
    const program = new Program('start', settingsFor(folder));
    process.umask(before);
    await expect.poll(() => program.stdout, WAITING).toContain('Tributary runs');
    const files = readdirSync(folder);
    expect(files).toEqual(
      expect.arrayContaining([
        'event-log.sqlite',
        'event-log.sqlite-shm',
        'event-log.sqlite-wal',
        'event-log.wake',
        'order-mgt.sqlite',
        'order-mgt.sqlite-wal',
        'order-sync.sqlite',
        'order-sync.sqlite-wal',
        'start.pid',
      ]),
    );
    expect(modeOf(folder)).toBe('700');
    expect(files.map((name) => `${name} ${modeOf(join(folder, name))}`)).toEqual(
      files.map((name) => `${name} 600`),
    );
    expect(program.stderr).not.toContain('Other users may use');
    await program.stop();
  });

  it.each(['order-sync', 'order-mgt'] as const)(
    'keep modes that let others read them, and %s warns once',
    async (app) => {
      const folder = await newFolder();
      const first = new Program(app, settingsFor(folder));
      await expect.poll(() => first.stderr, WAITING).toMatch(/HTTP API is|listens on/);
      await first.stop();
      const file = join(folder, `${app}.sqlite`);
      chmodSync(folder, 0o755);
      chmodSync(file, 0o644);
      const second = new Program(app, settingsFor(folder));
      await expect.poll(() => second.stderr, WAITING).toMatch(/HTTP API is|listens on/);
      expect(second.stderr.match(/Other users may use/g)).toHaveLength(1);
      expect(second.stderr).toContain(`chmod -R go= ${folder}`);
      expect(modeOf(file)).toBe('644');
      await second.stop();
    },
  );
});

describe('a data directory that cannot be used', () => {
  async function refusalOf(app: App, given: readonly string[], path: string, user?: number): Promise<string> {
    const program = new Program(app, settingsFor(path), given, user);
    const { code } = await program.exited;
    expect(program.stderr).toMatch(/^error: .*cannot be used/m);
    expect(program.stderr).toContain(path);
    expect(program.stderr).toContain('TRIBUTARY_DATA_DIR');
    expect(program.stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(3);
    return program.stderr;
  }

  it.each(APPS)('makes %s exit with 3 and the remedy if its path is a file', async (app, given) => {
    const path = join(await newFolder(), 'data');
    writeFileSync(path, '');
    expect(await refusalOf(app, given, path)).toContain('move it away');
  });

  it.each(APPS)('makes %s exit with 3 and the remedy if its path is a broken link', async (app, given) => {
    const path = join(await newFolder(), 'data');
    symlinkSync(join(path, '..', 'missing', 'folder'), path);
    expect(await refusalOf(app, given, path)).toMatch(/make it|move it away/);
  });

  it.each(APPS)('makes %s exit with 3 and the remedy if the user may not write to it', async (app, given) => {
    const parent = await newFolder();
    chmodSync(parent, 0o755);
    const path = join(parent, 'data');
    mkdirSync(path, { mode: 0o555 });
    chmodSync(path, 0o555);
    expect(await refusalOf(app, given, path, isRoot ? NOBODY : undefined)).toContain('chown or chmod');
  });

  it.each(APPS)('makes %s exit with 3 and the remedy if it cannot be created', async (app, given) => {
    const parent = await newFolder();
    chmodSync(parent, 0o555);
    expect(await refusalOf(app, given, join(parent, 'data'), isRoot ? NOBODY : undefined)).toContain(
      'chown or chmod',
    );
    chmodSync(parent, 0o755);
  });

  it.each([
    ['event-producer', ['o', 'a'], 'event-log.sqlite'],
    ['order-sync', [], 'order-sync.sqlite'],
    ['order-mgt', [], 'order-mgt.sqlite'],
  ] as const)('makes %s exit with 3 if the user may not write to a file in it', async (app, given, name) => {
    const path = await newFolder();
    writeFileSync(join(path, name), '', { mode: 0o400 });
    if (isRoot) {
      chownSync(path, NOBODY, NOBODY);
      chownSync(join(path, name), NOBODY, NOBODY);
    }
    expect(await refusalOf(app, given, path, isRoot ? NOBODY : undefined)).toContain(name);
  });

  it.each(APPS)('makes %s report a full disk without a stack', async (app, given) => {
    // `ulimit -f 1` lets no file grow beyond one block, so writing fails as on a full disk.
    const path = await newFolder();
    const script = join(import.meta.dirname, '..', '..', 'src', 'apps', app, 'main.ts');
    const child = spawn(
      'sh',
      ['-c', 'trap "" XFSZ; ulimit -f 1; exec "$@" 2>&1', 'sh', process.execPath, script, ...given],
      { env: { ...BARE_ENVIRONMENT, ...settingsFor(path) } },
    );
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes;
    });
    await expect.poll(() => output, WAITING).toMatch(/disk|full|room/i);
    expect(output).toContain(path);
    expect(output).not.toMatch(/^\s+at /m);
  });
});

describe('a secret file that others can read', () => {
  it('makes the program warn once when it starts', async () => {
    const folder = await newFolder();
    const path = join(folder, 'secret');
    writeFileSync(path, `whsec_${Buffer.alloc(32, 7).toString('base64')}\n`);
    chmodSync(path, 0o644);
    const program = new Program('order-mgt', { ...settingsFor(folder), ORDER_MGT_SECRET_FILE: path });
    await expect.poll(() => program.stderr, WAITING).toContain('listens on');
    expect(program.stderr.match(/Every user of this machine can read/g)).toHaveLength(1);
    await program.stop();
  });
});
