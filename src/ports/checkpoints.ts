import type { PartitionOffset, TopicPartition } from '../core/offset.ts';
import type { Decision } from './audit.ts';

/** Reads how far each partition is journaled, and records what an operator decides about a partition. */
export interface Checkpoints {
  /** All checkpoints, in any sequence. */
  checkpoints(): Promise<Checkpoint[]>;
  /**
   * Records an operator's decision for ever: reading of the partition goes on at `offset`. Raises the partition's
   * epoch. Rejects with `store_refused` if the partition has no checkpoint.
   */
  resume(decision: ResumeDecision): Promise<void>;
  /** The latest of these decisions, the newest first. */
  listResumed(limit: number): Promise<ResumedPartition[]>;
}

/**
 * Says which process may commit a partition's records: only the process that raised the epoch of its checkpoint last.
 */
export interface PartitionOwnership {
  /**
   * Makes the caller the owner of these partitions, and resolves with their checkpoints, in any sequence. Raises the epoch of
   * each checkpoint, so that no earlier owner can commit any more. A partition without a checkpoint gets one at
   * `startOffset`. If one checkpoint cannot be locked, none of the partitions is acquired.
   */
  acquire(partitions: readonly AcquireRequest[]): Promise<Checkpoint[]>;
  /**
   * Records why the partition must not be read on. Every later owner learns it from `acquire`, until an operator calls
   * `resume`. Does nothing if `epoch` is not the partition's latest one.
   */
  halt(partition: TopicPartition, epoch: bigint, reason: string): Promise<void>;
}

export interface AcquireRequest extends TopicPartition {
  readonly topicId: string;
  readonly startOffset: bigint;
}

export interface Checkpoint extends TopicPartition {
  readonly topicId: string;
  /** The offset of the next record to be journaled. */
  readonly nextOffset: bigint;
  /**
   * The leader epoch of the last journaled record. With it the log can tell whether it still holds that record.
   * `UNKNOWN_LEADER_EPOCH` before the first commit and after an operator's decision.
   */
  readonly leaderEpoch: number;
  readonly epoch: bigint;
  /** Why the partition waits for an operator; null if it does not. */
  readonly haltReason: string | null;
  /** Whether this call made the checkpoint, because the partition had none. */
  readonly isNew: boolean;
}

export interface ResumeDecision extends PartitionOffset, Decision {
  readonly topicId: string;
}

/** A decision as it was recorded: the checkpoint went from one offset to another. */
export interface ResumedPartition extends TopicPartition, Decision {
  readonly fromOffset: bigint;
  readonly toOffset: bigint;
  /** Why the partition was halted; null if it was not. */
  readonly haltReason: string | null;
}
