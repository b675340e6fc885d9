import type { Clock } from '../../ports/clock.ts';

/** The waiting states are divided among this many calls. */
const CALLS_WANTED = 4;
const SINGLY_MS = { base: 10_000, cap: 10 * 60_000 };

/**
 * Decides how many states go into one call. A few states go singly: that is quicker, and no state waits for another. The
 * more states wait, the larger the delivery batches are. After a delivery batch has failed as a whole, states go singly
 * for 10 s, and twice as long after each further one, up to 10 min: one member may be the cause.
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
    // States that were divided keep the size of their calls. What waits is divided anew if it is not exactly their rest.
    if (waiting !== this.#left) this.#wanted = Math.ceil(waiting / CALLS_WANTED);
    const size = Math.min(maxDeliveryBatch, waiting, this.#wanted);
    this.#left = waiting - size;
    return size;
  }

  /** A delivery batch has ended. */
  ended(isFaulty: boolean): void {
    if (!isFaulty) {
      this.#failures = 0;
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    // Delivery batches that were under way at the same time fail for the same reason.
    if (nowMs < this.#singlyUntilMs) return;
    const ms = Math.min(SINGLY_MS.cap, SINGLY_MS.base * 2 ** Math.min(this.#failures, 10));
    this.#singlyUntilMs = nowMs + ms;
    this.#failures++;
  }
}
