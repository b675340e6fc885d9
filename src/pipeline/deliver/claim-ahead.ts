import type { ClaimedDelivery } from '../../ports/delivery-claims.ts';
import { ClaimedQueue } from './claimed-queue.ts';

/** The most that is claimed and not settled yet. */
const UNSETTLED_MAX = 32_768;
const AHEAD_MAX = 8_192;
/** What waited longer was claimed too early. */
const WAITING_WANTED_MS = 1_000;
const NONE: readonly ClaimedDelivery[] = [];

/**
 * What is claimed before its turn, and how much that should be: twice as much whenever the calls ran out of work
 * while there was more in the store, half as much when it waits for longer than a second. First attempts and
 * retries wait apart.
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

  /** How many to claim now. Small claims cost as much as large ones, so it is none until a good part has gone. */
  limit(attempts: 'first' | 'later', inFlight: number, ratePerSecond: number | null): number {
    const wanted = Math.min(
      attempts === 'first' ? this.#ahead : this.#retriesAhead,
      ratePerSecond === null ? AHEAD_MAX : Math.max(1, Math.ceil(ratePerSecond)),
    );
    const room = Math.min(wanted - this[attempts].length, UNSETTLED_MAX - inFlight - this.waiting);
    return room * 2 >= wanted ? room : 0;
  }

  /** Gives back what was asked for before everything was disowned. */
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
    // Each claim is judged once.
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

  /** Drops what was claimed before that moment. */
  dropBefore(claimedMs: number): readonly ClaimedDelivery[] {
    const oldestMs = Math.min(this.first.oldestMs ?? claimedMs, this.later.oldestMs ?? claimedMs);
    if (oldestMs >= claimedMs) return NONE;
    return [...this.first.dropBefore(claimedMs), ...this.later.dropBefore(claimedMs)];
  }

  /** Drops all, and whatever is still on its way: it may be another's by now. */
  disown(nowMs: number): readonly ClaimedDelivery[] {
    this.#disownedMs = nowMs;
    return this.drop();
  }

  drop(): readonly ClaimedDelivery[] {
    return this.dropBefore(Number.POSITIVE_INFINITY);
  }
}
