import type { ViewRecord } from '../../core/adoption/index.ts';
import { comparePartitions } from '../../core/offset.ts';
import type { AuditEntry, NewAuditEntry } from '../../ports/audit.ts';
import type { Checkpoint, ResumedPartition } from '../../ports/checkpoints.ts';
import { type Hold, keyOfPart } from '../../ports/holds.ts';
import type { JobKind, JobState } from '../../ports/jobs.ts';
import type { ParkedEntity } from '../../ports/parked-entities.ts';
import type { GroupDecision } from '../../ports/store-identity.ts';
import type { SweepResult } from '../../ports/sweeps.ts';
import type { ViewState } from '../../ports/view-rebuild.ts';
import { JournalTable } from './journal-table.ts';
import { Ledgers } from './ledger-table.ts';
import type { LongEntity } from './long-tables.ts';
import { compareTexts, QuarantineTable } from './quarantine-table.ts';
import { SortedIds } from './sorted-ids.ts';

/** A job as its table keeps it, with JSON as text. */
export interface JobRow {
  readonly jobId: string;
  readonly kind: JobKind;
  readonly parameters: string;
  readonly isDryRun: boolean;
  readonly state: JobState;
  readonly progress: string;
  readonly place: string | null;
  readonly requestedBy: string;
  readonly reason: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly finishedAtMs: number | null;
  readonly claimedBy: string | null;
  readonly leasedUntil: number;
}

export interface SweepRow {
  readonly waitsSinceMs: number;
  readonly claimedBy: string | null;
  readonly leasedUntil: number;
  readonly result: SweepResult | null;
}

/** A decision of the table `checkpoint_decisions` or `group_decisions`, as it was recorded. */
export type ResumedRow = ResumedPartition & { readonly topicId: string };

/** The state of a view, with the text of its columns. */
export interface ViewStateRow {
  readonly state: ViewState;
  readonly columnsText: string;
}

export interface MigrationRow {
  readonly version: number;
  readonly name: string;
}

/**
 * The tables of a migrated database, apart from the views. A row is replaced when it changes, except for the ledger's. So
 * a copy of the maps is a copy of the data.
 */
export class Schema {
  readonly checkpoints: Map<string, Checkpoint>;
  journal = new JournalTable();
  ledgers = new Ledgers();
  quarantine = new QuarantineTable();
  readonly parked: Map<string, ParkedEntity>;
  readonly longEntities: Map<string, LongEntity>;
  readonly holds: Map<string, Hold>;
  readonly jobs: Map<string, JobRow>;
  readonly sweeps: Map<string, SweepRow>;
  /** By target, then by sender: when it was noted. */
  readonly senders: Map<string, ReadonlyMap<string, number>>;
  readonly viewStates: Map<string, ViewStateRow>;
  readonly viewRecords: Map<string, ViewRecord>;
  readonly audit: AuditEntry[];
  readonly resumed: ResumedRow[];
  readonly groupDecisions: GroupDecision[];
  readonly migrations: MigrationRow[];
  readonly storeId: string;
  /** Names the tables with the time when they were made. */
  incarnation: string;
  /** The tables that somebody has dropped. */
  readonly dropped: Set<string>;
  #parkedIds: SortedIds | null = null;
  #sortedCheckpoints: string[] | null = null;
  #sortedHolds: Hold[] | null = null;

  constructor(storeId: string, incarnation: string, from?: Schema) {
    this.storeId = storeId;
    this.incarnation = incarnation;
    this.checkpoints = new Map(from?.checkpoints);
    this.parked = new Map(from?.parked);
    this.longEntities = new Map();
    this.holds = new Map(from?.holds);
    this.jobs = new Map(from?.jobs);
    this.sweeps = new Map(from?.sweeps);
    this.senders = new Map(from?.senders);
    this.viewStates = new Map(from?.viewStates);
    this.viewRecords = new Map(from?.viewRecords);
    this.audit = from === undefined ? [] : [...from.audit];
    this.resumed = from === undefined ? [] : [...from.resumed];
    this.groupDecisions = from === undefined ? [] : [...from.groupDecisions];
    this.migrations = from === undefined ? [] : [...from.migrations];
    this.dropped = new Set(from?.dropped);
  }

  clone(): Schema {
    const copy = new Schema(this.storeId, this.incarnation, this);
    copy.journal = this.journal.clone();
    copy.ledgers = this.ledgers.clone();
    copy.quarantine = this.quarantine.clone();
    for (const [id, entity] of this.longEntities) copy.longEntities.set(id, entity.clone());
    return copy;
  }

  putCheckpoint(name: string, checkpoint: Checkpoint): void {
    if (!this.checkpoints.has(name)) this.#sortedCheckpoints = null;
    this.checkpoints.set(name, checkpoint);
  }

  /** The names of the partitions with checkpoints, sorted by topic and number. */
  get partitions(): readonly string[] {
    this.#sortedCheckpoints ??= [...this.checkpoints]
      .sort(([, left], [, right]) => comparePartitions(left, right))
      .map(([name]) => name);
    return this.#sortedCheckpoints;
  }

  park(entity: ParkedEntity): void {
    if (this.parked.has(entity.entityId)) return;
    this.parked.set(entity.entityId, entity);
    this.#parkedIds?.add(entity.entityId);
  }

  unpark(entityId: string): void {
    if (this.parked.delete(entityId)) this.#parkedIds?.delete(entityId);
  }

  get parkedIds(): SortedIds {
    if (this.#parkedIds === null) {
      this.#parkedIds = new SortedIds();
      for (const id of this.parked.keys()) this.#parkedIds.add(id);
    }
    return this.#parkedIds;
  }

  putHold(key: string, hold: Hold): void {
    this.holds.set(key, hold);
    this.#sortedHolds = null;
  }

  deleteHold(key: string): void {
    this.holds.delete(key);
    this.#sortedHolds = null;
  }

  /** The oldest first; those of one moment by the columns of their parts. */
  get sortedHolds(): readonly Hold[] {
    this.#sortedHolds ??= [...this.holds.values()].sort(compareHolds);
    return this.#sortedHolds;
  }

  addAudit(entry: NewAuditEntry): void {
    const details = JSON.parse(textOfDetails(entry.details)) as AuditEntry['details'];
    this.audit.push({ ...entry, details, auditId: BigInt(this.audit.length + 1) });
  }
}

/** Offsets are written as texts. */
function textOfDetails(details: AuditEntry['details']): string {
  return JSON.stringify(details, (_name, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}

/** The kinds as their column sorts them. */
const KINDS = ['ingest', 'topic', 'partition', 'target'];

function compareHolds(left: Hold, right: Hold): number {
  const [kind, name, partition] = keyOfPart(left.part);
  const [otherKind, otherName, otherPartition] = keyOfPart(right.part);
  return (
    left.heldAtMs - right.heldAtMs ||
    KINDS.indexOf(kind) - KINDS.indexOf(otherKind) ||
    compareTexts(name, otherName) ||
    partition - otherPartition
  );
}
