import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import type { IngestBatch } from '../../../src/ports/commit.ts';
import type { Store } from '../../../src/ports/store.ts';
import { expectedView, movements, Place, quickClock, recordOf, WAITING, wrap } from './harness.ts';

const ENTRIES = [...movements('bolt', 40), ...movements('nut', 40), ...movements('gear', 40)];

/** The store of the place, whose first commits fail as `fails` does. `calls` has its calls in sequence. */
function noting(place: Place, failures: number, fails: () => never) {
  const calls: ('acquire' | 'commit')[] = [];
  const store = wrap(place.store, {
    async acquire(...parts: Parameters<Store['acquire']>) {
      calls.push('acquire');
      return place.store.acquire(...parts);
    },
    async commit(batch: IngestBatch) {
      calls.push('commit');
      return calls.filter((call) => call === 'commit').length > failures
        ? place.store.commit(batch)
        : fails();
    },
  });
  return { store, calls };
}

describe('an instance of ingest', () => {
  it('a fenced instance drops what it has, acquires its partitions again and journals every event once', async () => {
    const place = await Place.make({ movements: 2, counts: 2 });
    const { ingest, logged } = await place.start({ batchEvents: 7 });
    const other = await place.anotherStore();
    for (let from = 0; from < ENTRIES.length; from += 10) {
      await place.append(ENTRIES.slice(from, from + 10).map((entry) => recordOf(entry)));
      const checkpoints = await place.store.checkpoints();
      await other.acquire(checkpoints.map((checkpoint) => ({ ...checkpoint, startOffset: 0n })));
    }
    await place.settles(ENTRIES);
    expect(logged.join('\n')).toContain('A checkpoint was not where this instance left it');
    await vi.waitFor(() => expect(ingest.health()).toEqual({ ok: true }), WAITING);
  });

  it('a fenced instance reads the journals of what it knew again, because others may have written them', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const read: string[] = [];
    let isFenced = false;
    const store = wrap(place.store, {
      async commit(batch: IngestBatch) {
        if (isFenced) {
          isFenced = false;
          return { kind: 'fenced' } as const;
        }
        return place.store.commit({
          ...batch,
          plan: (versions, readJournals) =>
            batch.plan(versions, (entityIds, maxEvents) => {
              read.push(...entityIds);
              return readJournals(entityIds, maxEvents);
            }),
        });
      },
    });
    await place.start({ store });
    const bolts = movements('bolt', 3);
    await place.append(bolts.slice(0, 1).map((entry) => recordOf(entry)));
    await place.settles(bolts.slice(0, 1));
    read.length = 0;
    await place.append(bolts.slice(1, 2).map((entry) => recordOf(entry)));
    await place.settles(bolts.slice(0, 2));
    expect(read).toEqual([]);
    isFenced = true;
    await place.append(bolts.slice(2).map((entry) => recordOf(entry)));
    await place.settles(bolts);
    expect(read).toEqual(['bolt']);
  });

  it.each([
    ['stands', true],
    ['does not stand', false],
  ])(
    'no event is lost or journaled twice if the outcome of a commit is unknown and it %s',
    async (_, stands) => {
      const place = await Place.make({ movements: 2, counts: 2 });
      let commits = 0;
      const store = wrap(place.store, {
        async commit(batch: IngestBatch) {
          if (++commits % 3 !== 1) return place.store.commit(batch);
          if (stands) await place.store.commit(batch);
          throw new TributaryError('store_commit_unknown', 'The connection broke at COMMIT.');
        },
      });
      await place.append(ENTRIES.map((entry) => recordOf(entry)));
      await place.append([{ ...recordOf(ENTRIES[0] as (typeof ENTRIES)[0]), value: Buffer.from('{') }]);
      await place.start({ store, batchEvents: 9 });
      await place.settles(ENTRIES, 1);
      expect(commits).toBeGreaterThan(6);
    },
  );

  it('looks the checkpoints up before it commits again what an unknown commit held', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const { store, calls } = noting(place, 1, () => {
      throw new TributaryError('store_commit_unknown', 'The connection broke at COMMIT.');
    });
    await place.append(ENTRIES.slice(0, 1).map((entry) => recordOf(entry)));
    await place.start({ store });
    await place.settles(ENTRIES.slice(0, 1));
    const first = calls.indexOf('commit');
    expect(calls.slice(first + 1, calls.indexOf('commit', first + 1))).toContain('acquire');
  });

  it('ends the lane of a batch that has met a locked row for 15 s, so that its partitions are acquired one by one', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    let lockedMs = 0;
    const clock = { ...quickClock, monotonicMs: () => quickClock.monotonicMs() + lockedMs };
    const { store, calls } = noting(place, 5, () => {
      // The server gives a lock wait up after this time.
      lockedMs += 6_000;
      throw new TributaryError('store_busy', 'The row is locked.');
    });
    await place.append(ENTRIES.slice(0, 1).map((entry) => recordOf(entry)));
    await place.start({ store, clock });
    await place.settles(ENTRIES.slice(0, 1));
    const first = calls.indexOf('commit');
    const again = calls.indexOf('acquire', first);
    expect(again).toBeGreaterThan(first);
    expect(calls.slice(first, again)).toEqual(['commit', 'commit', 'commit']);
  });

  it.each(['store_busy', 'store_unreachable', 'store_failed'] as const)(
    'a batch that failed with %s is tried again',
    async (code) => {
      const place = await Place.make({ movements: 2, counts: 2 });
      let commits = 0;
      const store = wrap(place.store, {
        async commit(batch: IngestBatch) {
          if (++commits % 2 === 1) throw new TributaryError(code, 'Not now.');
          return place.store.commit(batch);
        },
      });
      await place.append(ENTRIES.map((entry) => recordOf(entry)));
      const { ingest } = await place.start({ store, batchEvents: 25 });
      await place.settles(ENTRIES);
      await vi.waitFor(
        () => expect(ingest.status()).toMatchObject({ journaled: ENTRIES.length, duplicates: 0 }),
        WAITING,
      );
    },
  );

  it('health() is red while the store is away, and ingest goes on by itself when it is back', async () => {
    const place = await Place.make({ movements: 2, counts: 2 });
    let isAway = false;
    const unlessAway = <Arguments extends unknown[], Result>(
      method: (...given: Arguments) => Promise<Result>,
    ) => {
      return async (...given: Arguments): Promise<Result> => {
        if (isAway) throw new TributaryError('store_unreachable', 'The database does not answer.');
        return method(...given);
      };
    };
    const real = place.store;
    const store = wrap<Store>(real, {
      commit: unlessAway((batch) => real.commit(batch)),
      acquire: unlessAway((partitions) => real.acquire(partitions)),
      readJournals: unlessAway((ids) => real.readJournals(ids)),
    });
    const { ingest } = await place.start({ store });
    await place.append(ENTRIES.slice(0, 30).map((entry) => recordOf(entry)));
    await place.settles(ENTRIES.slice(0, 30));
    isAway = true;
    await place.append(ENTRIES.slice(30).map((entry) => recordOf(entry)));
    await vi.waitFor(() => expect(ingest.health()).toMatchObject({ ok: false }), WAITING);
    expect(ingest.health()).toMatchObject({ reason: expect.stringContaining('does not answer') });
    isAway = false;
    await place.settles(ENTRIES);
    await vi.waitFor(() => expect(ingest.health()).toEqual({ ok: true }), WAITING);
  });

  it('a batch is committed although another instance changes its entities between plan and commit', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const ahead = await place.anotherStore();
    let interferences = 0;
    const store = wrap(place.store, {
      async commit(batch: IngestBatch) {
        if (batch.mode === 'locking' || interferences >= 2) return place.store.commit(batch);
        return place.store.commit({
          ...batch,
          async plan(versions, readJournals) {
            const changes = await batch.plan(versions, readJournals);
            interferences++;
            // The other instance journals the events of this batch first, without its checkpoints.
            await ahead.commit({ ...batch, moves: [], quarantined: [], plan: async () => changes });
            return changes;
          },
        });
      },
    });
    await place.append(ENTRIES.map((entry) => recordOf(entry)));
    const { ingest } = await place.start({ store, batchEvents: 10 });
    await place.settles(ENTRIES);
    expect(interferences).toBeGreaterThan(0);
    await vi.waitFor(() => {
      const { journaled, duplicates, lockingBatches } = ingest.status();
      expect(lockingBatches).toBeGreaterThan(0);
      expect(journaled + duplicates).toBe(ENTRIES.length);
      expect(journaled).toBeLessThan(ENTRIES.length);
    }, WAITING);
  });

  it('locks the entities of the next 16 batches after another instance was in the way of one', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const modes: string[] = [];
    const store = wrap(place.store, {
      async commit(batch: IngestBatch) {
        const outcome = modes.length === 0 ? ({ kind: 'stale' } as const) : await place.store.commit(batch);
        modes.push(batch.mode);
        return outcome;
      },
    });
    await place.append(ENTRIES.map((entry) => recordOf(entry)));
    await place.start({ store, batchEvents: 1, lanes: 1 });
    await place.settles(ENTRIES);
    const firstFree = modes.indexOf('optimistic', 1);
    expect(modes.slice(0, 2)).toEqual(['optimistic', 'locking']);
    expect(firstFree).toBe(17);
  });

  it('every commit moves the checkpoints in the transaction that journals and quarantines', async () => {
    const place = await Place.make({ movements: 2, counts: 2 });
    const seen: { offsets: number; stored: number }[] = [];
    const store = wrap(place.store, {
      async commit(batch: IngestBatch) {
        const outcome = await place.store.commit(batch);
        const stored = await place.store.counts();
        const offsets = Object.values(await place.offsets()).reduce((sum, offset) => sum + offset, 0);
        seen.push({ offsets, stored: stored.journaledEvents + stored.quarantined });
        return outcome;
      },
    });
    const records = ENTRIES.flatMap((entry, index) => {
      const record = recordOf(entry);
      return index % 5 === 0 ? [record, { ...record, value: Buffer.from(`{"broken":${index}`) }] : [record];
    });
    await place.append(records);
    // With one lane nobody else commits between a commit and the look at its result.
    await place.start({ store, batchEvents: 11, lanes: 1 });
    await place.settles(ENTRIES, ENTRIES.length / 5);
    await vi.waitFor(() => expect(seen.at(-1)?.offsets).toBe(records.length), WAITING);
    for (const { offsets, stored } of seen) expect(stored).toBe(offsets);
  });

  it('a commit under way stands when the instance is stopped, and the next instance continues behind it', async () => {
    const place = await Place.make({ movements: 2, counts: 2 });
    await place.append(ENTRIES.map((entry) => recordOf(entry)));
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const store = wrap(place.store, {
      async commit(batch: IngestBatch) {
        reached.resolve();
        await released.promise;
        return place.store.commit(batch);
      },
    });
    const { ingest } = await place.start({ store, batchEvents: 13 });
    await reached.promise;
    const stopped = ingest.stop();
    expect(ingest.stop()).toBe(stopped);
    released.resolve();
    await stopped;
    const { journaledEvents } = await place.store.counts();
    expect(journaledEvents).toBeGreaterThan(0);
    expect(journaledEvents).toBeLessThan(ENTRIES.length);
    expect(ingest.status().journaled).toBe(journaledEvents);
    const next = await place.start();
    await place.settles(ENTRIES);
    expect(next.ingest.status().duplicates).toBe(0);
  });

  it('stop() may be called several times, at once and again', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const { ingest } = await place.start();
    await Promise.all([ingest.stop(), ingest.stop()]);
    await ingest.stop();
  });

  it('an instance buffers the records of no more than a few batches while the store hangs', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const entries = movements('bolt', 500);
    await place.append(entries.map((entry) => recordOf(entry)));
    const { taken, release } = await hanging(place, 10);
    expect(taken.records).toBeLessThanOrEqual(50);
    release();
    await place.settles(entries);
  });

  it('an instance buffers no more than a few dozen megabytes while the store hangs, however few the records', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const entries = movements('bolt', 90);
    const padding = 'x'.repeat(1_000_000);
    for (let from = 0; from < entries.length; from += 10) {
      await place.append(entries.slice(from, from + 10).map((entry) => recordOf(entry, padding)));
    }
    const { taken, release } = await hanging(place, 4_000);
    expect(taken.bytes).toBeLessThanOrEqual(64 * 1024 * 1024);
    release();
    await vi.waitFor(async () => {
      expect((await place.store.counts()).journaledEvents).toBe(90);
    }, WAITING);
    expect((await place.store.readView(['bolt'])).get('bolt')).toEqual(expectedView(entries).get('bolt'));
  });
});

/** Starts an instance whose first commit hangs, and waits until it takes nothing more. */
async function hanging(place: Place, batchEvents: number) {
  const taken = { records: 0, bytes: 0 };
  const released = Promise.withResolvers<void>();
  const log = wrap(place.log, {
    consumer(options) {
      const consumer = place.log.consumer(options);
      const take = consumer.take.bind(consumer);
      consumer.take = async (...given) => {
        const fetched = await take(...given);
        for (const { records } of fetched) {
          taken.records += records.length;
          for (const { value } of records) taken.bytes += value?.length ?? 0;
        }
        return fetched;
      };
      return consumer;
    },
  });
  const store = wrap(place.store, {
    async commit(batch: IngestBatch) {
      await released.promise;
      return place.store.commit(batch);
    },
  });
  await place.start({ log, store, batchEvents, maxBufferedBytes: 32 << 20 });
  await vi.waitFor(() => expect(taken.records).toBeGreaterThan(0), WAITING);
  for (let before = -1; before !== taken.records; ) {
    before = taken.records;
    await pause(300);
  }
  return { taken, release: () => released.resolve() };
}
