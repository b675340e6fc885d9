import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import { HoldWatch } from '../../../src/pipeline/holds.ts';
import type { AcquireRequest } from '../../../src/ports/checkpoints.ts';
import type { IngestBatch } from '../../../src/ports/commit.ts';
import type { ConsumerOptions } from '../../../src/ports/event-log.ts';
import type { HoldPart } from '../../../src/ports/holds.ts';
import type { Store } from '../../../src/ports/store.ts';
import { COUNTS, type Entry, MOVEMENTS, movements, Place, recordOf, WAITING, wrap } from './harness.ts';

const MOVED = `${MOVEMENTS}/0`;
const PARTITION: HoldPart = { kind: 'partition', topic: MOVEMENTS, partition: 0 };
const DECISION = { decidedBy: 'ops', reason: 'a test', decidedAtMs: 0 };

const records = (entries: readonly Entry[]) => entries.map((entry) => recordOf(entry));
const counted = (minute: number): Entry => ({ articleId: 'nut', isCount: true, quantity: minute, minute });

/** The holds of the place as one instance knows them. */
async function holdsOf(place: Place, store: Store = place.store) {
  const watch = new HoldWatch(store, { sleep: async () => {} }, () => {});
  await watch.look();
  return {
    watch,
    async hold(part: HoldPart) {
      await place.store.hold(part, DECISION);
      await watch.look();
    },
    async release(part: HoldPart) {
      await place.store.release(part, DECISION);
      await watch.look();
    },
  };
}

describe('a partition on hold', () => {
  it.each<HoldPart>([PARTITION, { kind: 'topic', topic: MOVEMENTS }])(
    'a partition is not read while %j is held, the others are, and its group moves nothing',
    async (part) => {
      const place = await Place.make({ movements: 1, counts: 1 });
      const holds = await holdsOf(place);
      const entries = movements('bolt', 20);
      const { ingest, logged } = await place.start({ holds: holds.watch });
      await place.append(records(entries.slice(0, 10)));
      await place.settles(entries.slice(0, 10));
      await holds.hold(part);
      await vi.waitFor(() => expect(ingest.status().owned).toHaveLength(1), WAITING);
      expect(ingest.status()).toMatchObject({
        held: [{ name: MOVED, part, heldBy: 'ops', reason: 'a test' }],
        waiting: [],
        halted: [],
      });
      await place.append([...records(entries.slice(10)), recordOf(counted(1))]);
      await place.settles([...entries.slice(0, 10), counted(1)]);
      // The watch over partitions that stand still would report this one after 15 of its seconds.
      await pause(850);
      expect(ingest.health()).toEqual({ ok: true });
      expect(await place.offsets()).toMatchObject({ [MOVED]: 10 });
      expect(logged.filter((line) => line.startsWith('warn') || line.includes('given back'))).toEqual([]);

      await holds.release(part);
      await place.settles([...entries, counted(1)]);
      expect(ingest.status()).toMatchObject({ held: [], duplicates: 0 });
    },
  );

  it.each([
    ['is committed', true],
    ['fails', false],
  ])(
    'nothing is lost or doubled if a partition is paused in the middle of a batch that %s',
    async (_, succeeds) => {
      const place = await Place.make({ movements: 1, counts: 1 });
      const holds = await holdsOf(place);
      const begun = Promise.withResolvers<void>();
      const goesOn = Promise.withResolvers<void>();
      let commits = 0;
      const store = wrap(place.store, {
        async commit(batch: IngestBatch) {
          if (batch.moves.some(({ topic }) => topic === COUNTS) || ++commits > 1)
            return place.store.commit(batch);
          begun.resolve();
          await goesOn.promise;
          if (!succeeds) throw new TributaryError('store_unreachable', 'The database does not answer.');
          return place.store.commit(batch);
        },
      });
      const entries = movements('bolt', 60);
      await place.append(records(entries.slice(0, 50)));
      const { ingest } = await place.start({ store, holds: holds.watch, batchEvents: 10, lanes: 1 });
      await begun.promise;
      await holds.hold(PARTITION);
      goesOn.resolve();
      await vi.waitFor(
        () => expect(ingest.status().owned.map(({ name }) => name)).toEqual([`${COUNTS}/0`]),
        WAITING,
      );
      await place.append([...records(entries.slice(50)), recordOf(counted(1))]);
      await vi.waitFor(
        async () => expect(await place.offsets()).toMatchObject({ [`${COUNTS}/0`]: 1 }),
        WAITING,
      );
      expect(commits).toBe(1);
      const { [MOVED]: journaled = 0 } = await place.offsets();
      expect(journaled > 0).toBe(succeeds);
      await holds.release(PARTITION);
      await place.settles([...entries, counted(1)]);
      expect(ingest.status().duplicates).toBe(0);
    },
  );

  it('a held partition rests after a restart, and its checkpoint is not even acquired', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const holds = await holdsOf(place);
    await holds.hold(PARTITION);
    const acquired: string[] = [];
    const store = wrap(place.store, {
      acquire: async (requests: readonly AcquireRequest[]) => {
        acquired.push(...requests.map(({ topic }) => topic));
        return place.store.acquire(requests);
      },
    });
    await place.append([...records(movements('bolt', 5)), recordOf(counted(1))]);
    for (let start = 0; start < 2; start++) {
      const { watch } = await holdsOf(place);
      const { ingest } = await place.start({ store, holds: watch });
      await place.settles([counted(1)]);
      await vi.waitFor(() => expect(ingest.status().owned).toHaveLength(1), WAITING);
      expect(ingest.health()).toEqual({ ok: true });
      await ingest.stop();
    }
    expect(new Set(acquired)).toEqual(new Set([COUNTS]));
  });

  it('a partition is not acquired if it is paused while the log is asked for its partitions', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const holds = await holdsOf(place);
    const acquired: string[] = [];
    const store = wrap(place.store, {
      acquire: async (requests: readonly AcquireRequest[]) => {
        acquired.push(...requests.map(({ topic }) => topic));
        return place.store.acquire(requests);
      },
    });
    const log = wrap(place.log, {
      partitionCounts: async (topics: readonly string[]) => {
        await holds.hold(PARTITION);
        return place.log.partitionCounts(topics);
      },
    });
    const { ingest } = await place.start({ store, log, holds: holds.watch });
    await vi.waitFor(() => expect(ingest.status().owned).toHaveLength(1), WAITING);
    expect(new Set(acquired)).toEqual(new Set([COUNTS]));
  });

  it('a partition is given up again if it is paused while it is acquired', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const holds = await holdsOf(place);
    const store = wrap(place.store, {
      acquire: async (requests: readonly AcquireRequest[]) => {
        if (requests.some(({ topic }) => topic === MOVEMENTS)) await holds.hold(PARTITION);
        return place.store.acquire(requests);
      },
    });
    const { ingest } = await place.start({ store, holds: holds.watch });
    await vi.waitFor(
      () =>
        expect(ingest.status()).toMatchObject({ held: [{ name: MOVED }], owned: [{ name: `${COUNTS}/0` }] }),
      WAITING,
    );
    await place.append([...records(movements('bolt', 5)), recordOf(counted(1))]);
    await place.settles([counted(1)]);
    expect(await place.offsets()).toMatchObject({ [MOVED]: 0 });
  });

  it('a held partition rests with its next owner when the group moves it, and is then read once', async () => {
    const place = await Place.make({ movements: 4, counts: 4 });
    const part: HoldPart = { kind: 'topic', topic: MOVEMENTS };
    const holds = await holdsOf(place);
    const entries = Array.from({ length: 12 }, (_, article) => movements(`article-${article}`, 3)).flat();
    const first = await place.start({ holds: holds.watch });
    await place.append(records(entries.slice(0, 12)));
    await place.settles(entries.slice(0, 12));

    // The second instance joins while the hold takes effect in the first one.
    const held = holds.hold(part);
    const store = await place.anotherStore();
    const others = await holdsOf(place, store);
    await held;
    await others.watch.look();
    const second = await place.start({ store, log: place.anotherLog(), holds: others.watch });
    await vi.waitFor(() => expect(second.ingest.status().held.length).toBeGreaterThan(0), WAITING);
    await place.append([...records(entries.slice(12)), recordOf(counted(1))]);
    await place.settles([...entries.slice(0, 12), counted(1)]);

    await holds.release(part);
    await others.watch.look();
    await place.settles([...entries, counted(1)]);
    expect(first.ingest.status().duplicates + second.ingest.status().duplicates).toBe(0);
  });

  it('a partition that halted or stood still before it was paused makes the health red no more', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const holds = await holdsOf(place);
    let isHanging = true;
    const answer = Promise.withResolvers<void>();
    const store = wrap(place.store, {
      commit: async (batch: IngestBatch) => {
        if (isHanging && batch.moves.some(({ topic }) => topic === MOVEMENTS)) await answer.promise;
        return place.store.commit(batch);
      },
    });
    const { ingest } = await place.start({ store, holds: holds.watch });
    await place.append(records(movements('bolt', 3)));
    await vi.waitFor(
      () => expect(ingest.health()).toMatchObject({ reason: expect.stringContaining('has not moved') }),
      WAITING,
    );
    await holds.hold(PARTITION);
    expect(ingest.health()).toEqual({ ok: true });
    isHanging = false;
    answer.resolve();
    await vi.waitFor(() => expect(ingest.status().owned).toHaveLength(1), WAITING);
    await ingest.stop();

    const [checkpoint] = (await place.store.checkpoints()).filter(({ topic }) => topic === MOVEMENTS);
    await place.store.halt({ topic: MOVEMENTS, partition: 0 }, checkpoint?.epoch ?? 0n, 'it is damaged');
    await holds.release(PARTITION);
    const again = await place.start({ holds: holds.watch });
    await vi.waitFor(
      () => expect(again.ingest.health()).toEqual({ ok: false, reason: `${MOVED}: it is damaged` }),
      WAITING,
    );
    await holds.hold(PARTITION);
    expect(again.ingest.health()).toEqual({ ok: true });
    expect(again.ingest.status()).toMatchObject({ halted: [{ name: MOVED }], held: [{ name: MOVED }] });
  });

  it('while all ingest is on hold nothing is expected, not even that the log answers', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const holds = await holdsOf(place);
    const log = wrap(place.log, {
      consumer: (options: ConsumerOptions) =>
        Object.assign(place.log.consumer(options), {
          health: () => ({ ok: false as const, reason: 'no broker answers' }),
        }),
    });
    const { ingest } = await place.start({ log, holds: holds.watch });
    expect(ingest.health()).toEqual({ ok: false, reason: 'no broker answers' });
    await holds.hold({ kind: 'ingest' });
    expect(ingest.health()).toEqual({ ok: true });
    await place.append([recordOf(counted(1))]);
    await vi.waitFor(() => expect(ingest.status().owned).toEqual([]), WAITING);
    await holds.release({ kind: 'ingest' });
    await place.settles([counted(1)]);
  });
});
