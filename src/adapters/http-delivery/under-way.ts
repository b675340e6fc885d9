import { type Linked, LinkedList } from '../../core/linked-list.ts';
import type { Clock } from '../../ports/clock.ts';

/** An attempt as the deadline and the stop signal see it. */
export interface Endable extends Linked<Endable> {
  readonly signal: AbortSignal;
  readonly startedMs: number;
  /** Called when its signal aborts. */
  stop(): void;
  /** Called when its deadline is over. */
  expire(): void;
}

/**
 * The attempts that are under way, the oldest first. All have the same deadline, so one timer for the oldest is enough, as
 * is one listener for each signal. A timer and a listener for each attempt would take more time than the attempt itself.
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

  /** The attempt that the timer was set for may have ended since. */
  readonly #onTimer = (): void => {
    this.#timer = null;
    const nowMs = this.#clock.monotonicMs();
    for (const attempt of this.#attempts) {
      const leftMs = attempt.startedMs + this.#deadlineMs - nowMs;
      if (leftMs > 0) {
        // An attempt that expired in this loop may have begun another one, which has set the timer.
        if (this.#timer !== null) clearTimeout(this.#timer);
        this.#timer = setTimeout(this.#onTimer, Math.ceil(leftMs));
        return;
      }
      attempt.expire();
    }
  };
}
