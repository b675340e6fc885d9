import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LatencyWindow, quantilesBetween } from '../../../src/pipeline/status/latency-window.ts';

const NOW_MS = 1_000_000_000;

describe('the window of latencies', () => {
  it('gives quantiles within a third or 1 ms of the true ones, for any lengths up to 28 h', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 100_000_000, noNaN: true }), {
          minLength: 1,
          maxLength: 200,
          size: 'max',
        }),
        (lengths) => {
          const window = new LatencyWindow();
          for (const length of lengths) window.add(length, 1, NOW_MS);
          const sorted = [...lengths].sort((left, right) => left - right);
          const { samples, p50Seconds, p95Seconds, p99Seconds } = window.status(NOW_MS);
          expect(samples).toBe(lengths.length);
          for (const [share, seconds] of [
            [0.5, p50Seconds],
            [0.95, p95Seconds],
            [0.99, p99Seconds],
          ] as const) {
            const trueMs = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
            const ms = (seconds ?? 0) * 1_000;
            const isClose = Math.abs(ms - trueMs) <= 1 || Math.max(ms / trueMs, trueMs / ms) < 1.34;
            expect(isClose, `${ms} for ${trueMs}`).toBe(true);
          }
        },
      ),
      { numRuns: 50, examples: [[[1]], [[0]]] },
    );
  });

  it('there are no quantiles before the first count, and none again when the last one is older than the window', () => {
    const window = new LatencyWindow({ windowMs: 300_000, steps: 30 });
    expect(window.status(NOW_MS)).toMatchObject({ samples: 0, p50Seconds: null, p99Seconds: null });
    window.add(100, 10, NOW_MS);
    expect(window.status(NOW_MS + 289_000).samples).toBe(10);
    expect(window.status(NOW_MS + 300_000).samples).toBe(0);
    expect(window.status(NOW_MS + 300_000).totals.count).toBe(10);
  });

  it('drops each step as it leaves the window, also after a pause that is longer than the window', () => {
    const window = new LatencyWindow({ windowMs: 10_000, steps: 10 });
    for (let second = 0; second < 15; second++) window.add(5, 1, NOW_MS + second * 1_000);
    expect(window.status(NOW_MS + 14_000).samples).toBe(10);
    window.add(5, 1, NOW_MS + 100_000);
    expect(window.status(NOW_MS + 100_000).samples).toBe(1);
  });

  it('shows totals as buckets that rise and end at the count, with exact counts at their bounds', () => {
    const window = new LatencyWindow();
    for (const ms of [-5, 0, 5, 5.1, 1_000, 1_000.1, 90_000_000, 400_000_000]) window.add(ms, 1, NOW_MS);
    const { buckets, count, sumSeconds } = window.status(NOW_MS).totals;
    const at = (seconds: number) => buckets.find(({ leSeconds }) => leSeconds === seconds)?.count;
    expect([at(0.005), at(0.01), at(0.5), at(1), at(3_000), count]).toEqual([3, 4, 4, 5, 6, 8]);
    expect(sumSeconds).toBeCloseTo((5 + 5.1 + 1_000 + 1_000.1 + 490_000_000) / 1_000, 3);
    for (let index = 1; index < buckets.length; index++)
      expect(buckets[index]?.count).toBeGreaterThanOrEqual(buckets[index - 1]?.count ?? 0);
  });

  it('spreads the records of a piece evenly between its oldest and its newest, and counts each once', () => {
    const window = new LatencyWindow();
    window.addSpread(10_000, 0, 250, NOW_MS);
    const { samples, p50Seconds, p99Seconds } = window.status(NOW_MS);
    expect(samples).toBe(250);
    expect(p50Seconds).toBeGreaterThan(3);
    expect(p50Seconds).toBeLessThan(7);
    expect(p99Seconds).toBeGreaterThan(8);
    for (const count of [0, 1, 2, 3, 7, 9]) window.addSpread(2_000, 1, count, NOW_MS);
    expect(window.status(NOW_MS).samples).toBe(250 + 22);
  });

  it('takes the mean of a piece whose records are about as old, and the age of a single record', () => {
    const window = new LatencyWindow();
    window.addSpread(9.8, 9.2, 9, NOW_MS);
    expect(window.status(NOW_MS).totals.sumSeconds).toBeCloseTo(0.0855, 9);
    window.addSpread(2_000, 2_000, 1, NOW_MS);
    expect(window.status(NOW_MS).totals.sumSeconds).toBeCloseTo(2.0855, 9);
    window.addSpread(3_000, 10, 1, NOW_MS);
    expect(window.status(NOW_MS).totals.sumSeconds).toBeCloseTo(5.0855, 9);
  });

  it('spreads the ages of a piece in even steps from the oldest to the newest', () => {
    const window = new LatencyWindow();
    window.addSpread(1_000, 200, 3, NOW_MS);
    const { sumSeconds, buckets } = window.status(NOW_MS).totals;
    expect(sumSeconds).toBeCloseTo(1 + 0.6 + 0.2, 9);
    const at = (seconds: number) => buckets.find(({ leSeconds }) => leSeconds === seconds)?.count;
    expect([at(0.1), at(0.25), at(0.5), at(1)]).toEqual([0, 1, 1, 3]);
    window.addSpread(8_000, 1_000, 16, NOW_MS);
    expect(window.status(NOW_MS).totals.sumSeconds).toBeCloseTo(1.8 + 16 * 4.5, 9);
  });

  it('ignores a length that is no number, and a count below one', () => {
    const window = new LatencyWindow();
    window.add(Number.NaN, 3, NOW_MS);
    window.add(5, 0, NOW_MS);
    window.add(5, -2, NOW_MS);
    expect(window.status(NOW_MS)).toMatchObject({ samples: 0, totals: { count: 0, sumSeconds: 0 } });
  });

  it('gives the exact quantile of times that fill one bucket', () => {
    const window = new LatencyWindow();
    window.add(45, 100, NOW_MS);
    const { p50Seconds, p95Seconds, p99Seconds } = window.status(NOW_MS);
    // The bucket reaches from 40 to 50 ms.
    expect([p50Seconds, p95Seconds, p99Seconds]).toEqual([0.045, 0.0495, 0.0499]);
  });

  it('gives the longest bound for times over 28 h', () => {
    const window = new LatencyWindow();
    window.add(300_000_000, 3, NOW_MS);
    expect(window.status(NOW_MS).p50Seconds).toBe(100_000);
  });

  it('gives the quantiles of the times between two moments alone', () => {
    const window = new LatencyWindow();
    window.add(45, 50, NOW_MS);
    const earlier = window.counts();
    window.add(950, 100, NOW_MS);
    const { samples, p50Seconds } = quantilesBetween(earlier, window.counts());
    expect(samples).toBe(100);
    expect(p50Seconds).toBeCloseTo(0.9, 9);
    expect(quantilesBetween(new Float64Array(0), earlier)).toMatchObject({ samples: 50, p50Seconds: 0.045 });
    expect(earlier).not.toEqual(window.counts());
  });

  it('keeps the counts of the window when a count comes with an earlier time', () => {
    const window = new LatencyWindow({ windowMs: 10_000, steps: 10 });
    window.add(5, 1, NOW_MS);
    window.add(5, 1, NOW_MS - 3_000);
    expect(window.status(NOW_MS).samples).toBe(2);
    expect(window.status(NOW_MS + 9_000).samples).toBe(2);
    expect(window.status(NOW_MS + 10_000).samples).toBe(0);
  });
});
