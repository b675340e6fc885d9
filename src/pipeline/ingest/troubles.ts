import { partitionName, type TopicPartition } from '../../core/offset.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';

interface Trouble {
  readonly failures: number;
  readonly reason: string;
  readonly dueAtMs: number;
}

/**
 * Which partitions failed, how often in a row, and when each is tried again. One that fails does not delay the others.
 */
export class Troubles {
  readonly #backoff: Backoff;
  readonly #clock: Pick<Clock, 'monotonicMs' | 'random'>;
  readonly #byName = new Map<string, Trouble>();

  constructor(backoff: Backoff, clock: Pick<Clock, 'monotonicMs' | 'random'>) {
    this.#backoff = backoff;
    this.#clock = clock;
  }

  /**
   * Notes a failure of these partitions. Each is tried again after a pause by the backoff, or after `pauseMs`. Answers the
   * highest number of failures in a row among them.
   */
  note(partitions: readonly TopicPartition[], reason: string, pauseMs?: number): number {
    const random = this.#clock.random();
    let most = 0;
    for (const partition of partitions) {
      const name = partitionName(partition);
      const failures = (this.#byName.get(name)?.failures ?? 0) + 1;
      const waitMs = pauseMs ?? fullJitterMs(this.#backoff, failures, random);
      const dueAtMs = this.#clock.monotonicMs() + waitMs;
      this.#byName.set(name, { failures, reason, dueAtMs });
      most = Math.max(most, failures);
    }
    return most;
  }

  /** Forgets the failures of partitions that work again, or that this instance no longer has. */
  forget(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#byName.delete(partitionName(partition));
  }

  /** When the partition may be tried again, by the monotonic clock; negative infinity if at any time. */
  dueAtMs(partition: TopicPartition): number {
    return this.#byName.get(partitionName(partition))?.dueAtMs ?? Number.NEGATIVE_INFINITY;
  }

  /** Answers the number of failures of the partition in a row. */
  failures(partition: TopicPartition): number {
    return this.#byName.get(partitionName(partition))?.failures ?? 0;
  }

  reason(partition: TopicPartition): string | null {
    return this.#byName.get(partitionName(partition))?.reason ?? null;
  }
}
