/** The upper bounds of the buckets, in milliseconds: 12 in each decade, from 1 ms to 28 h. Longer times have a bucket too. */
const BOUNDS_MS: readonly number[] = Array.from({ length: 8 }, (_, decade) =>
  [1, 1.2, 1.5, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8].map((step) => Number((step * 10 ** decade).toPrecision(2))),
)
  .flat()
  .concat(100_000_000);

/** The buckets of the bounds, and one for longer times. */
const BUCKETS = BOUNDS_MS.length + 1;

/** The bounds that `totals` shows, in milliseconds. Each is a bound of a bucket, so that the counts are exact. */
const SHOWN_MS = [
  5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 3_000_000,
] as const;

/** A piece whose records have different ages is counted as this many groups of even age. */
const SPREAD = 8;

export interface LatencyQuantiles {
  /** The number of times that the window has. Without any, the quantiles are null. */
  readonly samples: number;
  readonly p50Seconds: number | null;
  readonly p95Seconds: number | null;
  readonly p99Seconds: number | null;
}

/** All times since the start, in the form of a histogram of Prometheus. */
export interface LatencyTotals {
  /** Each count is the number of times that were at most this long, so the counts rise from bucket to bucket. */
  readonly buckets: readonly { readonly leSeconds: number; readonly count: number }[];
  readonly count: number;
  readonly sumSeconds: number;
}

export interface LatencyStatus extends LatencyQuantiles {
  readonly totals: LatencyTotals;
}

/** The number of times in each bucket. */
export type LatencyCounts = Float64Array;

export interface LatencyWindowOptions {
  /** The quantiles are those of the last `windowMs`. Default: 5 minutes. */
  readonly windowMs?: number;
  /** The window moves on in steps, of which it has this many. Default: 30. */
  readonly steps?: number;
}

/**
 * Counts times in buckets of fixed width, over all time and over the last minutes. It takes the same memory and the same
 * time for each count, however many times it has. A quantile is wrong by at most the width of one bucket: a third, or 1 ms.
 */
export class LatencyWindow {
  readonly #stepMs: number;
  readonly #steps: number;
  /** The counts of all steps in a row, each at the number of the step modulo the number of steps. */
  readonly #recent: Uint32Array;
  readonly #all = new Float64Array(BUCKETS);
  /** The number of the latest step that was counted in. */
  #step = 0;
  #sumMs = 0;

  constructor({ windowMs = 300_000, steps = 30 }: LatencyWindowOptions = {}) {
    this.#stepMs = windowMs / steps;
    this.#steps = steps;
    this.#recent = new Uint32Array(steps * BUCKETS);
  }

  /** Counts `count` times of this length. `nowMs` is a time that never falls. A negative length counts as 0. */
  add(latencyMs: number, count: number, nowMs: number): void {
    if (count <= 0 || Number.isNaN(latencyMs)) return;
    const bucket = bucketOf(latencyMs);
    const place = this.#placeAt(nowMs) + bucket;
    this.#recent[place] = (this.#recent[place] ?? 0) + count;
    this.#all[bucket] = (this.#all[bucket] ?? 0) + count;
    this.#sumMs += Math.max(0, latencyMs) * count;
  }

  /** Counts `count` times that lie evenly between two lengths, as those of consecutive records. */
  addSpread(longestMs: number, shortestMs: number, count: number, nowMs: number): void {
    if (bucketOf(longestMs) === bucketOf(shortestMs)) {
      this.add((longestMs + shortestMs) / 2, count, nowMs);
      return;
    }
    const groups = Math.min(count, SPREAD);
    let counted = 0;
    for (let group = 0; group < groups; group++) {
      const upTo = Math.round(((group + 1) * count) / groups);
      const share = groups === 1 ? 0 : group / (groups - 1);
      this.add(longestMs + share * (shortestMs - longestMs), upTo - counted, nowMs);
      counted = upTo;
    }
  }

  /** A copy of the counts of all times since the start, for `quantilesBetween`. */
  counts(): LatencyCounts {
    return this.#all.slice();
  }

  status(nowMs: number): LatencyStatus {
    this.#placeAt(nowMs);
    const window = new Float64Array(BUCKETS);
    for (const [place, count] of this.#recent.entries()) {
      const bucket = place % BUCKETS;
      window[bucket] = (window[bucket] ?? 0) + count;
    }
    return { ...quantilesOf(window), totals: this.#totals() };
  }

  #totals(): LatencyTotals {
    let count = 0;
    let bucket = 0;
    const buckets = SHOWN_MS.map((boundMs) => {
      for (; bucket < BOUNDS_MS.length && (BOUNDS_MS[bucket] ?? 0) <= boundMs; bucket++)
        count += this.#all[bucket] ?? 0;
      return { leSeconds: boundMs / 1_000, count };
    });
    const all = this.#all.reduce((sum, each) => sum + each, 0);
    return { buckets, count: all, sumSeconds: this.#sumMs / 1_000 };
  }

  /** Where the counts of the present step begin. Empties the steps that have passed without a count. */
  #placeAt(nowMs: number): number {
    const step = Math.floor(nowMs / this.#stepMs);
    const passed = Math.min(step - this.#step, this.#steps);
    for (let each = 0; each < passed; each++) {
      const place = this.#placeOf(step - each);
      this.#recent.fill(0, place, place + BUCKETS);
    }
    this.#step = Math.max(this.#step, step);
    return this.#placeOf(this.#step);
  }

  #placeOf(step: number): number {
    return (step % this.#steps) * BUCKETS;
  }
}

/** The quantiles of the times that were counted after `earlier` and until `later`, which are counts of the same window. */
export function quantilesBetween(earlier: LatencyCounts, later: LatencyCounts): LatencyQuantiles {
  return quantilesOf(later.map((count, bucket) => count - (earlier[bucket] ?? 0)));
}

function quantilesOf(counts: LatencyCounts): LatencyQuantiles {
  const samples = counts.reduce((sum, count) => sum + count, 0);
  const at = (share: number) => (samples === 0 ? null : quantileMs(counts, samples, share) / 1_000);
  return { samples, p50Seconds: at(0.5), p95Seconds: at(0.95), p99Seconds: at(0.99) };
}

/** The number of the first bucket whose bound is not below the length. */
function bucketOf(latencyMs: number): number {
  let from = 0;
  let to = BOUNDS_MS.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((BOUNDS_MS[middle] ?? 0) < latencyMs) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The length that this share of the times does not exceed. Inside a bucket, the times count as evenly spread. */
function quantileMs(counts: Float64Array, samples: number, share: number): number {
  const rank = share * samples;
  let below = 0;
  for (let bucket = 0; bucket < BOUNDS_MS.length; bucket++) {
    const count = counts[bucket] ?? 0;
    if (count > 0 && below + count >= rank) {
      const lowerMs = BOUNDS_MS[bucket - 1] ?? 0;
      const upperMs = BOUNDS_MS[bucket] ?? 0;
      return lowerMs + ((upperMs - lowerMs) * (rank - below)) / count;
    }
    below += count;
  }
  return BOUNDS_MS.at(-1) ?? 0;
}
