import { type Linked, LinkedList } from '../../core/linked-list.ts';
import type { Clock } from '../../ports/clock.ts';

/** What ends by its signal or its deadline, if it does not end before. */
export interface Endable extends Linked<Endable> {
  readonly signal: AbortSignal;
  readonly startedMs: number;
  /** Its signal has aborted. */
  stop(): void;
  /** Its time is over. */
  expire(): void;
}

/**
 * The attempts that are under way, in the sequence of their beginning. All have the same time, so one timer, for the
 * oldest, does for all of them, as one listener does: one of each for every attempt would cost more than it.
 */
export class UnderWay {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #deadlineMs: number;
  readonly #attempts = new LinkedList<Endable>();
  readonly #signals = new WeakSet<AbortSignal>();
  #timer: NodeJS.Timeout | null = null;

  constructor(clock: Pick<Clock, 'monotonicMs'>, deadlineMs: number) {
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
  }

  add(attempt: Endable): void {
    this.#attempts.add(attempt);
    this.#timer ??= setTimeout(this.#onTimer, this.#deadlineMs);
    this.#listenTo(attempt.signal);
  }

  remove(attempt: Endable): void {
    this.#attempts.delete(attempt);
    if (this.#attempts.size > 0 || this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #listenTo(signal: AbortSignal): void {
    if (this.#signals.has(signal)) return;
    this.#signals.add(signal);
    signal.addEventListener('abort', () => {
      for (const attempt of this.#attempts) if (attempt.signal === signal) attempt.stop();
    });
  }

  /** Set for one that was the oldest then: it may have ended long ago. */
  readonly #onTimer = (): void => {
    this.#timer = null;
    const nowMs = this.#clock.monotonicMs();
    for (const attempt of this.#attempts) {
      const leftMs = attempt.startedMs + this.#deadlineMs - nowMs;
      if (leftMs > 0) {
        // The end of another may have begun a new one, and that a timer of its own.
        if (this.#timer !== null) clearTimeout(this.#timer);
        this.#timer = setTimeout(this.#onTimer, Math.ceil(leftMs));
        return;
      }
      attempt.expire();
    }
  };
}
