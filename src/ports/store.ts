import type { AdoptionChoices, AdoptionReport, ViewShape } from '../core/adoption/index.ts';
import type { ViewRow } from '../core/domain.ts';
import type { Position, TopicPartition } from '../core/offset.ts';
import type { SequenceKey } from '../core/sequence.ts';
import type { DeliveryVerdict } from './delivery-target.ts';
import type { LongChange, LongJournals } from './long-journals.ts';
import type { ParkedEntities, ParkReason } from './parked.ts';
import type { Reconciliation } from './reconciliation.ts';
import type { DeliveryInspection, RedriveJobs } from './redrive.ts';
import type { Senders } from './senders.ts';
import type { StoreIdentity } from './store-identity.ts';
import type { Sweeps } from './sweeps.ts';
import type { JournalInspection } from './verification.ts';

/**
 * What a person's command and the HTTP API do in a store. It needs the tables, in whatever version of the schema they
 * are, and it neither reads nor writes the view. Rejects with a TributaryError in a database that has no tables of
 * Tributary yet.
 */
export interface StoreAdministration extends DeliveryInspection, RedriveJobs, ParkedEntities, StoreIdentity {
  checkpoints(): Promise<Checkpoint[]>;
  /** An operator's decision, kept for ever: the partition goes on at `offset`. The epoch is raised. */
  resume(decision: ResumeDecision): Promise<void>;
  /** A page of the quarantine by topic, partition, offset and hash, beginning behind `after`. */
  readQuarantine(options: QuarantinePage): Promise<QuarantinedRecord[]>;
  /** Closes the connections, which an opened store shares with the stores that its `migrate` gave. May be called twice. */
  close(): Promise<void>;
}

/** A store whose schema may be missing or old. Only `migrate` gives the `Store` that events are committed to. */
export interface OpenedStore extends StoreAdministration {
  /**
   * What `migrate` would do about the view, and what stands in its way: looks at the catalog and, of a table that another
   * program made, at every row. Changes nothing.
   */
  examineView(options: MigrationOptions): Promise<AdoptionReport>;
  /**
   * Brings the schema up to date, one process at a time, and makes the view or takes over the table that another program
   * made: wholly, or not at all. Everything is looked at before anything is touched. A view of ours that is gone or was
   * altered is made anew. Rejects with `schema_too_new`, `view_not_adoptable`, `table_names_taken`, `table_missing`.
   * May be called again, after a failure and after a success.
   */
  migrate(options: MigrationOptions): Promise<MigratedStore>;
}

export interface MigratedStore {
  readonly store: Store;
  readonly report: MigrationReport;
}

/**
 * Journal, view, deliveries due, quarantine and checkpoints, in one place, so that one transaction can change
 * them together. Ids are compared as bytes. Every method rejects with a TributaryError; on one that is
 * `retryable` nothing was changed, except for `store_commit_unknown` from `commit`, where only the
 * checkpoints can tell.
 */
export interface Store extends StoreAdministration, Reconciliation, Senders, Sweeps, JournalInspection {
  /**
   * Rises whenever what was read earlier may no longer be what the store holds: a connection broke, or a new one
   * reached another server or a restored database. Histories and versions in memory are believed only as long as it
   * is the number that it was when they were read.
   */
  readonly generation: number;

  /**
   * Makes the caller the owner of these partitions: raises the epoch of each checkpoint, so that no earlier
   * owner can commit, and says where to go on. A partition without a checkpoint gets one at `startOffset`. All or none:
   * claim each by itself where a locked checkpoint must not keep the others waiting.
   */
  claim(partitions: readonly ClaimRequest[]): Promise<Checkpoint[]>;

  /**
   * The journals of these entities, each in canonical sequence; an entity without events is left out. Of an entity with
   * more than `maxEvents` events, more than `maxEvents` are given, but not all.
   */
  readJournals(entityIds: readonly string[], maxEvents?: number): Promise<Map<string, JournaledEvent[]>>;

  /** For entities with long journals. */
  readonly longJournals: LongJournals;

  /**
   * The one atomic verb of ingest: moves the checkpoints if they stand where the batch says, and with them
   * writes journal, view, deliveries due and quarantine, all or nothing.
   */
  commit(batch: IngestBatch): Promise<CommitOutcome>;

  /**
   * Names the tables that ingest writes, but for the view, as they are now: another text once one of them was dropped
   * and made again, as it is when a backup is put back. Rejects with `table_missing` while one of them is not there.
   */
  incarnation(): Promise<string>;
  /** Makes the view's table if it is the only one that is missing. Answers whether it made the table. */
  remakeView(): Promise<boolean>;
  /** Stops a partition until somebody decides: `claim` tells every later owner. Only its present owner may. */
  halt(partition: TopicPartition, epoch: bigint, reason: string): Promise<void>;

  readView(entityIds: readonly string[]): Promise<Map<string, StoredRow>>;
  /** What stands in the store that was refused, counted along indexes: milliseconds for some hundred thousand. */
  refusedCounts(): Promise<RefusedCounts>;
  counts(): Promise<StoreCounts>;
  /** Whether the store answers; else what is wrong, in one sentence. */
  health(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>;

  /**
   * Takes up to `limit` deliveries of the target that are due, earliest first, for this claimant alone for `leaseMs`.
   * A claim that was neither settled nor renewed by then is due again. A first attempt is due as soon as it is
   * there, whatever any clock says; retries and leases go by the store's own time, which all instances share.
   */
  claimDeliveries(request: DeliveryClaimRequest): Promise<ClaimedDelivery[]>;
  /** Writes the attempts to the ledger and moves each delivery on. A claim that has passed on is only recorded. */
  settleDeliveries(settlements: readonly DeliverySettlement[]): Promise<void>;
  /**
   * Gives back what was claimed and was not sent: due again at once, the attempt not counted. A claim that has passed
   * on is left alone.
   */
  releaseDeliveries(deliveries: readonly ClaimedDelivery[]): Promise<void>;

  /** Prolongs claims that are under way: each is its claimant's for `leaseMs` from now, unless it has passed on. */
  renewDeliveries(deliveries: readonly ClaimedDelivery[], leaseMs: number): Promise<void>;
}

export interface MigrationOptions {
  readonly view: ViewShape;
  /** The names of the targets that a row taken over as delivered counts as delivered to. */
  readonly targets: readonly string[];
  /** Throws an Error that says what it does not understand of a row. */
  readonly adopt: ((entityId: string, row: ViewRow) => AdoptedEntity) | null;
  /** What a person has said yes to; nothing, if it is left out. */
  readonly choices?: AdoptionChoices;
  readonly nowMs: number;
  /** Whether an administrator asked for it: then what protects the journal is looked after as well. Default: a start. */
  readonly asCommand?: boolean;
}

/** What becomes of one row that another program made. */
export interface AdoptedEntity {
  readonly events: readonly JournaledEvent[];
  readonly row: ViewRow;
  /** `sent`: the target has exactly this state. `due`: it must be sent. `none`: it never was ready. */
  readonly delivery: 'sent' | 'due' | 'none';
}

export interface MigrationReport {
  readonly fromVersion: number;
  readonly toVersion: number;
  readonly adoptedRows: number;
  /** Whether the view's table was missing although there is a journal: its rows are to be made from the journal. */
  readonly viewIsEmpty: boolean;
  /** What an operator should know of the view; sentences. */
  readonly notes: readonly string[];
}

export interface ClaimRequest extends TopicPartition {
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
  /** Whether this claim made the checkpoint: the partition had none before. */
  readonly isNew: boolean;
}

/** An event as the journal keeps it, for ever. */
export interface JournaledEvent extends SequenceKey {
  readonly entityId: string;
  readonly eventType: string;
  readonly revision: number | null;
  /** When this process saw it, in milliseconds. */
  readonly observedAtMs: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** The body as received: well-formed UTF-8, valid JSON. */
  readonly data: string;
}

export interface IngestBatch {
  /** One for each partition of the batch, by `comparePartitions`. */
  readonly moves: readonly CheckpointMove[];
  readonly quarantined: readonly QuarantinedRecord[];
  /** The entities that the batch concerns, without repetition, in the sequence of their UTF-8 bytes. */
  readonly entityIds: readonly string[];
  /**
   * `optimistic`: `plan` is asked before the transaction, with no versions. The outcome is `conflict` if an entity is
   * not at the version that its change builds on, or has no row of that version in the view.
   * `locking`: the entities are locked first, and their versions are given to `plan` as the journal has them (0 for an
   * entity that is not there yet). The view's rows are written whatever they held, so a row that was missing or
   * altered is right afterwards. The outcome is never `conflict`, except for an entity that is no longer parked.
   */
  readonly mode: 'optimistic' | 'locking';
  /** What to write; asked once for each call of `commit`. `readJournals` sees what the transaction sees. */
  plan(
    versions: ReadonlyMap<string, number> | null,
    readJournals: ReadJournals,
  ): Promise<readonly EntityChange[]>;
}

/** As `Store.readJournals`. */
export type ReadJournals = (
  entityIds: readonly string[],
  maxEvents?: number,
) => Promise<Map<string, JournaledEvent[]>>;

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
 * before, and the outcome is `conflict` if it no longer is. `release`: it is no longer parked.
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

export interface QuarantinedRecord extends Position {
  /** A stable word for the reason, e.g. `json_invalid`. */
  readonly reason: string;
  /** What is wrong, in one sentence, without the record's content. */
  readonly detail: string;
  readonly key: Uint8Array | null;
  /** The value, or its first bytes if it is over the size limit. */
  readonly value: Uint8Array | null;
  readonly valueLength: number;
  /** SHA-256 of the whole value, hexadecimal. */
  readonly valueHash: string;
  readonly headers: Uint8Array;
  readonly observedAtMs: number;
}

/**
 * `committed`: all of it stands. `fenced`: a checkpoint was not where the batch says, so somebody else owns
 * the partition, or the store went back in time: nothing was written. `conflict`: an entity was changed by
 * somebody else since it was read: nothing was written.
 */
export type CommitOutcome =
  | { readonly kind: 'committed'; readonly deliveriesDue: number }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'conflict' };

export interface ResumeDecision extends Position {
  readonly topicId: string;
  readonly decidedBy: string;
  readonly reason: string;
  readonly decidedAtMs: number;
}

export interface StoredRow {
  readonly row: ViewRow;
  readonly version: number;
}

/** Tells quarantined records apart: a topic that was made again has the same offsets with other records. */
export type QuarantineKey = Position & Pick<QuarantinedRecord, 'valueHash'>;

export interface QuarantinePage {
  readonly after: QuarantineKey | null;
  readonly limit: number;
  /** Only the records of this topic. */
  readonly topic?: string;
  /** Only the records with this reason. */
  readonly reason?: string;
}

export interface RefusedCounts {
  /** By topic and reason, the most frequent first. */
  readonly quarantined: readonly QuarantineCount[];
  /** Of each target that has any. */
  readonly deadDeliveries: readonly { readonly target: string; readonly deliveries: number }[];
}

export interface QuarantineCount {
  readonly topic: string;
  readonly reason: string;
  readonly records: number;
}

export interface StoreCounts {
  readonly journaledEvents: number;
  readonly viewRows: number;
  readonly quarantined: number;
  readonly deliveriesPending: number;
  readonly deliveriesDelivered: number;
  readonly deliveriesDead: number;
}

export interface DeliveryClaimRequest {
  readonly target: string;
  /** Names this claim; a name that is used again cannot tell the one claim from the other. */
  readonly claimant: string;
  readonly limit: number;
  readonly leaseMs: number;
  /** `first`: only versions of which no attempt has failed. `later`: only the others. */
  readonly attempts: 'first' | 'later';
  /**
   * What stands before this delivery, which was claimed before, may be left out: to whoever claims one portion after
   * the other it spares going through all that it holds already. It is claimed again only without this.
   */
  readonly behind?: Pick<ClaimedDelivery, 'dueSinceMs' | 'entityId'>;
}

/** No lease is believed to last longer: it was given before the store's time was set back. */
export function longestLeaseMs(leaseMs: number): number {
  return Math.max(leaseMs, 5 * 60_000);
}

export interface ClaimedDelivery {
  readonly target: string;
  readonly entityId: string;
  /** The version whose state is due; the row is that state. */
  readonly version: number;
  readonly row: ViewRow;
  /** Of this version, this one included: from 1. */
  readonly attempt: number;
  /** Whether an attempt at this version has failed. A claim whose lease ran out is no failure. */
  readonly isRetry: boolean;
  readonly claimant: string;
  /** The digest of what the target holds under this version, if this delivery is to replace it; see `DeliveryRepair`. */
  readonly replaces?: string;
  /** Whether an earlier claim of the entity was never ended: what it sent may still be under way. */
  readonly isTakeover?: boolean;
  readonly dueSinceMs: number;
  /** The number of the ledger's row, if the store counts them: it finds the row by it when the claim ends. */
  readonly deliveryNumber: number | null;
}

export interface DeliverySettlement {
  readonly delivery: ClaimedDelivery;
  readonly deliveryId: string;
  readonly attemptedAtMs: number;
  readonly verdict: DeliveryVerdict;
  readonly status: number | null;
  readonly latencyMs: number;
  readonly answer: string;
  readonly error: string | null;
  /** `delivered`, `dead` (parked until somebody decides), or when to try again. */
  readonly next: 'delivered' | 'dead' | DeliveryRetry;
}

export interface DeliveryRetry {
  /** When the delivery is due again, in milliseconds. */
  readonly retryAtMs: number;
  /**
   * Whether the attempt counts against the delivery; it does if this is left out. One that does not is in the ledger
   * all the same, and the delivery's next attempt has the same number.
   */
  readonly isCounted?: boolean;
}
