import type { Clock } from '../../ports/clock.ts';
import type { SyncStatus } from '../sync.ts';
import { type LatencyQuantiles, quantilesBetween } from './latency-window.ts';
import type { MeteredLatencies } from './meters.ts';
import { totalOf } from './report.ts';
import type { SharedStatus } from './status.ts';

export const SERIES_STEP_SECONDS = 10;
/** One hour. */
export const SERIES_POINTS_MAX = 360;

/** What has flowed through the instance since its start. The counts only rise. */
export interface SeriesCounts {
  /** Records that are in the journal or in quarantine. */
  readonly records: number;
  readonly journaled: number;
  readonly duplicates: number;
  /** Records that went to quarantine. */
  readonly refused: number;
  /** States that became due to a target. */
  readonly due: number;
  /** States that a target accepted. */
  readonly delivered: number;
  /** Attempts at a delivery that failed. */
  readonly failed: number;
}

/** What stands in log and store, whichever instance works on it. Null where they have not answered lately. */
export interface SeriesLevels {
  readonly lagMessages: number | null;
  readonly lagSeconds: number | null;
  /** States that are due, retries included. */
  readonly outboxPending: number | null;
}

export interface SeriesReading {
  readonly counts: SeriesCounts;
  readonly levels: SeriesLevels;
  readonly latencies: MeteredLatencies;
}

export interface SeriesQuantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** One step: the increases of the counts, the levels at its end, and the latencies of what happened in it. It is plain JSON. */
export interface SeriesPoint extends SeriesCounts, SeriesLevels {
  /** The end of the step, by RFC 3339. */
  readonly at: string;
  /** In milliseconds; null if the step has none. */
  readonly journaledMs: SeriesQuantiles | null;
  readonly deliveredMs: SeriesQuantiles | null;
}

/** Reads the instance and, by an answer that others have asked for lately, log and store. */
export function seriesReadingOf(
  { ingest, meters, deliveries }: SyncStatus,
  shared: SharedStatus | null,
  latencies: MeteredLatencies,
): SeriesReading {
  const sumOf = <Item>(items: readonly Item[], value: (item: Item) => number) =>
    items.reduce((sum, item) => sum + value(item), 0);
  const targets = Object.values(deliveries);
  const lag = shared?.log.ok && shared.store.ok ? totalOf(shared.log.value.partitions) : null;
  return {
    counts: {
      records: sumOf(meters.consumed, ({ records }) => records),
      journaled: ingest?.journaled ?? 0,
      duplicates: ingest?.duplicates ?? 0,
      refused: sumOf(meters.consumed, ({ type, records }) => (type === null ? records : 0)),
      due: meters.statesDue,
      delivered: sumOf(targets, ({ delivered }) => delivered),
      failed: sumOf(targets, ({ attempts }) =>
        sumOf(attempts.counts, ({ outcome, attempts: count }) => (outcome === 'delivered' ? 0 : count)),
      ),
    },
    levels: {
      lagMessages: lag?.messages ?? null,
      lagSeconds: lag?.seconds ?? null,
      outboxPending: shared?.store.ok
        ? sumOf(shared.store.value.outboxes, ({ first, retries }) => first.count + retries.count)
        : null,
    },
    latencies,
  };
}

/**
 * The last hour of one instance in steps of 10 s, in memory. It costs the same whether anybody looks at it or not: one
 * reading a step.
 */
export class Series {
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs' | 'sleep'>;
  /** A ring. The oldest point is at `#next` once it is full. */
  readonly #points: SeriesPoint[] = [];
  #next = 0;
  #before: Pick<SeriesReading, 'counts' | 'latencies'> = AT_START;

  constructor(clock: Pick<Clock, 'now' | 'monotonicMs' | 'sleep'>) {
    this.#clock = clock;
  }

  /** Takes a reading every 10 s until the signal aborts. Rejects if `read` does. */
  async run(read: () => Promise<SeriesReading>, signal: AbortSignal): Promise<void> {
    let nextMs = this.#clock.monotonicMs();
    for (;;) {
      const nowMs = this.#clock.monotonicMs();
      // After a standstill the steps go on from now. The ones that were missed are one long step.
      nextMs = Math.max(nextMs + SERIES_STEP_SECONDS * 1_000, nowMs);
      await this.#clock.sleep(nextMs - nowMs, signal);
      if (signal.aborted) return;
      this.take(await read());
    }
  }

  /** Ends a step. */
  take(reading: SeriesReading): void {
    this.#points[this.#next] = this.#pointOf(this.#before, reading);
    this.#before = reading;
    this.#next = (this.#next + 1) % SERIES_POINTS_MAX;
  }

  /** The points, the oldest first. */
  points(): readonly SeriesPoint[] {
    return [...this.#points.slice(this.#next), ...this.#points.slice(0, this.#next)];
  }

  #pointOf(
    before: Pick<SeriesReading, 'counts' | 'latencies'>,
    { counts, levels, latencies }: SeriesReading,
  ): SeriesPoint {
    const increase = (name: keyof SeriesCounts) => Math.max(0, counts[name] - before.counts[name]);
    return {
      at: new Date(this.#clock.now()).toISOString(),
      records: increase('records'),
      journaled: increase('journaled'),
      duplicates: increase('duplicates'),
      refused: increase('refused'),
      due: increase('due'),
      delivered: increase('delivered'),
      failed: increase('failed'),
      ...levels,
      journaledMs: millisecondsOf(quantilesBetween(before.latencies.journaled, latencies.journaled)),
      deliveredMs: millisecondsOf(quantilesBetween(before.latencies.delivered, latencies.delivered)),
    };
  }
}

/** Nothing has happened before the first step. */
const AT_START: Pick<SeriesReading, 'counts' | 'latencies'> = {
  counts: { records: 0, journaled: 0, duplicates: 0, refused: 0, due: 0, delivered: 0, failed: 0 },
  latencies: { journaled: new Float64Array(0), delivered: new Float64Array(0) },
};

function millisecondsOf({ p50Seconds, p95Seconds, p99Seconds }: LatencyQuantiles): SeriesQuantiles | null {
  if (p50Seconds === null || p95Seconds === null || p99Seconds === null) return null;
  const inMs = (seconds: number) => Math.round(seconds * 1_000_000) / 1_000;
  return { p50: inMs(p50Seconds), p95: inMs(p95Seconds), p99: inMs(p99Seconds) };
}
