import type { Clock } from '../../ports/clock.ts';

/** After a pause, the states of a tenth of a second may go at once, so that no second has many more than its share. */
const BURST_SECONDS = 0.1;

/** Lets states through at an even rate. */
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

  /** Sets the states a second; null for no limit. */
  setRate(ratePerSecond: number | null): void {
    if (ratePerSecond === this.#ratePerSecond) return;
    this.#fill();
    if (this.#ratePerSecond === null) this.#tokens = 1;
    this.#ratePerSecond = ratePerSecond;
  }

  /** The number of states that may go now. */
  available(): number {
    if (this.#ratePerSecond === null) return Number.POSITIVE_INFINITY;
    this.#fill();
    return Math.floor(this.#tokens);
  }

  take(count: number): void {
    if (this.#ratePerSecond !== null) this.#tokens -= count;
  }

  /** In how many milliseconds the next state may go. */
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
      // Tokens that were saved at a higher rate are dropped.
      this.#tokens = Math.min(burst, grown);
    }
    this.#filledMs = nowMs;
  }
}
