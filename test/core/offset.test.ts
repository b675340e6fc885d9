import { describe, expect, it } from 'vitest';
import { compareOffsets, comparePartitions, partitionName } from '../../src/core/offset.ts';

describe('offsets and partitions', () => {
  it('offsets are compared exactly beyond what a double can count', () => {
    expect(compareOffsets(2n ** 60n, 2n ** 60n + 1n)).toBeLessThan(0);
    expect(compareOffsets(2n ** 60n + 1n, 2n ** 60n)).toBeGreaterThan(0);
    expect(compareOffsets(7n, 7n)).toBe(0);
  });

  it('partitions are sorted by topic, then by number and not by its digits', () => {
    const at = (topic: string, partition: number) => ({ topic, partition });
    const sorted = [at('a', 9), at('a', 10), at('b', 0), at('b', 0)];
    for (const [left, one] of sorted.entries())
      for (const [right, other] of sorted.entries()) {
        const expected = partitionName(one) === partitionName(other) ? 0 : Math.sign(left - right);
        expect(
          Math.sign(comparePartitions(one, other)),
          `${partitionName(one)}, ${partitionName(other)}`,
        ).toBe(expected);
      }
  });
});

describe('partitionName', () => {
  it('the name has the topic and the number', () => {
    expect(partitionName({ topic: 'order_events', partition: 3 })).toBe('order_events/3');
  });
});
