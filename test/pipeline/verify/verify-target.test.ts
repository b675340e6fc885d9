import { describe, expect, it } from 'vitest';
import {
  addReport,
  type EntityRange,
  NOTHING_COMPARED,
  type TargetCounts,
  verifyTarget,
} from '../../../src/pipeline/verify/verify-target.ts';
import { Pair } from '../reconcile/pair.ts';

const ALL: EntityRange = { after: null, through: null };

type OnPortion = Parameters<typeof verifyTarget>[2];

function verify(
  pair: Pair,
  ranges: readonly EntityRange[] = [ALL],
  onPortion: OnPortion = () => {},
  signal = new AbortController().signal,
): Promise<TargetCounts> {
  const { store, holdings, clock } = pair;
  const options = { target: 'crm', store, holdings, clock, heals: false, perSecond: 1_000 };
  return verifyTarget(options, ranges, onPortion, signal);
}

/** The ids of entities that are delivered, and that the target does not hold. */
function lost(count: number): { readonly pair: Pair; readonly ids: readonly string[] } {
  const ids = Array.from({ length: count }, (_, index) => `order-${String(index).padStart(5, '0')}`);
  const pair = new Pair();
  for (const id of ids) pair.owe(id);
  return { pair, ids };
}

describe('verifyTarget', () => {
  it('counts what it compared, and the differences by their verdicts', async () => {
    const pair = new Pair('a', 'b');
    pair.owe('c');
    pair.hold('d');
    expect(await verify(pair)).toMatchObject({
      compared: 3,
      found: { missing: 1, unexpected: 1 },
      differences: 2,
      madeDue: 0,
      repaired: 0,
    });
  });

  it('goes on behind each portion of 1,000 differences, and tells each difference once', async () => {
    const { pair, ids } = lost(2_001);
    const told: string[] = [];
    const sizes: number[] = [];
    const counts = await verify(pair, [ALL], ({ differences }, portion) => {
      told.push(...portion.map(({ entityId }) => entityId));
      sizes.push(differences);
    });
    expect(told).toEqual(ids);
    expect(sizes).toEqual([1_000, 2_000, 2_001]);
    expect(counts).toMatchObject({ compared: 2_001, found: { missing: 2_001 }, differences: 2_001 });
  });

  it('compares each range, and nothing between them', async () => {
    const pair = new Pair('a', 'b', 'c', 'd', 'e');
    for (const id of ['b', 'c', 'e']) pair.held.delete(id);
    const told: string[] = [];
    const ranges = [
      { after: null, through: 'b' },
      { after: 'c', through: null },
    ];
    const counts = await verify(pair, ranges, (_, portion) => {
      told.push(...portion.map(({ entityId }) => entityId));
    });
    expect(told).toEqual(['b', 'e']);
    expect(counts.compared).toBe(4);
  });

  it('waits until a portion is told before it compares the next one', async () => {
    const { pair } = lost(1_500);
    const happened: string[] = [];
    pair.beforeAnswer = () => happened.push('asked');
    await verify(pair, [ALL], async () => {
      happened.push('telling');
      await pair.clock.sleep(1);
      happened.push('told');
    });
    expect(happened.join(' ')).toMatch(/^(asked )+telling told (asked )+telling told$/);
  });

  it('ends after the portion during which it is stopped, and compares no further range', async () => {
    const { pair } = lost(1_500);
    const stop = new AbortController();
    let portions = 0;
    const counts = await verify(
      pair,
      [ALL, ALL],
      () => {
        portions++;
        stop.abort();
      },
      stop.signal,
    );
    expect([portions, counts.differences]).toEqual([1, 1_000]);
  });
});

describe('addReport', () => {
  it('adds each count to those before', () => {
    const report = {
      compared: 5,
      inFlight: 1,
      dead: 2,
      differences: [{ verdict: 'missing' }, { verdict: 'missing' }, { verdict: 'different' }],
      madeDue: 3,
      healed: 2,
    } as unknown as Parameters<typeof addReport>[1];
    const once = addReport(NOTHING_COMPARED, report);
    expect(once).toEqual({
      compared: 5,
      inFlight: 1,
      dead: 2,
      found: { missing: 2, different: 1 },
      differences: 3,
      madeDue: 3,
      repaired: 2,
    });
    expect(addReport(once, report)).toEqual({
      compared: 10,
      inFlight: 2,
      dead: 4,
      found: { missing: 4, different: 2 },
      differences: 6,
      madeDue: 6,
      repaired: 4,
    });
    expect(NOTHING_COMPARED.found).toEqual({});
  });
});
