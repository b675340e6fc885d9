import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { backlogOf, LaneCount } from '../../../src/pipeline/ingest/lane-count.ts';

const countOf = (lanes: number, apartFromRecords?: number) =>
  new LaneCount({
    lanes,
    clock: new SeededClock({ seed: 1 }),
    ...(apartFromRecords === undefined ? {} : { apartFromRecords }),
  });

/** Looks until the lanes change, at most 5,000 times. Answers the number of looks. */
function looksUntilChange(count: LaneCount, backlog: bigint): number {
  for (let looks = 1; looks <= 5_000; looks++) if (count.looked(backlog)) return looks;
  return Number.POSITIVE_INFINITY;
}

describe('the number of lanes', () => {
  it('one lane runs until the instance is 20,000 records behind', () => {
    const count = countOf(4);
    expect(count.of(true)).toBe(1);
    expect(looksUntilChange(count, 19_999n)).toBe(Number.POSITIVE_INFINITY);
    expect(looksUntilChange(count, 20_000n)).toBe(1);
    expect(count.of(true)).toBe(4);
  });

  it('all lanes run from the first partition on if that is far behind', () => {
    const count = countOf(4);
    count.began(19_999n);
    expect(count.of(true)).toBe(1);
    count.began(20_000n);
    expect(count.of(true)).toBe(4);
    count.began(0n);
    expect(count.of(true)).toBe(4);
  });

  it('the lanes are joined after ten looks in a row at which the instance was caught up', () => {
    const count = countOf(4);
    count.began(50_000n);
    for (let look = 1; look < 10; look++) expect(count.looked(2_000n)).toBe(false);
    expect(count.looked(2_001n)).toBe(false);
    expect(looksUntilChange(count, 2_000n)).toBe(10);
    expect(count.of(true)).toBe(1);
  });

  it('lanes that part soon after they were joined stay apart for twice as long, up to ten minutes', () => {
    const count = countOf(4);
    count.began(50_000n);
    const looks: number[] = [];
    for (let times = 0; times < 10; times++) {
      looks.push(looksUntilChange(count, 0n));
      count.looked(20_000n);
    }
    expect(looks).toEqual([10, 20, 40, 80, 160, 320, 640, 1_200, 1_200, 1_200]);
  });

  it('lanes that part long after they were joined are joined after ten looks again', () => {
    const count = countOf(4);
    count.began(50_000n);
    looksUntilChange(count, 0n);
    count.looked(20_000n);
    expect(looksUntilChange(count, 0n)).toBe(20);
    for (let look = 0; look < 1_200; look++) count.looked(0n);
    count.looked(20_000n);
    expect(looksUntilChange(count, 0n)).toBe(10);
  });

  it('one lane runs where the topics have different numbers of partitions', () => {
    const count = countOf(4);
    count.began(50_000n);
    expect(count.of(false)).toBe(1);
  });

  it('nothing changes with a single lane, and with lanes that always are apart', () => {
    for (const count of [countOf(1), countOf(4, 0)])
      for (const backlog of [0n, 1_000_000n])
        expect(looksUntilChange(count, backlog)).toBe(Number.POSITIVE_INFINITY);
    expect(countOf(4, 0).of(true)).toBe(4);
  });
});

describe('the backlog of an instance', () => {
  const owned = (partition: number, committed: bigint) => ({
    topic: 'orders',
    partition,
    committed,
    epoch: 1n,
    leaderEpoch: 0,
  });

  it('counts the records up to the end that was seen last, or at the assignment', () => {
    const assigned = { topic: 'orders', startOffset: 0n, endOffset: 70n, topicId: 't' };
    const byName = new Map([
      ['orders/0', { ...assigned, partition: 0 }],
      ['orders/1', { ...assigned, partition: 1 }],
    ]);
    const ends = [{ topic: 'orders', partition: 1, offset: 100n }];
    const all = [owned(0, 50n), owned(1, 90n), owned(2, 5n)];
    expect(backlogOf(all, byName, ends)).toBe(30n);
  });

  it('leaves out a partition that is committed beyond the end that was seen last', () => {
    const ends = [{ topic: 'orders', partition: 0, offset: 10n }];
    expect(backlogOf([owned(0, 12n)], new Map(), ends)).toBe(0n);
  });
});
