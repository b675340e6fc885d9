/** How long to wait between attempts: doubling from `baseMs` up to `capMs`. */
export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * The wait before attempt `attempt` + 1 (the first attempt is 1), in milliseconds: full jitter, that is, any
 * moment between now and the doubled limit, so that many who failed together do not come back together.
 * `random` is in [0, 1). Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function fullJitterMs(backoff: Backoff, attempt: number, random: number): number {
  const limit = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt - 1, 40));
  return Math.floor(random * limit);
}
