interface Waiter {
  readonly names: ReadonlySet<string>;
  wake(): void;
}

/** Who waits for news of which partitions. */
export class Arrivals {
  readonly #waiters = new Set<Waiter>();

  /** Resolves at the next news of any of the partitions, or when the signal aborts, which it must not have yet. */
  wait(names: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const waiter: Waiter = { names, wake };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', wake, { once: true });
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
