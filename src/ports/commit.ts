import type { ViewRow } from '../core/domain.ts';
import type { TopicPartition } from '../core/offset.ts';
import type { JournaledEvent, ReadJournals } from './journal.ts';
import type { LongChange } from './long-journals.ts';
import type { ParkReason } from './parked-entities.ts';
import type { QuarantinedRecord } from './quarantine.ts';

export interface IngestBatch {
  /** One for each partition of the batch, by `comparePartitions`. */
  readonly moves: readonly CheckpointMove[];
  readonly quarantined: readonly QuarantinedRecord[];
  /** The entities that the batch concerns, without repetition, in the sequence of their UTF-8 bytes. */
  readonly entityIds: readonly string[];
  /**
   * `optimistic`: `plan` is asked before the transaction, with no versions. The outcome is `stale` if an entity is
   * not at the version that its change builds on, or has no row of that version in the view.
   * `locking`: the entities are locked first, and their versions are given to `plan` as the journal has them (0 for an
   * entity that is not there yet). The view's rows are written whatever they held, so a row that was missing or
   * altered is right afterwards. The outcome is never `stale`, except for an entity that is no longer parked.
   */
  readonly mode: 'optimistic' | 'locking';
  /** What to write; asked once for each call of `commit`. `readJournals` sees what the transaction sees. */
  plan(
    versions: ReadonlyMap<string, number> | null,
    readJournals: ReadJournals,
  ): Promise<readonly EntityChange[]>;
}

export interface CheckpointMove extends TopicPartition {
  readonly epoch: bigint;
  readonly fromOffset: bigint;
  readonly toOffset: bigint;
  /** Of the last record before `toOffset`. */
  readonly leaderEpoch: number;
}

/** What one entity gains, or how its row is made again. */
export interface EntityChange {
  readonly entityId: string;
  /** The version that the change builds on: 0 for a new entity. */
  readonly fromVersion: number;
  readonly version: number;
  /** Null for a parked entity: the row's columns stay as they are, only its version rises. */
  readonly row: ViewRow | null;
  /**
   * As many as the versions are apart. None of them was journaled at `fromVersion`: the caller has looked. There may
   * be none in `locking` mode: then the row is only written again.
   */
  readonly events: readonly JournaledEvent[];
  readonly delivery: DeliveryChange;
  readonly parking?: Parking;
  /** Given for an entity whose journal is indexed. */
  readonly long?: LongChange;
}

/**
 * `park`: the entity is parked from now on; one that is parked already keeps its first reason. `parked`: it was parked
 * before, and the outcome is `stale` if it no longer is. `release`: it is no longer parked.
 */
export type Parking =
  | {
      readonly kind: 'park';
      readonly reason: ParkReason;
      readonly detail: string;
      readonly parkedAtMs: number;
    }
  | { readonly kind: 'parked' }
  | { readonly kind: 'release' };

/**
 * What a change means to the targets: the new state is due to those for which it qualifies, and to those that
 * are owed, or have got, an earlier state of the entity. Nothing is due by a row that is as it was.
 */
export interface DeliveryChange {
  /** Whether the row is another one; the version alone does not count. */
  readonly hasChanged: boolean;
  /** The names of the targets for which the state qualifies; none if nothing has changed. */
  readonly qualifiesFor: readonly string[];
}

/**
 * `committed`: all of it stands. `fenced`: a checkpoint was not where the batch says, so somebody else owns
 * the partition, or the store went back in time: nothing was written. `stale`: an entity was changed by
 * somebody else since it was read: nothing was written.
 */
export type CommitOutcome =
  | { readonly kind: 'committed'; readonly deliveriesDue: number }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'stale' };
