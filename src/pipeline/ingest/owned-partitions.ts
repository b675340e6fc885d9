import { DefectError } from '../../core/errors.ts';
import { comparePartitions, partitionName, type TopicPartition } from '../../core/offset.ts';
import type { CheckpointMove } from '../../ports/commit.ts';
import type { FollowOffset } from '../../ports/event-log.ts';
import type { Piece } from './pending.ts';

/** A partition that this instance has acquired, and how far it is committed. */
export interface OwnedPartition extends TopicPartition {
  readonly epoch: bigint;
  /** The offset of the next record to be committed. */
  committed: bigint;
  /** The leader epoch of the last committed record. */
  leaderEpoch: number;
}

/** Where the log is to be read on from, with the leader epoch by which it can tell that it still holds what was read. */
export function followOffsetOf({ topic, partition, committed, leaderEpoch }: OwnedPartition): FollowOffset {
  return { topic, partition, offset: committed, leaderEpoch };
}

/** The partitions of one lane. */
export class OwnedPartitions {
  /** Sorted by topic and number. */
  readonly list: readonly OwnedPartition[];
  readonly #byName: ReadonlyMap<string, OwnedPartition>;

  constructor(partitions: readonly OwnedPartition[]) {
    this.list = [...partitions].sort(comparePartitions);
    this.#byName = new Map(this.list.map((partition) => [partitionName(partition), partition]));
  }

  /** The checkpoint moves of a batch of these pieces, one for each partition. */
  moves(pieces: readonly Piece<unknown>[]): CheckpointMove[] {
    const moves = new Map<string, CheckpointMove>();
    for (const { topic, partition, toOffset, leaderEpoch } of pieces) {
      const name = partitionName({ topic, partition });
      const owned = this.#byName.get(name);
      if (owned === undefined)
        throw new DefectError(`Records of ${name} came to a lane that does not hold it.`);
      const { epoch, committed: fromOffset } = owned;
      moves.set(name, { topic, partition, epoch, fromOffset, toOffset, leaderEpoch });
    }
    return [...moves.values()].sort(comparePartitions);
  }

  /** Notes that the moves are committed. */
  advance(moves: readonly CheckpointMove[]): void {
    for (const move of moves) {
      const owned = this.#byName.get(partitionName(move));
      if (owned === undefined) continue;
      owned.committed = move.toOffset;
      owned.leaderEpoch = move.leaderEpoch;
    }
  }
}
