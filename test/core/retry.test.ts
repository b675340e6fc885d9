import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fullJitterMs } from '../../src/core/retry.ts';

describe('fullJitterMs', () => {
  it('the wait is between zero and a limit that doubles with each attempt', () => {
    const backoff = { baseMs: 100, capMs: 5000 };
    expect([1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => fullJitterMs(backoff, attempt, 1 - 2 ** -53))).toEqual([
      99, 199, 399, 799, 1599, 3199, 4999, 4999,
    ]);
    expect(fullJitterMs(backoff, 8, 0)).toBe(0);
  });

  it('the wait stays below the cap after any number of attempts', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1 }),
        fc.double({ min: 0, max: 1 - 2 ** -53, noNaN: true }),
        (attempt, random) => {
          const waitMs = fullJitterMs({ baseMs: 100, capMs: 60_000 }, attempt, random);
          expect(Number.isInteger(waitMs) && waitMs >= 0 && waitMs < 60_000).toBe(true);
        },
      ),
    );
  });
});
