import { expect, it } from 'vitest';
import { DurationHistogram } from '../../src/core/duration-histogram.ts';

it('a histogram counts each duration in every bucket whose bound it does not exceed', () => {
  const histogram = new DurationHistogram();
  for (const ms of [0, 1, 1.5, 250, 30_000, 45_000, 60_000, -5]) histogram.add(ms);
  const { buckets, count, sumSeconds } = histogram.totals();
  const upTo = (seconds: number) => buckets.find(({ leSeconds }) => leSeconds === seconds)?.count;
  expect([0.001, 0.0025, 0.1, 0.25, 10, 30].map(upTo)).toEqual([3, 4, 4, 5, 5, 6]);
  expect(count).toBe(8);
  expect(sumSeconds).toBeCloseTo(135.2525);
  expect(buckets.map(({ leSeconds }) => leSeconds)).toEqual([
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
  ]);
});
