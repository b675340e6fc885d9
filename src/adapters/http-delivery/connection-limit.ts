import type { Clock } from '../../ports/clock.ts';

/** A socket that is cut sooner than this after an answer was cut because the target is short of connections. */
const SHORT_IDLE_MS = 1_000;
/** A target that is short of connections cuts several at once, so they count as one event within this time. */
const EVENT_MS = 500;
/** The limit rises by a quarter when it has held for this long. */
const HOLDS_MS = 60_000;
const LEAST = 16;

/**
 * The most connections to a target that cuts some of them. Each event lowers it to three quarters of the connections
 * that are open, but not below 16. After each minute without an event it rises by a quarter, up to `max`.
 */
export class ConnectionLimit {
  readonly #max: number;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #limit: number;
  #heldSinceMs = 0;

  constructor(max: number, clock: Pick<Clock, 'monotonicMs'>) {
    this.#max = max;
    this.#clock = clock;
    this.#limit = max;
  }

  get now(): number {
    // Mostly no limit holds, and then the clock is not read.
    if (this.#limit === this.#max) return this.#max;
    const nowMs = this.#clock.monotonicMs();
    while (this.#limit < this.#max && nowMs - this.#heldSinceMs >= HOLDS_MS) {
      this.#heldSinceMs += HOLDS_MS;
      this.#limit = Math.min(this.#max, Math.ceil(this.#limit * 1.25));
    }
    return this.#limit;
  }

  /** Notes that a connection was cut after it was free for `idleMs`. Returns whether the limit is lower now. */
  cut(idleMs: number, open: number): boolean {
    if (idleMs >= SHORT_IDLE_MS) return false;
    const limit = this.now;
    const nowMs = this.#clock.monotonicMs();
    if (limit < this.#max && nowMs - this.#heldSinceMs < EVENT_MS) return false;
    const lower = Math.max(Math.min(LEAST, this.#max), Math.floor(open * 0.75));
    if (lower >= limit) return false;
    this.#limit = lower;
    this.#heldSinceMs = nowMs;
    return true;
  }
}
