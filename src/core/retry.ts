/** The longest wait between attempts: `baseMs` at first, doubled after each attempt, up to `capMs`. */
export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * Returns the wait after attempt `attempt`, from 1, in milliseconds, with full jitter: a random time between 0 and the
 * doubled limit, so that callers that failed together do not come back together. `random` is in [0, 1). Source:
 * "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function fullJitterMs(backoff: Backoff, attempt: number, random: number): number {
  const limit = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt - 1, 40));
  return Math.floor(random * limit);
}
