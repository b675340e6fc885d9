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
