import type { Clock } from '../../../ports/clock.ts';

interface Waiter {
  readonly names: ReadonlySet<string>;
  wake(): void;
}

/** Who waits for news of which partitions. */
export class Arrivals {
  readonly #waiters = new Set<Waiter>();

  /**
   * Resolves at the next news of any of the partitions, when the signal aborts, which it must not have yet, or
   * after `forMs`, which may be infinite.
   */
  wait(
    names: ReadonlySet<string>,
    signal: AbortSignal,
    forMs: number,
    clock: Pick<Clock, 'sleep'>,
  ): Promise<void> {
    return new Promise((resolve) => {
      const isOver = new AbortController();
      const wake = (): void => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', wake);
        isOver.abort();
        resolve();
      };
      const waiter: Waiter = { names, wake };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', wake, { once: true });
      if (Number.isFinite(forMs)) void clock.sleep(forMs, isOver.signal).then(wake);
    });
  }

  announce(names: readonly string[]): void {
    for (const waiter of [...this.#waiters]) if (names.some((name) => waiter.names.has(name))) waiter.wake();
  }

  /** Wakes everybody. */
  end(): void {
    for (const waiter of [...this.#waiters]) waiter.wake();
  }
}
