import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { compareUtf8 } from '../../../src/core/text.ts';
import type { NewRecord } from '../../../src/ports/event-log.ts';
import {
  type Entry,
  type Instance,
  movements,
  Place,
  recordOf,
  type Tuning,
  WAITING,
  wrap,
} from './harness.ts';

/** Entries whose minute is unique for the article, so that the last one is known. */
const entriesArbitrary: fc.Arbitrary<Entry[]> = fc
  .array(
    fc.record({
      articleId: fc.constantFrom('bolt', 'nut', 'gear', 'A1', 'a1', 'A1 '),
      isCount: fc.boolean(),
      quantity: fc.integer({ min: 0, max: 30 }),
    }),
    { minLength: 1, maxLength: 40, size: 'max' },
  )
  .map((drawn) => drawn.map((entry, minute) => ({ ...entry, minute })));

interface Arrival {
  readonly entry: Entry;
  readonly isBroken: boolean;
}

/** The entries in any sequence, some of them twice, with broken records among them. */
const arrivalsArbitrary = entriesArbitrary.chain((entries) =>
  fc
    .tuple(
      fc.shuffledSubarray(entries, { minLength: entries.length }),
      fc.array(fc.tuple(fc.constantFrom(...entries), fc.boolean()), { maxLength: 12, size: 'max' }),
      fc.infiniteStream(fc.nat()),
    )
    .map(([sequence, extra, places]): Arrival[] => {
      const arrivals = sequence.map((entry) => ({ entry, isBroken: false }));
      for (const [entry, isBroken] of extra) {
        const place = (places.next().value ?? 0) % (arrivals.length + 1);
        arrivals.splice(place, 0, { entry, isBroken });
      }
      return arrivals;
    }),
);

function toRecord({ entry, isBroken }: Arrival): NewRecord {
  const record = recordOf(entry);
  return isBroken ? { ...record, value: Buffer.from('{"eventType":') } : record;
}

/** Runs one instance after the other, each stopped after the next number of commits, until all is stored. */
async function runWithRestarts(
  place: Place,
  tuning: Tuning,
  commitsOfRuns: readonly number[],
): Promise<Instance> {
  for (const commits of commitsOfRuns) {
    let left = commits;
    const reached = Promise.withResolvers<void>();
    const { ingest } = await place.start({
      ...tuning,
      onCommitted: () => {
        if (--left <= 0) reached.resolve();
      },
    });
    // If too little is left, this number of commits is never reached.
    await Promise.race([reached.promise, pause(40)]);
    await ingest.stop();
  }
  return place.start(tuning);
}

describe('ingest', () => {
  it('the rows are the same whatever the sequence, duplication, batching and restarts', async () => {
    await fc.assert(
      fc.asyncProperty(
        arrivalsArbitrary,
        fc.record({
          batchEvents: fc.integer({ min: 1, max: 20 }),
          cacheEvents: fc.integer({ min: 0, max: 30 }),
          lanes: fc.integer({ min: 1, max: 4 }),
        }),
        fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
        fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }),
        async (arrivals, tuning, [movementPartitions, countPartitions], restarts) => {
          const place = await Place.make({ movements: movementPartitions, counts: countPartitions });
          try {
            const half = Math.ceil(arrivals.length / 2);
            await place.append(arrivals.slice(0, half).map(toRecord));
            const running = runWithRestarts(place, tuning, restarts);
            await place.append(arrivals.slice(half).map(toRecord));
            await running;
            const intact = arrivals.filter(({ isBroken }) => !isBroken).map(({ entry }) => entry);
            await place.settles(intact, arrivals.length - intact.length);
          } finally {
            await place.close();
          }
        },
      ),
      { numRuns: 60 },
    );
  }, 120_000);

  it('two instances stay right while both come and go, with topics of 4 and 3 partitions', async () => {
    const place = await Place.make({ movements: 4, counts: 3 });
    const tuning = { batchEvents: 20, cacheEvents: 200, lanes: 2 };
    const articles = Array.from({ length: 12 }, (_, index) => `article-${index}`);
    const entries = articles.flatMap((articleId, article) =>
      Array.from({ length: 40 }, (_, minute) => ({
        articleId,
        isCount: (minute * 7 + article) % 5 === 0,
        quantity: (minute * 31 + article) % 29,
        minute,
      })),
    );
    const arrivals = [...entries, ...entries.filter((_, index) => index % 6 === 0)].sort(
      (a, b) =>
        ((a.minute * 17 + 3) % 40) - ((b.minute * 17 + 3) % 40) || compareUtf8(a.articleId, b.articleId),
    );
    const another = async () =>
      place.start({ ...tuning, store: await place.anotherStore(), log: place.anotherLog() });

    const first = await place.start(tuning);
    let second = await another();
    for (let from = 0; from < arrivals.length; from += 20) {
      await place.append(arrivals.slice(from, from + 20).map((entry) => recordOf(entry)));
      if (from % 120 === 60) {
        await second.ingest.stop();
        second = await another();
      }
    }
    await place.settles(entries);
    await vi.waitFor(() => {
      const owned = [first, second].map(({ ingest }) => ingest.status().owned.length);
      expect(owned.reduce((sum, count) => sum + count)).toBe(7);
      expect(Math.min(...owned)).toBeGreaterThan(0);
      expect(first.ingest.health()).toEqual({ ok: true });
      expect(second.ingest.health()).toEqual({ ok: true });
    }, WAITING);
  });

  it('an instance goes on with the partitions it keeps while a second one has the others, and gets those back', async () => {
    const place = await Place.make({ movements: 4, counts: 4 });
    const entries = Array.from({ length: 10 }, (_, article) => movements(`article-${article}`, 12)).flat();
    const parts = [0, 1, 2, 3].map((part) => entries.filter((_, index) => index % 4 === part));
    const append = (part: number) => place.append((parts[part] ?? []).map((entry) => recordOf(entry)));
    const ownedBy = ({ ingest }: Instance) => ingest.status().owned.map(({ name }) => name);

    const first = await place.start({ lanes: 2 });
    await append(0);
    await place.settles(parts[0] ?? []);
    const second = await place.start({
      lanes: 2,
      store: await place.anotherStore(),
      log: place.anotherLog(),
    });
    await vi.waitFor(() => expect(ownedBy(second)).toHaveLength(4), WAITING);
    await append(1);
    await place.settles(parts.slice(0, 2).flat());
    await vi.waitFor(() => {
      expect(new Set([...ownedBy(first), ...ownedBy(second)]).size).toBe(8);
      expect(ownedBy(first)).toHaveLength(4);
    }, WAITING);
    await append(2);
    await second.ingest.stop();
    await append(3);
    await place.settles(entries);
    await vi.waitFor(() => expect(ownedBy(first)).toHaveLength(8), WAITING);
    expect(second.ingest.status().owned).toEqual([]);
    await vi.waitFor(() => {
      const totals = [first, second].map(({ ingest }) => ingest.status());
      expect(totals.reduce((sum, { journaled }) => sum + journaled, 0)).toBe(entries.length);
      expect(totals.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(0);
    }, WAITING);
  });

  it('no partition is given away before the commit under way has its answer', async () => {
    const place = await Place.make({ movements: 2, counts: 2 });
    const entries = Array.from({ length: 8 }, (_, article) => movements(`article-${article}`, 5)).flat();
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const store = wrap(place.store, {
      async commit(batch) {
        reached.resolve();
        await released.promise;
        return place.store.commit(batch);
      },
    });
    await place.append(entries.map((entry) => recordOf(entry)));
    const first = await place.start({ store, lanes: 1 });
    await reached.promise;
    const second = await place.start({ store: await place.anotherStore(), log: place.anotherLog() });
    await pause(400);
    expect(second.ingest.status().owned).toEqual([]);
    released.resolve();
    await place.settles(entries);
    await vi.waitFor(() => expect(second.ingest.status().owned).toHaveLength(2), WAITING);
    expect([...first.logged, ...second.logged].filter((line) => !line.startsWith('info'))).toEqual([]);
    const totals = [first, second].map(({ ingest }) => ingest.status());
    expect(totals.reduce((sum, { journaled }) => sum + journaled, 0)).toBe(entries.length);
  });
});
