import { TributaryError } from '../../core/errors.ts';
import { fullJitterMs } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';
import { isBusy } from './errors.ts';

/**
 * The pauses between attempts to get another process's lock. With 250 attempts they take about six seconds in all, and
 * do not block the event loop.
 */
const LOCK_BACKOFF = { baseMs: 1, capMs: 50 } as const;
const LOCK_ATTEMPTS = 250;
/** The attempts while the lock is known to be held for long, so that callers learn the reason after half a second. */
const LOCK_ATTEMPTS_WHEN_HELD = 20;

/**
 * Names the process that holds the write lock of this file, and says what to do, in one sentence; null if nobody knows.
 */
export type WhoHolds = (file: string) => string | null;

/**
 * The write lock of an SQLite file, which one process has at a time. Only this process can release it, so a stopped
 * process keeps it. Callers then get an error that names the process, and succeed once it goes on.
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

  /** Whether the last caller gave up because another process kept the lock. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /**
   * Runs `attemptOnce` as soon as the lock can be had, without blocking the event loop. Rejects with `store_busy` after
   * about six seconds, or after half a second if the lock is known to be held for long.
   */
  async take<Result>(attemptOnce: () => Result | Promise<Result>): Promise<Result> {
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

  /**
   * Tries again, with pauses and jitter, while another process has a lock. Throws SQLite's own error after the last
   * attempt.
   */
  async wait<Result>(
    attemptOnce: () => Result | Promise<Result>,
    attempts: number = LOCK_ATTEMPTS,
  ): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await attemptOnce();
      } catch (error) {
        if (!isBusy(error) || attempt >= attempts) throw error;
      }
      await this.#clock.sleep(1 + fullJitterMs(LOCK_BACKOFF, attempt, this.#clock.random()));
    }
  }

  /** The error that says that the lock cannot be had, and which process has it. */
  error(cause: unknown): TributaryError {
    const holder = this.#whoHolds(this.#file) ?? 'Another process holds its write lock: see which one hangs.';
    return new TributaryError('store_busy', `The file ${this.#file} is locked. ${holder}`, { cause });
  }
}
