/** What a person decided, and why. */
export interface Decision {
  /** The person or the key that decided. */
  readonly decidedBy: string;
  readonly reason: string;
  readonly decidedAtMs: number;
}

/**
 * The kinds of decisions that the audit log has.
 *
 * - `partition_resumed`: reading of a halted partition goes on at an offset.
 * - `group_taken`: the group goes on with this store.
 * - `held`, `released`: a part of ingest or a target was paused or resumed.
 * - `job_created`, `job_cancelled`: somebody asked for a job, such as a redrive, or ended one.
 * - `quarantine_discarded`: quarantined records are not wanted any more.
 * - `entities_unparked`: parked entities were folded again.
 * - `rows_repaired`: a verification changed rows, deliveries or the target. The comparison that runs all the time adds an
 *   entry too, with the ids of the rows.
 * - `rebuild_switched`, `rebuild_discarded`: a rebuilt view took the place of the old one, or was dropped.
 */
export type AuditAction =
  | 'partition_resumed'
  | 'group_taken'
  | 'held'
  | 'released'
  | 'job_created'
  | 'job_cancelled'
  | 'quarantine_discarded'
  | 'entities_unparked'
  | 'rows_repaired'
  | 'rebuild_switched'
  | 'rebuild_discarded';

/** A decision as the audit log keeps it for ever. */
export interface AuditEntry extends Decision {
  /** Rises with each entry. */
  readonly auditId: bigint;
  readonly action: AuditAction;
  /** What the decision is about, such as a partition's name or a job's id. */
  readonly subject: string;
  /** What else is known of it: offsets, counts, filters. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** An entry before the log has given it its number. */
export type NewAuditEntry = Omit<AuditEntry, 'auditId'>;

export interface AuditLog {
  /** Adds an entry for a decision whose effect is not in the store. Methods that change the store add their own. */
  addAudit(entry: NewAuditEntry): Promise<void>;
  /** A page of the audit log, the newest first, beginning behind `after`. */
  listAudit(page: { readonly after: bigint | null; readonly limit: number }): Promise<AuditEntry[]>;
}
