import { cpSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ThreadBatch } from '../../../../src/adapters/sqlite/thread/thread-batch.ts';
import { WriterThread } from '../../../../src/adapters/sqlite/thread/writer-thread.ts';
import { WalSync } from '../../../../src/adapters/sqlite/wal-sync.ts';
import { TributaryError } from '../../../../src/core/errors.ts';
import type { EntityChange } from '../../../../src/ports/commit.ts';
import type { Store } from '../../../../src/ports/store.ts';
import {
  batchOf,
  change,
  commitChanges,
  DUE,
  event,
  migrateParcels,
  NOT_READY,
  PARCELS,
  SettableClock,
  TARGETS,
  UNCHANGED,
} from '../../../contract/store/fixtures.ts';
import { holdsInTime } from '../../../helpers/properties.ts';
import { SqliteHarness } from '../harness.ts';

/** A clock whose waits take no time, so that a test need not wait for every try. */
class HastyClock extends SettableClock {
  override async sleep(): Promise<void> {}
}

const runs = vi.spyOn(WriterThread.prototype, 'run');
const byThread = new SqliteHarness('', 1);
const byMain = new SqliteHarness('', Number.POSITIVE_INFINITY);

afterEach(async () => {
  runs.mockClear();
  await byThread.cleanup();
  await byMain.cleanup();
});

async function openOn(harness: SqliteHarness, clock = new SettableClock()): Promise<Store> {
  return migrateParcels(await harness.open({ clock, targets: TARGETS }), clock);
}

/** Everything that a batch writes, as the file has it. */
async function contentsOf(harness: SqliteHarness): Promise<unknown> {
  const tables = ['event_journal', 'parcels', 'deliveries', 'checkpoints'];
  return Promise.all(tables.map((table) => harness.rawQuery(`SELECT * FROM ${table} ORDER BY 1, 2, 3`)));
}

describe('a writer thread', () => {
  it('writes what the main thread would have written, and gives the same outcome', async () => {
    const entity = fc.record({
      id: fc.constantFrom('a', 'b', 'ö', '😀'),
      fromVersion: fc.nat({ max: 2 }),
      events: fc.integer({ min: 1, max: 3 }),
      delivery: fc.constantFrom(DUE, NOT_READY, UNCHANGED),
    });
    const batches = fc.array(fc.uniqueArray(entity, { selector: ({ id }) => id, minLength: 1 }), {
      minLength: 1,
      maxLength: 4,
    });
    await holdsInTime(
      fc.asyncProperty(batches, async (list) => {
        const stores = [await openOn(byThread), await openOn(byMain)];
        for (const [number, entities] of list.entries()) {
          const changes = entities.map(({ id, fromVersion, events, delivery }): EntityChange => {
            const some = Array.from({ length: events }, (_, index) =>
              event(id, fromVersion + index + 1, { data: `{"batch":${number}}` }),
            );
            return change(id, fromVersion, { events: some, delivery });
          });
          const [left, right] = await Promise.all(stores.map((store) => store.commit(batchOf([], changes))));
          expect(left).toEqual(right);
        }
        expect(await contentsOf(byThread)).toEqual(await contentsOf(byMain));
        await byThread.cleanup();
        await byMain.cleanup();
      }),
      15,
    );
    expect(runs).toHaveBeenCalled();
  });

  it('writes large batches only', async () => {
    const harness = new SqliteHarness('', 3);
    const store = await openOn(harness);
    await commitChanges(store, change('a', 0), change('b', 0));
    expect(runs).toHaveBeenCalledTimes(0);
    await commitChanges(store, change('c', 0), change('d', 0), change('e', 0));
    expect(runs).toHaveBeenCalledTimes(1);
    await harness.cleanup();
  });

  it('gives the error of a locked file, writes nothing, and writes the batch once the file can be had', async () => {
    const store = await openOn(byThread, new HastyClock());
    const other = new DatabaseSync(byThread.file);
    other.exec('BEGIN IMMEDIATE');
    await expect(store.commit(batchOf([], [change('parcel', 0)]))).rejects.toMatchObject({
      code: 'store_busy',
    });
    expect(await store.readView(['parcel'])).toEqual(new Map());
    other.close();
    await commitChanges(store, change('parcel', 0));
    expect((await store.readView(['parcel'])).size).toBe(1);
  });

  it('gives an unknown outcome when it ends without an answer, and starts anew for the next batch', async () => {
    const store = await openOn(byThread);
    await commitChanges(store, change('first', 0));
    const [batch] = (runs.mock.calls[0] ?? []).slice(1) as [ThreadBatch];
    // The view of a domain has functions, which no thread can be sent.
    const thread = new WriterThread({ view: Object.assign({ row: () => [] }, PARCELS), targets: TARGETS });
    const nowhere = { file: `${byThread.file}/nowhere`, tablePrefix: '' };
    await expect(thread.run(nowhere, batch)).rejects.toMatchObject({
      code: 'store_commit_unknown',
      message: expect.stringContaining('unable to open database file'),
    });
    expect(await thread.run({ file: byThread.file, tablePrefix: '' }, batch)).toEqual({ kind: 'stale' });
    await thread.close();
  });

  it('reports a commit once it is on disk', async () => {
    const sync = vi.spyOn(WalSync.prototype, 'sync');
    const store = await openOn(byThread);
    sync.mockClear();
    await commitChanges(store, change('first', 0));
    expect(sync).toHaveBeenCalledTimes(1);
    expect(await store.commit(batchOf([], [change('first', 0)]))).toEqual({ kind: 'stale' });
    expect(sync).toHaveBeenCalledTimes(1);
    sync.mockRejectedValueOnce(new TributaryError('store_commit_unknown', 'The disk failed.'));
    await expect(store.commit(batchOf([], [change('second', 0)]))).rejects.toMatchObject({
      code: 'store_commit_unknown',
    });
    sync.mockRestore();
  });

  it('leaves what parks an entity to the main thread', async () => {
    const store = await openOn(byThread);
    const parking = { kind: 'park', reason: 'fold_failed', detail: 'why', parkedAtMs: 1 } as const;
    await commitChanges(store, change('parked', 0, { parking }), change('other', 0));
    expect(runs).toHaveBeenCalledTimes(0);
    expect(await store.readParked('parked')).toMatchObject({ detail: 'why' });
  });

  it('ends when the store is closed', async () => {
    const store = await openOn(byThread);
    await commitChanges(store, change('first', 0));
    const [thread] = runs.mock.contexts as WriterThread[];
    const closed = vi.spyOn(thread as WriterThread, 'close');
    await byThread.cleanup();
    expect(closed).toHaveBeenCalledTimes(1);
    await expect(closed.mock.results[0]?.value).resolves.toBeUndefined();
  });

  it('follows a file that was put in place of the other', async () => {
    const store = await openOn(byThread);
    await commitChanges(store, change('kept', 0));
    const { file } = byThread;
    cpSync(file, `${file}.backup`);
    cpSync(`${file}-wal`, `${file}.backup-wal`);
    const backup = new DatabaseSync(`${file}.backup`);
    backup.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    backup.close();
    await commitChanges(store, change('lost', 0));
    rmSync(`${file}.backup-wal`, { force: true });
    renameSync(`${file}.backup`, file);
    await commitChanges(store, change('after', 0));
    expect([...(await store.readView(['kept', 'lost', 'after'])).keys()].sort()).toEqual(['after', 'kept']);
  });
});
