import { type Linked, LinkedList } from '../../core/linked-list.ts';
import type { Clock } from '../../ports/clock.ts';

/** The place of one call that is under way. */
export interface Slot extends Linked<Slot> {
  /** By the clock that never jumps. */
  readonly startedMs: number;
  readonly isRetry: boolean;
}

/** A call that takes longer is slow. */
const QUICK_MS = 1_000;
/** At most this many quick calls are under way before the target has answered a call. */
const QUICK_CALLS_MIN = 64;

/**
 * Decides how many calls to one target may be under way at once. A call is in one of these states:
 *
 *   quick --its end--> over
 *   quick --1 s old, and room is asked for that quick places lack--> slow --its end--> over
 *
 * - Quick: it takes one of `calls` places, and one of `quickCalls`. At first there are 64 quick places, or as many as
 *   `calls` if that is less. Each call that ends without a fault of the target adds one, while they are fewer than half of
 *   `calls`: a target that makes many states durable at once has enough to do with these.
 * - Slow: it takes one of `calls` places, and no quick place. So calls that hang leave their quick places to other calls,
 *   until all `calls` places are taken.
 * - Over: it takes no place.
 *
 * Retries get at most half of the `calls` places, and at most half of the quick places. So first attempts go on, however
 * many retries hang. `begin` does not look for room: its caller has asked `hasRoom` before.
 */
export class Slots {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #calls: number;
  #quickCalls: number;
  /** The quick calls, the oldest first. */
  readonly #quick = new LinkedList<Slot>();
  #underWay = 0;
  #retries = 0;
  #quickRetries = 0;

  constructor(calls: number, clock: Pick<Clock, 'monotonicMs'>) {
    this.#calls = calls;
    this.#quickCalls = Math.min(calls, QUICK_CALLS_MIN);
    this.#clock = clock;
  }

  /** The number of quick places. */
  get quickCalls(): number {
    return this.#quickCalls;
  }

  /** Adds a quick place, because a call has ended without a fault of the target. */
  widen(): void {
    if (this.#quickCalls < halfOf(this.#calls)) this.#quickCalls++;
  }

  /** The number of quick places that retries may take. */
  get quickRetryCalls(): number {
    return halfOf(this.#quickCalls);
  }

  /** Whether one more call may begin now. Calls that are 1 s old become slow if that is what makes room. */
  hasRoom(isRetry: boolean): boolean {
    if (this.#underWay >= this.#calls) return false;
    if (this.#quick.size >= this.#quickCalls) this.#makeSlow();
    if (this.#quick.size >= this.#quickCalls) return false;
    if (!isRetry) return true;
    if (this.#retries >= halfOf(this.#calls)) return false;
    if (this.#quickRetries >= this.quickRetryCalls) this.#makeSlow();
    return this.#quickRetries < this.quickRetryCalls;
  }

  begin(isRetry: boolean): Slot {
    const slot: Slot = { startedMs: this.#clock.monotonicMs(), isRetry, previous: null, next: null };
    this.#quick.add(slot);
    this.#underWay++;
    if (isRetry) {
      this.#retries++;
      this.#quickRetries++;
    }
    return slot;
  }

  end(slot: Slot): void {
    this.#underWay--;
    if (slot.isRetry) this.#retries--;
    this.#leaveQuick(slot);
  }

  /** When the oldest quick call can become slow, by the monotonic clock; null if there is none, or if all places are taken. */
  get nextSlowAtMs(): number | null {
    if (this.#underWay >= this.#calls) return null;
    const { first } = this.#quick;
    return first === null ? null : first.startedMs + QUICK_MS;
  }

  #makeSlow(): void {
    const beforeMs = this.#clock.monotonicMs() - QUICK_MS;
    for (let { first } = this.#quick; first !== null && first.startedMs <= beforeMs; { first } = this.#quick)
      this.#leaveQuick(first);
  }

  #leaveQuick(slot: Slot): void {
    if (this.#quick.delete(slot) && slot.isRetry) this.#quickRetries--;
  }
}

/** Half of the places, and at least one. */
function halfOf(calls: number): number {
  return Math.max(1, Math.floor(calls / 2));
}
