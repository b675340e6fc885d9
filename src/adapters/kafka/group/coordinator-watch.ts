import type { Clock } from '../../../ports/clock.ts';

export interface CoordinatorWatch {
  readonly clock: Pick<Clock, 'sleep' | 'monotonicMs'>;
  readonly intervalMs: number;
  /** After so long without any answer the request is broken off. */
  readonly patienceMs: number;
  /** Rejects if the coordinator gives no answer in time. */
  ask(): Promise<unknown>;
  failed(error: unknown): void;
  breakOff(): void;
}

/**
 * Watches a request that may wait long for its answer, such as a join, which waits for all other members. Asks the
 * coordinator on another connection, until `signal` aborts, whether it is there at all. The request is broken off, to be
 * sent again, when the coordinator is silent for too long, and also once it answers again after a silence: what was sent
 * before may have been lost with the connection.
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
