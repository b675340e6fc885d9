import { TributaryError } from '../../core/errors.ts';
import { fullJitterMs } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';
import { isBusy } from './errors.ts';

/** How a transaction waits, without blocking, for another process's lock: about six seconds in all. */
const LOCK_BACKOFF = { baseMs: 1, capMs: 50 } as const;
const LOCK_ATTEMPTS = 250;
/** The same while the lock is known to be held for long: whoever waits behind learns the reason soon. */
const LOCK_ATTEMPTS_WHEN_HELD = 20;

/** Which process holds the write lock of this file, and what to do, in one sentence; null if nobody knows. */
export type WhoHolds = (file: string) => string | null;

/**
 * The lock that one process at a time has on an SQLite file. Only the process that has it can let go of it, so one
 * that is stopped keeps it: then whoever waits is told which process that is, and goes on as soon as it can.
 */
export class WriteLock {
  readonly #file: string;
  readonly #clock: Pick<Clock, 'sleep' | 'random'>;
  readonly #whoHolds: WhoHolds;
  #isHeld = false;

  constructor(file: string, clock: Pick<Clock, 'sleep' | 'random'>, whoHolds: WhoHolds = () => null) {
    this.#file = file;
    this.#clock = clock;
    this.#whoHolds = whoHolds;
  }

  /** Whether another process has kept the lock for longer than it was waited for, as last seen. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /**
   * Does what needs the lock as soon as it can be had, without holding up the event loop meanwhile. Rejects with
   * `store_busy` after about six seconds, or half a second if the lock is known to be held for long.
   */
  async take<Result>(attemptOnce: () => Result): Promise<Result> {
    try {
      const result = await this.wait(attemptOnce, this.#isHeld ? LOCK_ATTEMPTS_WHEN_HELD : LOCK_ATTEMPTS);
      this.#isHeld = false;
      return result;
    } catch (error) {
      if (!isBusy(error)) throw error;
      this.#isHeld = true;
      throw this.error(error);
    }
  }

  /** Tries again, with jitter and a limit, while another process has a lock; then throws SQLite's own error. */
  async wait<Result>(attemptOnce: () => Result, attempts: number = LOCK_ATTEMPTS): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return attemptOnce();
      } catch (error) {
        if (!isBusy(error) || attempt >= attempts) throw error;
      }
      await this.#clock.sleep(1 + fullJitterMs(LOCK_BACKOFF, attempt, this.#clock.random()));
    }
  }

  /** That the lock cannot be had, and who has it. */
  error(cause: unknown): TributaryError {
    const holder = this.#whoHolds(this.#file) ?? 'Another process holds its write lock: see which one hangs.';
    return new TributaryError('store_busy', `The file ${this.#file} is locked. ${holder}`, { cause });
  }
}
