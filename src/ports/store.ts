import type { AdoptionReport } from '../core/adoption/index.ts';
import type { ViewRow } from '../core/domain.ts';
import type { Checkpoints, PartitionOwnership } from './checkpoints.ts';
import type { CommitOutcome, IngestBatch } from './commit.ts';
import type { DeliveryClaims } from './delivery-claims.ts';
import type { Journal } from './journal.ts';
import type { DeliveryInspection } from './ledger.ts';
import type { LongJournals } from './long-journals.ts';
import type { MigrationOptions, MigrationReport } from './migration.ts';
import type { ParkedEntities } from './parked-entities.ts';
import type { QuarantineInspection, RefusedCounts } from './quarantine.ts';
import type { Reconciliation } from './reconciliation.ts';
import type { RedriveJobs } from './redrive-jobs.ts';
import type { Senders } from './senders.ts';
import type { StoreIdentity } from './store-identity.ts';
import type { Sweeps } from './sweeps.ts';

/**
 * What a person's command and the HTTP API do in a store. It needs the tables, in whatever version of the schema they
 * are, and it neither reads nor writes the view. Rejects with a TributaryError in a database that has no tables of
 * Tributary yet.
 */
export interface StoreAdministration
  extends Checkpoints,
    QuarantineInspection,
    DeliveryInspection,
    RedriveJobs,
    ParkedEntities,
    StoreIdentity {
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
export interface Store
  extends StoreAdministration,
    PartitionOwnership,
    Journal,
    DeliveryClaims,
    Reconciliation,
    Senders,
    Sweeps {
  /**
   * Rises whenever what was read earlier may no longer be what the store holds: a connection broke, or a new one
   * reached another server or a restored database. Histories and versions in memory are believed only as long as it
   * is the number that it was when they were read.
   */
  readonly generation: number;

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
  readView(entityIds: readonly string[]): Promise<Map<string, StoredRow>>;
  /** What stands in the store that was refused, counted along indexes: milliseconds for some hundred thousand. */
  refusedCounts(): Promise<RefusedCounts>;
  counts(): Promise<StoreCounts>;
  /** Whether the store answers; else what is wrong, in one sentence. */
  health(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>;
}

export interface StoredRow {
  readonly row: ViewRow;
  readonly version: number;
}

export interface StoreCounts {
  readonly journaledEvents: number;
  readonly viewRows: number;
  readonly quarantined: number;
  readonly deliveriesPending: number;
  readonly deliveriesDelivered: number;
  readonly deliveriesDead: number;
}
