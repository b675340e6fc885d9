import type { ClaimedDelivery } from '../../ports/delivery-claims.ts';
import { ClaimedQueue } from './claimed-queue.ts';

/** The most deliveries that are claimed and not settled. */
const UNSETTLED_MAX = 32_768;
const AHEAD_MAX = 8_192;
/** A delivery that has waited for longer than this was claimed too early. */
const WAITING_WANTED_MS = 1_000;
const NONE: readonly ClaimedDelivery[] = [];

/**
 * Holds the deliveries that are claimed and not sent, first attempts and retries apart, and decides how many there should
 * be: twice as many when the calls have run out of them while more were due, and half as many when one has waited for
 * longer than a second.
 */
export class ClaimAhead {
  readonly first = new ClaimedQueue();
  readonly later = new ClaimedQueue();
  readonly #least: number;
  readonly #retriesAhead: number;
  #ahead: number;
  #isMoreInStore = false;
  #slowClaimMs: number | null = null;
  #disownedMs = Number.NEGATIVE_INFINITY;

  constructor(quickCalls: number, quickRetryCalls: number) {
    this.#least = quickCalls * 2;
    this.#ahead = this.#least;
    this.#retriesAhead = quickRetryCalls * 2;
  }

  get waiting(): number {
    return this.first.length + this.later.length;
  }

  /** The number of deliveries to claim now. 0 until half of the wanted number is missing: small claims cost as much. */
  limit(attempts: 'first' | 'later', inFlight: number, ratePerSecond: number | null): number {
    const wanted = Math.min(
      attempts === 'first' ? this.#ahead : this.#retriesAhead,
      ratePerSecond === null ? AHEAD_MAX : Math.max(1, Math.ceil(ratePerSecond)),
    );
    const room = Math.min(wanted - this[attempts].length, UNSETTLED_MAX - inFlight - this.waiting);
    return room * 2 >= wanted ? room : 0;
  }

  /** Adds a claim. Returns its deliveries, to be given back, if `disown` was called after the claim was asked for. */
  add(
    attempts: 'first' | 'later',
    claimed: readonly ClaimedDelivery[],
    nowMs: number,
    isMoreInStore: boolean,
  ): readonly ClaimedDelivery[] {
    if (nowMs <= this.#disownedMs) return claimed;
    this[attempts].add(claimed, nowMs);
    if (attempts === 'first' && claimed.length > 0) this.#isMoreInStore = isMoreInStore;
    return NONE;
  }

  takeFirst(count: number, nowMs: number): ClaimedDelivery[] {
    const { oldestMs } = this.first;
    // Each claim halves the number once at most.
    if (oldestMs !== null && oldestMs !== this.#slowClaimMs && nowMs - oldestMs > WAITING_WANTED_MS) {
      this.#slowClaimMs = oldestMs;
      this.#ahead = Math.max(this.#least, Math.floor(this.#ahead / 2));
    }
    const taken = this.first.take(count);
    if (this.first.length === 0 && this.#isMoreInStore) {
      this.#isMoreInStore = false;
      this.#ahead = Math.min(AHEAD_MAX, this.#ahead * 2);
    }
    return taken;
  }

  /** Takes out the deliveries that were claimed before this moment, and returns them. */
  dropBefore(claimedMs: number): readonly ClaimedDelivery[] {
    const oldestMs = Math.min(this.first.oldestMs ?? claimedMs, this.later.oldestMs ?? claimedMs);
    if (oldestMs >= claimedMs) return NONE;
    return [...this.first.dropBefore(claimedMs), ...this.later.dropBefore(claimedMs)];
  }

  /** Takes out all deliveries, and refuses those of claims that are under way: another instance may have them by now. */
  disown(nowMs: number): readonly ClaimedDelivery[] {
    this.#disownedMs = nowMs;
    return this.drop();
  }

  /** Takes out all deliveries, and returns them. */
  drop(): readonly ClaimedDelivery[] {
    return this.dropBefore(Number.POSITIVE_INFINITY);
  }
}
