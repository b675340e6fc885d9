import type { Clock } from '../../../ports/clock.ts';

export interface CoordinatorWatch {
  readonly clock: Pick<Clock, 'sleep' | 'monotonicMs'>;
  readonly intervalMs: number;
  /** The request is broken off when the coordinator has given no answer for this long. */
  readonly patienceMs: number;
  /** Rejects if the coordinator gives no answer in time. */
  ask(): Promise<unknown>;
  /** `ask` was rejected. */
  failed(error: unknown): void;
  /** Breaks the request off. The caller sends it again. */
  breakOff(): void;
}

/**
 * Watches a request whose answer may take long, such as a join, which waits for all other members. Asks the
 * coordinator on another connection whether it is there, until `signal` aborts. Breaks the request off when the
 * coordinator has been silent for `patienceMs`, and when it answers again after a silence, because the request may
 * have been lost in between.
 */
export async function watchCoordinator(watch: CoordinatorWatch, signal: AbortSignal): Promise<void> {
  const { clock, intervalMs, patienceMs } = watch;
  let answeredAtMs = clock.monotonicMs();
  let wasSilent = false;
  for (;;) {
    await clock.sleep(intervalMs, signal);
    if (signal.aborted) return;
    try {
      await watch.ask();
      answeredAtMs = clock.monotonicMs();
      if (wasSilent && !signal.aborted) return watch.breakOff();
    } catch (error) {
      if (signal.aborted) return;
      watch.failed(error);
      wasSilent = true;
      if (clock.monotonicMs() - answeredAtMs >= patienceMs) return watch.breakOff();
    }
  }
}
