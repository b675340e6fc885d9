/** Durations that were counted since the start, in the form of a histogram of Prometheus. */
export interface DurationTotals {
  /** The number of durations that were at most this long. The counts rise from bucket to bucket. */
  readonly buckets: readonly { readonly leSeconds: number; readonly count: number }[];
  readonly count: number;
  readonly sumSeconds: number;
}

/** The upper bounds of the buckets, in milliseconds. */
const BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000] as const;

/** Counts durations in 14 buckets from 1 ms to 30 s, and one for all longer ones. It is never emptied. */
export class DurationHistogram {
  readonly #counts = new Float64Array(BOUNDS_MS.length + 1);
  #sumMs = 0;

  /** A negative duration, which a clock that was set back may give, counts as 0. */
  add(durationMs: number): void {
    let bucket = 0;
    while (bucket < BOUNDS_MS.length && (BOUNDS_MS[bucket] ?? 0) < durationMs) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sumMs += Math.max(0, durationMs);
  }

  totals(): DurationTotals {
    let count = 0;
    const buckets = BOUNDS_MS.map((boundMs, bucket) => {
      count += this.#counts[bucket] ?? 0;
      return { leSeconds: boundMs / 1_000, count };
    });
    return { buckets, count: count + (this.#counts.at(-1) ?? 0), sumSeconds: this.#sumMs / 1_000 };
  }
}
