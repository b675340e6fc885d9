import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { orderSyncIn } from './command-run.ts';

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-migrate-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('order-sync migrate', () => {
  it('says from which version of the schema it came, and the next time only the version', async () => {
    const folder = await emptyFolder();
    const first = await orderSyncIn(folder, ['migrate']);
    expect(first.code).toBe(0);
    expect(first.out).toMatch(/^Schema version 0 -> \d+\.\n$/);
    const version = /-> (\d+)/.exec(first.out)?.[1];
    expect((await orderSyncIn(folder, ['migrate'])).out).toBe(`Schema version ${version}.\n`);
    const { out } = await orderSyncIn(folder, ['migrate', '--json']);
    expect(JSON.parse(out)).toEqual({
      fromVersion: Number(version),
      toVersion: Number(version),
      adoptedRows: expect.any(Number),
      grants: [],
    });
  });

  it('refuses grants for a database in a file, and makes no table', async () => {
    const folder = await emptyFolder();
    const { code, out, error } = await orderSyncIn(folder, ['migrate', '--grants-for', "'sync'@'%'"]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(error).toContain('a file has no users');
    expect((await orderSyncIn(folder, ['migrate'])).out).toMatch(/^Schema version 0 -> /);
  });
});
