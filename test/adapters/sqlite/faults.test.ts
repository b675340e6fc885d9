import { renameSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import {
  batchOf,
  change,
  commitChanges,
  DUE,
  migrateParcels,
  PARCELS,
  parcelMigration,
  SettableClock,
  TARGETS,
} from '../../contract/store/fixtures.ts';
import { SqliteHarness } from './harness.ts';

/** A clock whose waits take no time, so that a test need not wait for every try. */
class HastyClock extends SettableClock {
  waits = 0;

  override async sleep(): Promise<void> {
    this.waits++;
  }
}

describe('the SQLite store', () => {
  const harness = new SqliteHarness();
  afterEach(() => harness.cleanup());

  async function openMigrated(clock: SettableClock) {
    return migrateParcels(await harness.open({ clock, targets: TARGETS }), clock);
  }

  it('a commit fails with store_busy while another program locks the file, and works afterwards', async () => {
    const clock = new HastyClock();
    const store = await openMigrated(clock);
    const other = new DatabaseSync(harness.file);
    other.exec('BEGIN IMMEDIATE');

    await expect(store.commit(batchOf([], [change('parcel', 0)]))).rejects.toMatchObject({
      code: 'store_busy',
      retryable: true,
    });
    expect(clock.waits).toBeGreaterThan(1);
    expect(await store.readView(['parcel'])).toEqual(new Map());

    other.close();
    await commitChanges(store, change('parcel', 0));
  });

  it('a commit waits for another program that releases the file', async () => {
    const store = await openMigrated(new SettableClock());
    const other = new DatabaseSync(harness.file);
    other.exec('BEGIN IMMEDIATE');
    const commit = commitChanges(store, change('parcel', 0, { delivery: DUE }));
    await store.readView(['parcel']);
    other.close();
    expect(await commit).toBe(TARGETS.length);
  });

  it('a missing folder is reported as store_unreachable', async () => {
    const clock = new SettableClock();
    await harness.open({ clock, targets: TARGETS });
    const opened = openSqliteStore({ file: `${harness.file}-missing/store.db`, clock, targets: TARGETS });
    await expect(opened.migrate(parcelMigration(clock))).rejects.toMatchObject({ code: 'store_unreachable' });
    await opened.close();
  });

  it('a file that is no database is refused', async () => {
    const clock = new SettableClock();
    const opened = await harness.open({ clock, targets: TARGETS });
    await writeFile(harness.file, 'This is a letter, and a long one, but it is no database.'.repeat(100));
    await expect(opened.migrate(parcelMigration(clock))).rejects.toMatchObject({
      code: 'store_failed',
      retryable: false,
    });
  });

  it('a database whose texts do not compare by their UTF-8 bytes is refused', async () => {
    const clock = new SettableClock();
    const opened = await harness.open({ clock, targets: TARGETS });
    const database = new DatabaseSync(harness.file);
    database.exec("PRAGMA encoding = 'UTF-16le'; CREATE TABLE anything (id)");
    database.close();
    await expect(opened.migrate(parcelMigration(clock))).rejects.toMatchObject({ code: 'store_refused' });
  });

  it('the database has a write-ahead log, so readers never wait for the writer', async () => {
    await openMigrated(new SettableClock());
    expect(await harness.rawQuery('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
  });

  it.each([
    ['the name of a table of its own', { ...PARCELS, table: 'Deliveries' }],
    ['a column called version', { ...PARCELS, keyColumn: 'VERSION' }],
  ])('a view with %s is refused', async (_what, view) => {
    const clock = new SettableClock();
    const opened = await harness.open({ clock, targets: TARGETS });
    await expect(opened.migrate({ ...parcelMigration(clock), view })).rejects.toMatchObject({
      code: 'domain_invalid',
    });
  });

  it('a locking plan that does not build on the versions it was given is refused', async () => {
    const store = await openMigrated(new SettableClock());
    await expect(
      store.commit(batchOf([], [change('parcel', 1)], { mode: 'locking', entityIds: ['parcel'] })),
    ).rejects.toMatchObject({ code: 'defect', retryable: false });
  });

  it("the original's table is kept beside the view", async () => {
    const clock = new SettableClock();
    const opened = await harness.open({ clock, targets: TARGETS });
    await harness.makeOriginalOrdersTable([['order1', 'CREATED', null, null, true]]);
    await opened.migrate({
      ...parcelMigration(clock),
      view: {
        table: 'orders',
        keyColumn: 'order_id',
        columns: [
          { name: 'order_status', type: 'text' },
          { name: 'ready_to_send', type: 'boolean' },
        ],
      },
      adopt: (_entityId, row) => ({ events: [], row, delivery: 'none' }),
      choices: { leavesOtherColumns: true, takesDeletedRows: false },
    });
    expect(
      await harness.rawQuery('SELECT order_id, order_status, ready_to_send FROM orders_original'),
    ).toEqual([{ order_id: 'order1', order_status: 'CREATED', ready_to_send: 1 }]);
  });

  it('a file that replaces the open one is used from then on, as a new generation', async () => {
    const store = await openMigrated(new SettableClock());
    await commitChanges(store, change('parcel', 0));
    copyOf(harness.file, `${harness.file}.backup`);
    await commitChanges(store, change('lost', 0));
    const { generation } = store;

    renameSync(`${harness.file}.backup`, harness.file);

    expect(store.generation).toBeGreaterThan(generation);
    expect([...(await store.readView(['parcel', 'lost'])).keys()]).toEqual(['parcel']);
    await commitChanges(store, change('parcel', 1));
    const database = new DatabaseSync(harness.file);
    const rows = database.prepare('SELECT parcel_id, version FROM parcels').all();
    database.close();
    expect(rows.map((row) => ({ ...row }))).toEqual([{ parcel_id: 'parcel', version: 2 }]);
    const later = store.generation;
    expect(later).toBeGreaterThan(generation);
    await commitChanges(store, change('parcel', 2));
    expect(store.generation).toBe(later);
  });

  it('reads and writes are refused while the file is missing, and work again once it is back', async () => {
    const store = await openMigrated(new SettableClock());
    await commitChanges(store, change('parcel', 0));
    copyOf(harness.file, `${harness.file}.backup`);
    rmSync(harness.file);
    const gone = {
      code: 'store_unreachable',
      message: expect.stringContaining('is gone while the program runs'),
    };
    await expect(store.readView(['parcel'])).rejects.toMatchObject(gone);
    await expect(commitChanges(store, change('parcel', 1))).rejects.toMatchObject(gone);
    expect(await store.health()).toMatchObject({ ok: false, reason: gone.message });
    renameSync(`${harness.file}.backup`, harness.file);
    await commitChanges(store, change('parcel', 1));
    expect(await store.health()).toEqual({ ok: true });
  });
});

function copyOf(file: string, copy: string): void {
  const database = new DatabaseSync(file);
  database.exec(`VACUUM INTO '${copy}'`);
  database.close();
}
