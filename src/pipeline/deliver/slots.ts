import { type Linked, LinkedList } from '../../core/linked-list.ts';
import type { Clock } from '../../ports/clock.ts';

/** One call's place among those under way. */
export interface Slot extends Linked<Slot> {
  readonly startedMs: number;
  readonly isRetry: boolean;
}

/** A call that takes longer makes room for another. */
const QUICK_MS = 1_000;
/** So many may be under way before the target has answered anything. */
const QUICK_CALLS_MIN = 64;

/**
 * Who may be under way at the same time. A target is asked by a few calls at first, and by one more for each that it
 * answers, up to half of all slots: then one that makes many states durable at once has enough to do. A call that has
 * not ended after a second stands aside and leaves its place to another, until all slots are taken. Retries get half
 * of either at most, so that first attempts go on however many retries hang.
 */
export class Slots {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #calls: number;
  #quickCalls: number;
  /** In the sequence of their beginning. */
  readonly #quick = new LinkedList<Slot>();
  #underWay = 0;
  #retries = 0;
  #quickRetries = 0;

  constructor(calls: number, clock: Pick<Clock, 'monotonicMs'>) {
    this.#calls = calls;
    this.#quickCalls = Math.min(calls, QUICK_CALLS_MIN);
    this.#clock = clock;
  }

  /** How many calls that are not slow may be under way. */
  get quickCalls(): number {
    return this.#quickCalls;
  }

  /** The target has answered a call. */
  widen(): void {
    if (this.#quickCalls < halfOf(this.#calls)) this.#quickCalls++;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** How many retries may be quick at once. */
  get quickRetryCalls(): number {
    return halfOf(this.#quickCalls);
  }

  hasRoom(isRetry: boolean): boolean {
    if (this.#underWay >= this.#calls) return false;
    if (this.#quick.size >= this.#quickCalls) this.#moveAside();
    if (this.#quick.size >= this.#quickCalls) return false;
    if (!isRetry) return true;
    if (this.#retries >= halfOf(this.#calls)) return false;
    if (this.#quickRetries >= this.quickRetryCalls) this.#moveAside();
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

  /** Until a call stands aside; null if none will. */
  nextAsideMs(): number | null {
    if (this.#underWay >= this.#calls) return null;
    const { first } = this.#quick;
    return first === null ? null : Math.max(0, first.startedMs + QUICK_MS - this.#clock.monotonicMs());
  }

  #moveAside(): void {
    const beforeMs = this.#clock.monotonicMs() - QUICK_MS;
    for (let { first } = this.#quick; first !== null && first.startedMs <= beforeMs; { first } = this.#quick)
      this.#leaveQuick(first);
  }

  #leaveQuick(slot: Slot): void {
    if (this.#quick.delete(slot) && slot.isRetry) this.#quickRetries--;
  }
}

/** Of one slot there is no half to keep. */
function halfOf(calls: number): number {
  return Math.max(1, Math.floor(calls / 2));
}
