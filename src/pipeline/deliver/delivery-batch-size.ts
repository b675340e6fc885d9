import type { Clock } from '../../ports/clock.ts';

/** What waits is shared by so many calls, rather than put into one as long as that is possible. */
const CALLS_WANTED = 4;
const SINGLY_MS = { base: 10_000, cap: 10 * 60_000 };

/**
 * How many states to put into one call. A few go singly: they are quicker so, and no state waits for another. The
 * more there are, the larger the batches. After a batch that failed as a whole states go singly for a while,
 * because one member may have taken the others with it.
 */
export class DeliveryBatchSize {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #singlyUntilMs = 0;
  #failures = 0;
  #wanted = 1;
  #left = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  of(waiting: number, maxDeliveryBatch: number): number {
    if (maxDeliveryBatch <= 1 || this.#clock.monotonicMs() < this.#singlyUntilMs) return 1;
    // What is left of what was shared out keeps its share; only when more has come it is shared out anew.
    if (waiting > this.#left) this.#wanted = Math.ceil(waiting / CALLS_WANTED);
    const size = Math.min(maxDeliveryBatch, waiting, this.#wanted);
    this.#left = waiting - size;
    return size;
  }

  /** A batch came back. */
  ended(isFaulty: boolean): void {
    if (!isFaulty) {
      this.#failures = 0;
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    // Others that were under way with it say the same thing once more.
    if (nowMs < this.#singlyUntilMs) return;
    const ms = Math.min(SINGLY_MS.cap, SINGLY_MS.base * 2 ** Math.min(this.#failures, 10));
    this.#singlyUntilMs = nowMs + ms;
    this.#failures++;
  }
}
