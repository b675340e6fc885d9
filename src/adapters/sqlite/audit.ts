import type { AuditAction, AuditEntry, NewAuditEntry } from '../../ports/audit.ts';
import type { Connection } from './database.ts';
import { bigintOf, numberOf, textOf } from './values.ts';

/** Adds an entry in the transaction of the decision that it is about. */
export function addAudit(writer: Connection, entry: NewAuditEntry): void {
  const { action, subject, details, decidedBy, reason, decidedAtMs } = entry;
  writer
    .statement(
      'INSERT INTO audit_log (action, subject, details, decided_by, reason, decided_at) VALUES (?, ?, ?, ?, ?, ?)',
    )
    .run(action, subject, textOfDetails(details), decidedBy, reason, decidedAtMs);
}

export function listAudit(
  reader: Connection,
  { after, limit }: { after: bigint | null; limit: number },
): AuditEntry[] {
  const rows = reader
    .statement('SELECT * FROM audit_log WHERE audit_id < ? ORDER BY audit_id DESC LIMIT ?')
    .all(after ?? LAST_ID, limit);
  return rows.map((row) => ({
    auditId: bigintOf(row.audit_id),
    // Only this program writes the column.
    action: textOf(row.action) as AuditAction,
    subject: textOf(row.subject),
    details: JSON.parse(textOf(row.details)) as AuditEntry['details'],
    decidedBy: textOf(row.decided_by),
    reason: textOf(row.reason),
    decidedAtMs: numberOf(row.decided_at),
  }));
}

/** The largest number that the column can hold. */
const LAST_ID = 2n ** 63n - 1n;

/** Offsets are written as texts. */
function textOfDetails(details: AuditEntry['details']): string {
  return JSON.stringify(details, (_name, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}
