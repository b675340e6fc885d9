import type { Clock } from '../../ports/clock.ts';

/** What may come at once after a pause: a tenth of a second's worth, so that no second has many more than its share. */
const BURST_SECONDS = 0.1;

/** Lets through so many a second, evenly. */
export class TokenBucket {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #ratePerSecond: number | null = null;
  #tokens = 0;
  #filledMs: number;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
    this.#filledMs = clock.monotonicMs();
  }

  get ratePerSecond(): number | null {
    return this.#ratePerSecond;
  }

  /** From now on; null for no limit. */
  setRate(ratePerSecond: number | null): void {
    if (ratePerSecond === this.#ratePerSecond) return;
    this.#fill();
    if (this.#ratePerSecond === null) this.#tokens = 1;
    this.#ratePerSecond = ratePerSecond;
  }

  /** How many may go now. */
  available(): number {
    if (this.#ratePerSecond === null) return Number.POSITIVE_INFINITY;
    this.#fill();
    return Math.floor(this.#tokens);
  }

  take(count: number): void {
    if (this.#ratePerSecond !== null) this.#tokens -= count;
  }

  /** Until one may go. */
  waitMs(): number {
    if (this.#ratePerSecond === null) return 0;
    this.#fill();
    return Math.max(0, Math.ceil(((1 - this.#tokens) / this.#ratePerSecond) * 1_000));
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#ratePerSecond !== null) {
      const burst = Math.max(1, this.#ratePerSecond * BURST_SECONDS);
      const grown = this.#tokens + ((nowMs - this.#filledMs) / 1_000) * this.#ratePerSecond;
      // What was saved up at a higher rate is not kept.
      this.#tokens = Math.min(burst, grown);
    }
    this.#filledMs = nowMs;
  }
}
