import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../../src/adapters/system-clock.ts';
import { migrateStates, openStates } from '../../../../../src/apps/order-mgt/states/sqlite/open.ts';

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-states-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const optionsOf = (file: string) => ({ file, clock: systemClock });

describe('opening the states of order-mgt in a file', () => {
  it('makes the folder and the file, which a later start goes on with', async () => {
    const file = join(emptyFolder(), 'new', 'states.sqlite');
    await migrateStates(optionsOf(file));
    for (let start = 0; start < 2; start++) {
      const states = await openStates(optionsOf(file));
      expect(await states.health()).toEqual({ ok: true });
      await states.close();
    }
    expect([existsSync(file), existsSync(`${file}-wal`)]).toEqual([true, false]);
  });

  it('rejects with store_unreachable and a remedy if the folder cannot be made or the file is no database', async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'a-file'), 'x');
    writeFileSync(join(folder, 'text.sqlite'), 'This is a text, and no database at all.'.repeat(100));
    for (const file of [join(folder, 'a-file', 'states.sqlite'), join(folder, 'text.sqlite')])
      for (const open of [openStates, migrateStates])
        await expect(open(optionsOf(file))).rejects.toMatchObject({
          code: 'store_unreachable',
          message: expect.stringMatching(/cannot be opened \(.*\): see that the disk has room/),
        });
  });

  it('closes a file of a newer program again', async () => {
    const file = join(emptyFolder(), 'states.sqlite');
    await migrateStates(optionsOf(file));
    const database = new DatabaseSync(file);
    database.exec('PRAGMA user_version = 999');
    database.close();
    await expect(openStates(optionsOf(file))).rejects.toMatchObject({ code: 'schema_too_new' });
    expect(existsSync(`${file}-wal`)).toBe(false);
  });
});
