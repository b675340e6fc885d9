import { describe, expect, it } from 'vitest';
import type { Followed } from '../../../../src/adapters/kafka/reading/followed.ts';
import { takeOldestFirst } from '../../../../src/adapters/kafka/reading/oldest-first.ts';
import { BOUNDLESS, followed, push } from './followed-parts.ts';

/** A partition with one record batch for each of these times, of `count` records each. */
function withTimes(partition: number, times: readonly number[], count = 1): Followed {
  const made = followed(partition);
  for (const [index, timestampMs] of times.entries())
    push(made, { baseOffset: BigInt(index * count), recordCount: count, timestampMs });
  return made;
}

describe('taking the oldest records first', () => {
  it('lets partitions that catch up advance side by side in time', () => {
    // The first piece of a take is that of the partition whose turn it is; the next one is the oldest of all.
    const all = takeOldestFirst(
      [withTimes(0, [10, 40]), withTimes(1, [20, 30]), withTimes(2, [5, 35])],
      BOUNDLESS,
      2,
    );
    expect(all.map(({ partition }) => partition)).toEqual([2, 0, 1, 2, 0]);
    expect(all.map(({ records }) => records.length)).toEqual([1, 1, 2, 1, 1]);
  });

  it('begins with another partition each time, whatever the times', () => {
    const first = (turn: number) =>
      takeOldestFirst(
        [withTimes(0, [1]), withTimes(1, [2]), withTimes(2, [3])],
        { ...BOUNDLESS, maxRecords: 1 },
        turn,
      ).map(({ partition }) => partition);
    expect([0, 1, 2, 3].map(first)).toEqual([[0], [1], [2], [0]]);
  });

  it('keeps the limits over all partitions together', () => {
    const partitions = [withTimes(0, [1, 2, 3], 2), withTimes(1, [1, 2, 3], 2)];
    const taken = takeOldestFirst(partitions, { ...BOUNDLESS, maxRecords: 5 }, 0);
    expect(taken.reduce((sum, { records }) => sum + records.length, 0)).toBe(4);
  });
});
