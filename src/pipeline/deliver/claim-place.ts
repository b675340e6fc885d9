import type { Clock } from '../../ports/clock.ts';
import type { ClaimedDelivery, DeliveryClaimRequest } from '../../ports/delivery-claims.ts';

/** A delivery that becomes due before the place, or free again, is seen after this time at the latest. */
const FROM_START_EVERY_MS = 3_000;

/**
 * Decides where the next claim of first attempts begins. While more is due than a claim takes, each claim begins behind the
 * last one, because mostly claimed deliveries stand before that place. Every three seconds, and when the end is reached, a claim
 * begins at the start.
 */
export class ClaimPlace {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #behind: DeliveryClaimRequest['behind'];
  #fromStartMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** The delivery behind which the next claim begins; undefined for the start. */
  next(): DeliveryClaimRequest['behind'] {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#fromStartMs >= FROM_START_EVERY_MS) this.#behind = undefined;
    if (this.#behind === undefined) this.#fromStartMs = nowMs;
    return this.#behind;
  }

  /** A claim took these deliveries. `isMore`: it took as many as it asked for, so more may be due. */
  moved(claimed: readonly ClaimedDelivery[], isMore: boolean): void {
    this.#behind = isMore ? claimed.at(-1) : undefined;
  }
}
