import type { PartitionOffset, TopicPartition } from '../core/offset.ts';

/** How far each partition is journaled, and what an operator decides about one. */
export interface Checkpoints {
  checkpoints(): Promise<Checkpoint[]>;
  /** An operator's decision, kept for ever: the partition goes on at `offset`. The epoch is raised. */
  resume(decision: ResumeDecision): Promise<void>;
}

/** Which process may commit a partition's records: the one that raised the epoch of its checkpoint last. */
export interface PartitionOwnership {
  /**
   * Makes the caller the owner of these partitions: raises the epoch of each checkpoint, so that no earlier
   * owner can commit, and says where to go on. A partition without a checkpoint gets one at `startOffset`. All or none:
   * acquire each by itself where a locked checkpoint must not keep the others waiting.
   */
  acquire(partitions: readonly AcquireRequest[]): Promise<Checkpoint[]>;
  /** Stops a partition until somebody decides: `acquire` tells every later owner. Only its present owner may. */
  halt(partition: TopicPartition, epoch: bigint, reason: string): Promise<void>;
}

export interface AcquireRequest extends TopicPartition {
  readonly topicId: string;
  readonly startOffset: bigint;
}

export interface Checkpoint extends TopicPartition {
  readonly topicId: string;
  /** Of the next record to be journaled. */
  readonly nextOffset: bigint;
  /**
   * The log's leader epoch of the last record that was journaled: with it the log can tell whether it still holds that
   * record. `UNKNOWN_LEADER_EPOCH` before the first commit, and after an operator's decision.
   */
  readonly leaderEpoch: number;
  readonly epoch: bigint;
  /** Why the partition waits for an operator, or null. */
  readonly haltReason: string | null;
  /** Whether this call made the checkpoint: the partition had none before. */
  readonly isNew: boolean;
}

export interface ResumeDecision extends PartitionOffset {
  readonly topicId: string;
  readonly decidedBy: string;
  readonly reason: string;
  readonly decidedAtMs: number;
}
