import type { PartitionOffset } from '../../core/offset.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventLogConsumer } from '../../ports/event-log.ts';
import type { OwnedPartition } from './owned-partitions.ts';

const INTERVAL_MS = 1_000;

/** Tells the group how far the partitions are committed, at most once a second. Only tools that show a lag need it. */
export class CourtesyCommits {
  readonly #consumer: Pick<EventLogConsumer, 'commit'>;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #nextMs = 0;

  constructor(consumer: Pick<EventLogConsumer, 'commit'>, clock: Pick<Clock, 'monotonicMs'>) {
    this.#consumer = consumer;
    this.#clock = clock;
  }

  /** Called after each commit, with all partitions of the instance. */
  committed(owned: Iterable<OwnedPartition>): void {
    if (this.#clock.monotonicMs() < this.#nextMs) return;
    this.#nextMs = this.#clock.monotonicMs() + INTERVAL_MS;
    void this.#consumer.commit(offsetsOf(owned));
  }
}

export function offsetsOf(partitions: Iterable<OwnedPartition>): PartitionOffset[] {
  return [...partitions].map(({ topic, partition, committed }) => ({ topic, partition, offset: committed }));
}
