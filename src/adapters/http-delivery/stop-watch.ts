/** Who is to end when a signal aborts. One listener for all of them: one for each request would cost more than it. */
export class StopWatch {
  readonly #attempts = new WeakMap<AbortSignal, Set<{ stop(): void }>>();

  add(signal: AbortSignal, attempt: { stop(): void }): void {
    let attempts = this.#attempts.get(signal);
    if (attempts === undefined) {
      const all = new Set<{ stop(): void }>();
      signal.addEventListener('abort', () => {
        for (const each of all) each.stop();
      });
      this.#attempts.set(signal, all);
      attempts = all;
    }
    attempts.add(attempt);
  }

  remove(signal: AbortSignal, attempt: { stop(): void }): void {
    this.#attempts.get(signal)?.delete(attempt);
  }
}
