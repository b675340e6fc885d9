import type { Clock } from '../../ports/clock.ts';
import { DeadlineError } from './errors.ts';

/** The time between two looks at the waits. A missed deadline is noticed up to two looks late. */
const LOOK_EVERY_MS = 500;

/** Something that is waited for. The watch calls `giveUp` once, if the deadline passes before `ended`. */
export interface Wait {
  deadlineMs: number;
  looks: number;
  readonly giveUp: (error: DeadlineError) => void;
  readonly message: (seconds: number) => string;
}

/**
 * Keeps the deadlines of everything that this process waits for at the database.
 *
 * It counts its own looks instead of reading a clock. So a process that was stopped for a minute looks once when it is
 * woken, finds the answers that came meanwhile, and does not take them for late.
 */
export class AnswerWatch {
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #waits = new Set<Wait>();
  readonly #stopping = new AbortController();
  #isLooking = false;

  constructor(clock: Pick<Clock, 'sleep'>) {
    this.#clock = clock;
  }

  began(wait: Wait): void {
    wait.looks = 0;
    this.#waits.add(wait);
    if (!this.#isLooking) void this.#look();
  }

  ended(wait: Wait): void {
    this.#waits.delete(wait);
  }

  /** Ends the looks. What still waits is not given up any more. Without it, the timer keeps the process for a look longer. */
  stop(): void {
    this.#stopping.abort();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    while (this.#waits.size > 0) {
      await this.#clock.sleep(LOOK_EVERY_MS, this.#stopping.signal);
      if (this.#stopping.signal.aborted) break;
      for (const wait of [...this.#waits]) {
        wait.looks++;
        if (wait.looks * LOOK_EVERY_MS <= wait.deadlineMs) continue;
        this.#waits.delete(wait);
        wait.giveUp(new DeadlineError(wait.message(wait.deadlineMs / 1_000)));
      }
    }
    this.#isLooking = false;
  }
}
