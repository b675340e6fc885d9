import type { Clock } from '../../../ports/clock.ts';

interface Waiter {
  readonly names: ReadonlySet<string>;
  wake(): void;
}

/** Wakes the takes that wait for something to happen to a partition. */
export class Arrivals {
  readonly #waiters = new Set<Waiter>();

  /**
   * Resolves when any of the partitions is announced, when the signal aborts, or after `forMs`, which may be
   * infinite. The signal must not be aborted yet.
   */
  wait(
    names: ReadonlySet<string>,
    signal: AbortSignal,
    forMs: number,
    clock: Pick<Clock, 'sleep'>,
  ): Promise<void> {
    return new Promise((resolve) => {
      // Most waits have no end, and need no timer.
      const timer = Number.isFinite(forMs) ? new AbortController() : null;
      const wake = (): void => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', wake);
        // Without a reason, `abort` would make an error with a stack.
        timer?.abort('over');
        resolve();
      };
      const waiter: Waiter = { names, wake };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', wake, { once: true });
      if (timer !== null) void clock.sleep(forMs, timer.signal).then(wake);
    });
  }

  /** Wakes every take that waits for one of these partitions. */
  announce(names: readonly string[]): void {
    for (const waiter of [...this.#waiters]) if (names.some((name) => waiter.names.has(name))) waiter.wake();
  }

  /** Wakes every take. */
  end(): void {
    for (const waiter of [...this.#waiters]) waiter.wake();
  }
}
