import type { Clock } from '../ports/clock.ts';

/** Lets loops wait for something to change: `open` wakes all who wait now, and nobody later. */
export class Gate {
  #waiting: (() => void)[] = [];

  /** Resolves at the next `open`, or at once if the signal is or becomes aborted. */
  wait(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      signal?.addEventListener('abort', wake, { once: true });
      this.#waiting.push(wake);
    });
  }

  /** As `wait`, but no longer than `ms`; leaves no timer behind. */
  async waitFor(ms: number, clock: Pick<Clock, 'sleep'>, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    await Promise.race([this.wait(either), clock.sleep(ms, either)]);
    over.abort();
  }

  open(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
