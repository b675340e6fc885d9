import type { LogDatabase } from '../file/database.ts';
import { type FollowedPartition, nextTimestampMs } from './partition-reader.ts';

/**
 * Says which partition a take reads next: the one whose next record is the oldest. So partitions that catch up advance side
 * by side in time, and the events of one entity meet in one transaction.
 */
export class OldestFirst {
  readonly #database: LogDatabase;
  /** The times of the next records, of the partitions that have some; undefined until somebody asks. */
  readonly #waiting: Map<FollowedPartition, number | undefined>;

  /** Each of these partitions has records to read. */
  constructor(database: LogDatabase, partitions: readonly FollowedPartition[]) {
    this.#database = database;
    this.#waiting = new Map(partitions.map((partition) => [partition, undefined]));
  }

  /** The partition to read now: the first one of the list, or the oldest. Undefined if all are read to their ends. */
  next(isFirst: boolean): FollowedPartition | undefined {
    if (isFirst || this.#waiting.size === 1) return this.#waiting.keys().next().value;
    return this.#oldestBeside(null)?.partition;
  }

  /** The time of the oldest record of the other partitions; infinity if there is none. */
  othersMs(partition: FollowedPartition): number {
    return this.#oldestBeside(partition)?.ms ?? Number.POSITIVE_INFINITY;
  }

  /** `nextMs` as in `PartitionRead`; null also if nothing more can be read of the partition now. */
  wasRead(partition: FollowedPartition, nextMs: number | null | undefined): void {
    const isAtEnd = nextMs === null || partition.nextOffset === partition.endOffset;
    if (isAtEnd) this.#waiting.delete(partition);
    else this.#waiting.set(partition, nextMs);
  }

  #oldestBeside(
    excluded: FollowedPartition | null,
  ): { readonly partition: FollowedPartition; readonly ms: number } | null {
    let oldest: { readonly partition: FollowedPartition; readonly ms: number } | null = null;
    for (const [partition, known] of this.#waiting) {
      if (partition === excluded) continue;
      const ms = known ?? nextTimestampMs(this.#database, partition);
      if (known === undefined) this.#waiting.set(partition, ms);
      if (oldest === null || ms < oldest.ms) oldest = { partition, ms };
    }
    return oldest;
  }
}
