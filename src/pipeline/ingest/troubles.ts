import { partitionName, type TopicPartition } from '../../core/offset.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';

interface Trouble {
  readonly failures: number;
  readonly reason: string;
  readonly dueAtMs: number;
}

/** Which partitions failed, how often in a row, and when each is to be tried again: one that fails delays no other. */
export class Troubles {
  readonly #backoff: Backoff;
  readonly #clock: Pick<Clock, 'monotonicMs' | 'random'>;
  readonly #byName = new Map<string, Trouble>();

  constructor(backoff: Backoff, clock: Pick<Clock, 'monotonicMs' | 'random'>) {
    this.#backoff = backoff;
    this.#clock = clock;
  }

  /**
   * Notes one more failure of each partition. Each is due again after a pause by the backoff, or after `pauseMs`. Returns
   * the highest number of failures in a row that one of them has now.
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

  /** They work again, or are no longer ours. */
  forget(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#byName.delete(partitionName(partition));
  }

  /** By the monotonic clock; negative infinity if it may be tried at any time. */
  dueAtMs(partition: TopicPartition): number {
    return this.#byName.get(partitionName(partition))?.dueAtMs ?? Number.NEGATIVE_INFINITY;
  }

  /** How often in a row the partition has failed. */
  failures(partition: TopicPartition): number {
    return this.#byName.get(partitionName(partition))?.failures ?? 0;
  }

  reason(partition: TopicPartition): string | null {
    return this.#byName.get(partitionName(partition))?.reason ?? null;
  }
}
