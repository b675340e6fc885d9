import type { Clock } from '../ports/clock.ts';
import { LinkedAbort } from './linked-abort.ts';

/** Lets loops wait for a change. `open` wakes every call of `wait` that is under way, and no later one. */
export class Gate {
  readonly #waiting = new Set<() => void>();

  /** Resolves at the next `open`, or when the signal aborts. */
  wait(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      signal?.addEventListener('abort', wake);
      this.#waiting.add(wake);
    });
  }

  /** Like `wait`, for at most `ms`. Leaves no timer behind. */
  async waitFor(ms: number, clock: Pick<Clock, 'sleep'>, signal: AbortSignal): Promise<void> {
    const over = new LinkedAbort(signal);
    await Promise.race([this.wait(over.signal), clock.sleep(ms, over.signal)]);
    over.abort();
  }

  open(): void {
    if (this.#waiting.size === 0) return;
    for (const wake of [...this.#waiting]) wake();
  }
}
