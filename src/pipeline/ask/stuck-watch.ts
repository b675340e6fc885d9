import { isDefect, messageOf } from '../../core/errors.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { type ListingParts, listRows } from './list-rows.ts';

/** The entities that wait for an event longer than the setting allows, as of the last pass through the view. */
export interface StuckStatus {
  /** The number of entities of all kinds. */
  readonly total: number;
  /** By the event that they wait for, the most first. */
  readonly byEvent: readonly { readonly waitsFor: string; readonly entities: number }[];
  readonly stuckAfterMs: number;
  /** When the pass ended that counted them, by RFC 3339. */
  readonly countedAt: string;
}

export interface StuckWatchParts<State, Event> extends Omit<ListingParts<State, Event>, 'clock' | 'targets'> {
  readonly clock: Clock;
  readonly logger: Logger;
}

const PAGE_ROWS = 1_000;
/** After each page the watch rests for 49 times as long as it worked, so that it does not slow ingest down. */
const REST_PER_WORK = 49;
const REST_MIN_MS = 50;
const REST_MAX_MS = 10_000;
const BETWEEN_PASSES_MS = 60_000;
const FAILURE_BACKOFF: Backoff = { baseMs: 500, capMs: 15_000 };

/**
 * Counts the stuck entities, pass after pass through the view, at a low rate. Every instance counts for itself. A view of
 * 1,000,000 rows takes some minutes, and the count of the last pass stays meanwhile.
 */
export class StuckWatch<State, Event> {
  readonly #parts: StuckWatchParts<State, Event>;
  #status: StuckStatus | null = null;

  constructor(parts: StuckWatchParts<State, Event>) {
    this.#parts = parts;
  }

  /** Null before the end of the first pass, and for a domain that does not say what its rows wait for. */
  status(): StuckStatus | null {
    return this.#status;
  }

  /** Counts until the signal aborts. If a page fails, it is read again after a rest. */
  async run(signal: AbortSignal): Promise<void> {
    const { domain, clock, logger } = this.#parts;
    if (domain.view.whyNotReady === undefined) return;
    let after: string | null = null;
    let counts = new Map<string, number>();
    let failures = 0;
    while (!signal.aborted) {
      const begunMs = clock.monotonicMs();
      try {
        after = await this.#page(after, counts);
        failures = 0;
      } catch (error) {
        if (isDefect(error)) throw error;
        failures++;
        // Other parts log that the store does not answer.
        logger('debug', `The stuck entities could not be counted: ${messageOf(error)}`);
        await clock.sleep(fullJitterMs(FAILURE_BACKOFF, failures, clock.random()), signal);
        continue;
      }
      if (after === null) {
        this.#publish(counts);
        counts = new Map();
        await clock.sleep(BETWEEN_PASSES_MS, signal);
        continue;
      }
      const workMs = clock.monotonicMs() - begunMs;
      await clock.sleep(Math.min(REST_MAX_MS, Math.max(REST_MIN_MS, workMs * REST_PER_WORK)), signal);
    }
  }

  async #page(after: string | null, counts: Map<string, number>): Promise<string | null> {
    const { rows, next } = await listRows(
      { ...this.#parts, targets: [] },
      {
        conditions: [],
        delivery: null,
        isStuck: true,
        olderThanMs: null,
        after,
        limit: PAGE_ROWS,
      },
    );
    for (const { waitsFor } of rows)
      if (waitsFor !== null) counts.set(waitsFor, (counts.get(waitsFor) ?? 0) + 1);
    return next;
  }

  #publish(counts: ReadonlyMap<string, number>): void {
    const { clock, stuckAfterMs } = this.#parts;
    const byEvent = [...counts]
      .map(([waitsFor, entities]) => ({ waitsFor, entities }))
      .sort((left, right) => right.entities - left.entities);
    this.#status = {
      total: byEvent.reduce((sum, { entities }) => sum + entities, 0),
      byEvent,
      stuckAfterMs,
      countedAt: new Date(clock.now()).toISOString(),
    };
  }
}
