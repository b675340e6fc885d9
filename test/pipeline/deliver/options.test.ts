import { describe, expect, it } from 'vitest';
import { fullJitterMs } from '../../../src/core/retry.ts';
import { DEFAULT_BREAKER, DEFAULT_PACE, DEFAULT_TIMING } from '../../../src/pipeline/deliver/options.ts';

const HOUR_MS = 3_600_000;
/** The longest call of a target by default. */
const CALL_MS = 15_000;

describe('the defaults of deliveries', () => {
  it('let a lease outlast the wait for a call and the call itself', () => {
    const { leaseMs, holdMs } = DEFAULT_TIMING;
    expect(leaseMs).toBeGreaterThan(holdMs + CALL_MS);
  });

  it('spread all attempts over one to three days', () => {
    const { backoff, maxAttempts } = DEFAULT_PACE;
    const longestMs = Array.from({ length: maxAttempts - 1 }, (_, index) =>
      fullJitterMs(backoff, index + 1, 1),
    ).reduce((sum, ms) => sum + ms, 0);
    expect(longestMs / 2).toBeGreaterThan(24 * HOUR_MS);
    expect(longestMs).toBeLessThan(3 * 24 * HOUR_MS);
    expect(fullJitterMs(backoff, maxAttempts, 1)).toBe(6 * HOUR_MS);
  });

  it('open the breaker for at most 20 s, which a target that is back has to wait', () => {
    expect(DEFAULT_BREAKER.backoff.capMs).toBe(20_000);
    expect(DEFAULT_BREAKER.backoff.baseMs).toBeLessThan(DEFAULT_BREAKER.backoff.capMs);
  });

  it('set no limit to the states a second', () => {
    expect(DEFAULT_PACE.ratePerSecond).toBeNull();
  });
});
