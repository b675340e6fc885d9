import { describe, expect, it } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import {
  addCounts,
  NOTHING_VERIFIED,
  type VerificationOptions,
  verify,
} from '../../../src/pipeline/verify/verification.ts';
import type { EntityRecord } from '../../../src/ports/verification.ts';

const clock = new SeededClock({ seed: 5 });
const never = new AbortController().signal;

/** A store with these entities, of which none differs from its journal. */
function optionsOver(ids: readonly string[]): VerificationOptions<unknown, unknown> {
  const store = {
    listEntities: async ({ after, limit }: { after: string | null; limit: number }) =>
      ids.filter((id) => after === null || id > after).slice(0, limit),
    readEntities: async (asked: readonly string[]): Promise<EntityRecord[]> =>
      asked.map((entityId) => ({
        entityId,
        version: 0,
        row: null,
        isParked: false,
        journal: [],
        ledger: [],
      })) as unknown as EntityRecord[],
    viewState: async () => ({
      epoch: 1,
      phase: 'steady',
      foldVersion: stockLedger.foldVersion ?? 1,
      awaitedFold: null,
      columns: stockLedger.view.columns,
      beat: 0,
      rebuild: null,
    }),
  };
  return { domain: stockLedger, store, clock } as unknown as VerificationOptions<unknown, unknown>;
}

const manyIds = Array.from({ length: 1_000 }, (_, index) => `entity ${String(index).padStart(4, '0')}`);

describe('a verification', () => {
  it('reads no more entities in a second than it may, over all pages', async () => {
    const seen: { readonly atMs: number; readonly read: number }[] = [];
    const beganMs = clock.monotonicMs();
    const verified = verify(
      optionsOver(manyIds),
      { sample: null, perSecond: 100, repairs: false },
      ({ read }) => {
        seen.push({ atMs: clock.monotonicMs() - beganMs, read });
      },
      never,
    );
    for (let second = 0; second < 30; second++) await clock.advance(1_000);
    expect(await verified).toMatchObject({ read: 1_000, differences: 0 });
    // Each page is read before the rest behind it.
    for (const { atMs, read } of seen) expect(read).toBeLessThanOrEqual(100 + atMs / 10);
    expect(seen.at(-1)?.atMs).toBeLessThan(11_000);
  });

  it('gives each entity of a sample once, and all of a small store', async () => {
    for (const [ids, sample, expected] of [
      [manyIds, 300, 300],
      [manyIds.slice(0, 7), 300, 7],
    ] as const) {
      const given: string[] = [];
      const { read } = await verify(
        optionsOver(ids),
        { sample, perSecond: null, repairs: false },
        (_, __, page) => {
          given.push(...page.ids);
        },
        never,
      );
      expect(read).toBe(expected);
      expect(new Set(given).size).toBe(expected);
    }
  });

  it('goes on with a sample as long as it finds new entities now and then', async () => {
    // Half of the random places lie among the same few ids.
    const few = Array.from({ length: 10 }, (_, index) => `a${index}`);
    const many = Array.from({ length: 3_000 }, (_, index) => `b${String(index).padStart(4, '0')}`);
    const { read } = await verify(
      optionsOver([...few, ...many]),
      { sample: 1_500, perSecond: null, repairs: false },
      () => {},
      never,
    );
    expect(read).toBe(1_500);
  });

  it.each([
    [null, [250, 250, 250, 250, 0]],
    [1_000_000, [250, 250, 250, 250, 0]],
    [400.5, [250, 250, 250, 250, 0]],
    [0.5, [1, 1]],
  ])('reads the entities in pages that %s entities a second allow', async (perSecond, sizes) => {
    const ids = perSecond === 0.5 ? manyIds.slice(0, 1) : manyIds;
    const options = optionsOver(ids);
    const asked: { readonly after: string | null; readonly limit: number }[] = [];
    const { listEntities } = options.store;
    const store = {
      ...options.store,
      listEntities: (page: { readonly after: string | null; readonly limit: number }) => {
        asked.push(page);
        return listEntities(page);
      },
    };
    const pages: unknown[] = [];
    const immediately = new SeededClock({ seed: 5, time: 'immediately' });
    await verify(
      { ...options, store, clock: immediately },
      { sample: null, perSecond, repairs: false },
      (_, __, page) => void pages.push(page),
      never,
    );
    const limit = perSecond === 0.5 ? 1 : 250;
    const afters = sizes.map((_, page) => (page === 0 ? null : (ids[page * limit - 1] ?? null)));
    expect(asked).toEqual(afters.map((after) => ({ after, limit })));
    // An empty page at the end is not told.
    const told = afters.map((after, page) => ({ after, ids: ids.slice(page * limit, (page + 1) * limit) }));
    expect(pages).toEqual(told.filter((page) => page.ids.length > 0));
  });

  it('rests for a second at most at a time, and ends its rests on the moment', async () => {
    const immediately = new SeededClock({ seed: 5, time: 'immediately' });
    const rests: number[] = [];
    const resting = Object.assign(Object.create(immediately) as SeededClock, {
      monotonicMs: () => immediately.monotonicMs(),
      sleep(ms: number) {
        rests.push(ms);
        return immediately.sleep(ms);
      },
    });
    await verify(
      { ...optionsOver(manyIds.slice(0, 5)), clock: resting },
      { sample: null, perSecond: 2, repairs: false },
      () => {},
      never,
    );
    // Two, two and one entity, at two a second.
    expect(rests).toEqual([1_000, 1_000, 500]);
    rests.length = 0;
    await verify(
      { ...optionsOver(manyIds.slice(0, 1)), clock: resting },
      { sample: null, perSecond: 0.4, repairs: false },
      () => {},
      never,
    );
    expect(rests).toEqual([1_000, 1_000, 500]);
  });

  it.each([null, 500])('ends after the page in which it is stopped (sample %s)', async (sample) => {
    const stopping = new AbortController();
    let pages = 0;
    const counts = await verify(
      optionsOver(manyIds),
      { sample, perSecond: 1_000, repairs: false },
      () => {
        pages++;
        stopping.abort();
      },
      stopping.signal,
    );
    expect(pages).toBe(1);
    expect(counts.read).toBeGreaterThan(0);
    expect(counts.read).toBeLessThanOrEqual(250);
  });

  it('adds up the counts of its pages', () => {
    const page = {
      entities: 10,
      parked: 1,
      unsettled: 2,
      mended: 3,
      differences: [
        { kind: 'row_missing', entityId: 'a', expected: null, isRepaired: true },
        { kind: 'unfoldable', entityId: 'b', reason: 'fold_failed', detail: '', isRepaired: false },
      ],
    } as const;
    const once = addCounts(NOTHING_VERIFIED, page);
    expect(once).toEqual({
      read: 10,
      parked: 1,
      unsettled: 2,
      found: { row_missing: 1, unfoldable: 1 },
      differences: 2,
      repaired: 1,
      mended: 3,
    });
    expect(addCounts(once, page)).toEqual({
      read: 20,
      parked: 2,
      unsettled: 4,
      found: { row_missing: 2, unfoldable: 2 },
      differences: 4,
      repaired: 2,
      mended: 6,
    });
  });
});
