import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LatencyWindow } from '../../../src/pipeline/status/latency-window.ts';

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
});
