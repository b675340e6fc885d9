import type { AdoptionReport, ViewShape } from '../core/adoption/index.ts';
import type { ViewRow } from '../core/domain.ts';
import type { AuditLog } from './audit.ts';
import type { Checkpoints, PartitionOwnership } from './checkpoints.ts';
import type { CommitOutcome, IngestBatch } from './commit.ts';
import type { DeliveryClaims } from './delivery-claims.ts';
import type { Holds } from './holds.ts';
import type { Jobs } from './jobs.ts';
import type { Journal } from './journal.ts';
import type { DeliveryInspection } from './ledger.ts';
import type { LongJournals } from './long-journals.ts';
import type { MigrationOptions, MigrationReport } from './migration.ts';
import type { ParkedEntities } from './parked-entities.ts';
import type { Quarantine, RefusedCounts } from './quarantine.ts';
import type { Reconciliation } from './reconciliation.ts';
import type { RedriveJobs } from './redrive-jobs.ts';
import type { Senders } from './senders.ts';
import type { StoreIdentity } from './store-identity.ts';
import type { StoreOverviews } from './store-overview.ts';
import type { Sweeps } from './sweeps.ts';
import type { Verification } from './verification.ts';
import type { ViewRebuild } from './view-rebuild.ts';
import type { ViewRowsInspection } from './view-rows.ts';

/**
 * What commands of an operator and the HTTP API do in a store. It needs Tributary's tables, and neither
 * reads nor writes the view. Every method rejects with a TributaryError if the database has no such tables, or if its
 * schema is older than what the method needs.
 */
export interface StoreAdministration
  extends Checkpoints,
    Quarantine,
    DeliveryInspection,
    Jobs,
    RedriveJobs,
    AuditLog,
    ParkedEntities,
    Holds,
    StoreOverviews,
    StoreIdentity {
  /**
   * Closes the connections, which an opened store shares with every store that its `migrate` has given. May be called
   * twice.
   */
  close(): Promise<void>;
}

/**
 * A store as it is after opening: its schema may be missing or old. Only `migrate` gives the `Store` that commits
 * events.
 */
export interface OpenedStore extends StoreAdministration {
  /**
   * Reports what `migrate` would do about the view, and what stands in its way. Reads the catalog and, if another
   * program made the table, every row of it. Changes nothing.
   */
  examineView(options: MigrationOptions): Promise<AdoptionReport>;
  /**
   * Brings the schema up to date, one process at a time, and makes the view or takes over another program's table,
   * wholly or not at all. Checks everything before it changes anything. Makes a view of ours anew that is missing or
   * altered. Rejects with `schema_too_new`, `view_not_adoptable`, `table_names_taken` or `table_missing`. May be called
   * again, after a failure and after a success.
   */
  migrate(options: MigrationOptions): Promise<MigratedStore>;
  /**
   * Gives the reads of journal, view and ledger that explain an entity, for a command beside a running program. Changes
   * nothing. Rejects with `store_refused` unless the schema has the version of this program.
   */
  toRead(view: ViewShape): Promise<EntityInspection>;
}

/** The reads with which people ask about entities. */
export interface EntityInspection
  extends Pick<Journal, 'readArrivals' | 'readLastArrivals' | 'readJournals' | 'findEvent'>,
    ViewRowsInspection,
    DeliveryInspection,
    ParkedEntities,
    Pick<Holds, 'listHolds'>,
    Pick<Checkpoints, 'checkpoints' | 'listResumed'>,
    Pick<Quarantine, 'findOpenByKey'>,
    Pick<Jobs, 'listJobs'>,
    Pick<ViewRebuild, 'viewState'> {}

export interface MigratedStore {
  readonly store: Store;
  readonly report: MigrationReport;
}

/**
 * Journal, view, deliveries, quarantine and checkpoints in one database, so that one transaction can change them
 * together. Ids are compared as bytes. Every method rejects with a TributaryError. If the error is `retryable`, the same
 * call may succeed later, and this is known of the call that failed:
 *
 * - `commit` has changed nothing, except with `store_commit_unknown`: then only the checkpoints tell whether it counts.
 * - Any other method may have made its change, because an answer may be lost when the change is made. A method that takes
 *   a list may have made a part of it, because a store may change the rows of a list in several transactions.
 */
export interface Store
  extends StoreAdministration,
    PartitionOwnership,
    Journal,
    ViewRowsInspection,
    DeliveryClaims,
    Reconciliation,
    Senders,
    Sweeps,
    ViewRebuild,
    Verification {
  /**
   * Rises when the store may no longer hold what was read before: a connection broke, or a new one reached another
   * server or a restored database. Callers drop the histories and versions that they read under a lower number.
   */
  readonly generation: number;

  /** The caches of entities with long journals. */
  readonly longJournals: LongJournals;

  /**
   * Commits one batch of ingest: moves the checkpoints if they stand where the batch says, and writes journal, view,
   * deliveries due and quarantine in the same transaction.
   */
  commit(batch: IngestBatch): Promise<CommitOutcome>;

  /**
   * A text that identifies the tables that ingest writes, except the view. It changes when a table is dropped and made
   * again, as a restore of a backup does. Rejects with `table_missing` while a table is missing.
   */
  incarnation(): Promise<string>;
  /** Makes the view's table if it is the only table that is missing. Resolves with whether it made the table. */
  remakeView(): Promise<boolean>;
  /**
   * Counts the open quarantined records and the dead deliveries along indexes, which takes milliseconds for some hundred
   * thousand.
   */
  refusedCounts(): Promise<RefusedCounts>;
  counts(): Promise<StoreCounts>;
  /** Whether the store answers; if not, what is wrong, in one sentence. */
  health(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>;
}

export interface StoredRow {
  readonly row: ViewRow;
  readonly version: number;
}

export interface StoreCounts {
  readonly journaledEvents: number;
  readonly viewRows: number;
  /** The open records in quarantine. */
  readonly quarantined: number;
  readonly deliveriesPending: number;
  readonly deliveriesDelivered: number;
  readonly deliveriesDead: number;
}
