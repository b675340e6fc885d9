import type { ViewRow } from '../core/domain.ts';
import type { TopicPartition } from '../core/offset.ts';
import type { JobSave } from './jobs.ts';
import type { JournaledEvent, ReadJournals } from './journal.ts';
import type { LongChange } from './long-journals.ts';
import type { ParkReason } from './parked-entities.ts';
import type { QuarantinedRecord, QuarantineRedrive } from './quarantine.ts';

export interface IngestBatch {
  /** One move for each partition of the batch, sorted by `comparePartitions`. */
  readonly moves: readonly CheckpointMove[];
  readonly quarantined: readonly QuarantinedRecord[];
  /** The ids of all entities with events in the batch, each once, sorted by their UTF-8 bytes. */
  readonly entityIds: readonly string[];
  /**
   * How the store keeps two processes from changing an entity at once.
   *
   * - `optimistic`: the store calls `plan` before the transaction, without versions. The outcome is `stale` if the
   *   row of an entity in the view has another version than `fromVersion`, or is missing.
   * - `locking`: the store locks the entities, calls `plan` with the versions that the journal has (0 for an entity
   *   without events), and writes the rows whatever they held. So rows that were missing or altered are right
   *   afterwards. The outcome is `stale` only if an entity is parked that the plan takes for one that can be folded, or the
   *   other way round.
   */
  readonly mode: 'optimistic' | 'locking';
  /**
   * The epoch of the view's record that the plan relies on. A batch that moves no checkpoint has no other fence, so the
   * outcome is `fenced` if the view has another epoch, or is being exchanged. Without it, only an exchange fences the batch.
   */
  readonly viewEpoch?: number;
  /**
   * Works out what to write. The store calls it once for each `commit`. `readJournals` sees what the transaction sees.
   * In `optimistic` mode it may leave out an entity that has events but no row; a change to it makes the batch `stale`.
   */
  plan(
    versions: ReadonlyMap<string, number> | null,
    readJournals: ReadJournals,
  ): Promise<readonly EntityChange[]>;
  /**
   * Given by a job that redrives quarantined records. The store calls it once, after `plan`, and writes what it gives in
   * the same transaction. The outcome is `stale` if a record that passed is not open any more, and `fenced` if the job
   * is not the claimant's any more.
   */
  readonly redrive?: () => QuarantineRedrive & { readonly job: JobSave };
}

export interface CheckpointMove extends TopicPartition {
  readonly epoch: bigint;
  readonly fromOffset: bigint;
  readonly toOffset: bigint;
  /** The leader epoch of the last record before `toOffset`. */
  readonly leaderEpoch: number;
}

/** The events that one entity gains, and the row that follows from them. */
export interface EntityChange {
  readonly entityId: string;
  /** The version that the plan found; 0 for a new entity. */
  readonly fromVersion: number;
  readonly version: number;
  /**
   * The new row; null for a parked entity, whose columns stay as they are while its version rises. `delivery` says then that
   * nothing has changed.
   */
  readonly row: ViewRow | null;
  /**
   * The new events, `version - fromVersion` of them; the journal has none of them at `fromVersion`. In `locking` mode
   * the list may be empty: then the store only writes the row again.
   */
  readonly events: readonly JournaledEvent[];
  readonly delivery: DeliveryChange;
  readonly parking?: Parking;
  /** Given for an entity whose journal is indexed. */
  readonly long?: LongChange;
}

/**
 * What a change does to the list of parked entities.
 *
 * - `park`: the entity is parked from now on. An entity that is parked already keeps its first reason.
 * - `parked`: the entity was parked before. The outcome of the commit is `stale` if it no longer is.
 * - `release`: the entity is no longer parked.
 *
 * A change with a row and without a `Parking` takes the entity for one that is not parked. The outcome is `stale` if it is.
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
 * Decides to which targets a changed row is due: to those for which it qualifies, and to those whose ledger has the
 * entity already. An unchanged row is due to nobody. The deliveries that become due get the trace of the last of the
 * change's events that has one.
 */
export interface DeliveryChange {
  /** Whether a column of the row has changed. The version does not count. */
  readonly hasChanged: boolean;
  /** The names of the targets for which the row qualifies; empty if the row has not changed. */
  readonly qualifiesFor: readonly string[];
  /**
   * The digest of the state that the row had at the same version. A target may have got that state under this version,
   * so a delivery that was due at this version before becomes a repair of it. See `DeliveryRepair`.
   */
  readonly replaces?: string;
}

/**
 * What became of a batch.
 *
 * - `committed`: everything is written. `deliveriesDue` is the number of deliveries that became due. One that was due
 *   before, at the same version since the same millisecond, may be left out.
 * - `fenced`: nothing is written, because a checkpoint was not where the batch says, or the view has another epoch.
 *   Another process owns the partition, the database went back in time, or the view's tables are being exchanged. Or the
 *   job of the batch is another's, or was cancelled.
 * - `stale`: nothing is written, because another process has changed an entity since the plan, or has settled a
 *   quarantined record. `parked` has the entities to which the plan gave a row and that are parked, in any
 *   sequence, if there are any.
 */
export type CommitOutcome =
  | { readonly kind: 'committed'; readonly deliveriesDue: number }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'stale'; readonly parked?: readonly string[] };
