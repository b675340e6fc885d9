import type { Clock } from '../../ports/clock.ts';
import type { ClaimedDelivery, DeliveryClaimRequest } from '../../ports/delivery-claims.ts';

/** So long it may take until what became due before the place, or is free again there, is seen. */
const FROM_START_EVERY_MS = 1_000;

/**
 * Where the next claim of first attempts begins. While there is more than is asked for, each claim goes on behind
 * the last one, since before it there are mostly claims that are under way; every second, and when nothing is left
 * behind it, the look is at everything.
 */
export class ClaimPlace {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #behind: DeliveryClaimRequest['behind'];
  #fromStartMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Undefined for a look at everything. */
  next(): DeliveryClaimRequest['behind'] {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#fromStartMs >= FROM_START_EVERY_MS) this.#behind = undefined;
    if (this.#behind === undefined) this.#fromStartMs = nowMs;
    return this.#behind;
  }

  /** What the claim gave; `isMore` if that was as much as was asked for. */
  moved(claimed: readonly ClaimedDelivery[], isMore: boolean): void {
    this.#behind = isMore ? claimed.at(-1) : undefined;
  }
}
