import { describe, expect, it } from 'vitest';
import { creations, idsOf, SHARES, sharedPayments } from '../../bench/lib/workloads.ts';
import { Oracle } from '../checks/oracle.ts';

const TOPICS = { order: 'order_events', payment: 'payment_events' };
const EVENTS = 20_000;

/** The counts of events of the orders, the largest first. */
function countsOf(share: (typeof SHARES)[number]): number[] {
  const counts = new Map<string, number>();
  for (const { key } of sharedPayments(share, EVENTS, TOPICS))
    counts.set(String(key), (counts.get(String(key)) ?? 0) + 1);
  return [...counts.values()].sort((left, right) => right - left);
}

describe('the workloads of the benches', () => {
  it.each(SHARES)('hold only events that the oracle knows, each once: %s', (share) => {
    const oracle = new Oracle(TOPICS);
    let events = 0;
    for (const record of sharedPayments(share, EVENTS, TOPICS)) {
      expect(oracle.add(record)).not.toBeNull();
      events++;
    }
    expect([events, oracle.identityCount]).toEqual([EVENTS, EVENTS]);
  });

  it('give one order half of the events, or shares by the law of Zipf', () => {
    const [half = 0, next = 0] = countsOf('half');
    expect(half / EVENTS).toBeCloseTo(0.5, 1);
    expect(next).toBeLessThan(20);
    const [first = 0, second = 0, third = 0] = countsOf('zipf');
    expect(second / first).toBeCloseTo(1 / 2 ** 1.1, 1);
    expect(third / first).toBeCloseTo(1 / 3 ** 1.1, 1);
    expect(countsOf('uniform')[0]).toBeLessThan(20);
  });

  it('create each order once, with ids that rise or are random', () => {
    const idsIn = (kind: 'rising' | 'random') =>
      [...creations(5, 100, TOPICS, idsOf(kind))].map(({ key }) => String(key));
    expect(new Set(idsIn('rising')).size).toBe(100);
    expect(idsIn('rising')).toEqual(idsIn('rising').toSorted());
    expect(new Set(idsIn('random')).size).toBe(100);
    expect(idsIn('random')).not.toEqual(idsIn('random').toSorted());
  });
});
