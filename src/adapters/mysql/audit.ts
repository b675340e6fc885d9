import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { AuditAction, AuditEntry, NewAuditEntry } from '../../ports/audit.ts';
import { textOf } from './values.ts';

/** Adds an entry in the transaction of the decision that it is about. */
export async function addAudit(connection: PoolConnection, entry: NewAuditEntry): Promise<void> {
  const { action, subject, details, decidedBy, reason, decidedAtMs } = entry;
  await connection.execute(
    'INSERT INTO audit_log (action, subject, details, decided_by, reason, decided_at) VALUES (?,?,?,?,?,?)',
    [action, subject, textOfDetails(details), decidedBy, reason, decidedAtMs],
  );
}

export async function listAudit(
  connection: PoolConnection,
  { after, limit }: { after: bigint | null; limit: number },
): Promise<AuditEntry[]> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    'SELECT audit_id, action, subject, details, decided_by, reason, decided_at FROM audit_log ' +
      `WHERE audit_id < ? ORDER BY audit_id DESC LIMIT ${Math.floor(limit)}`,
    [after ?? LAST_ID] as never[],
  );
  return rows.map((row) => ({
    auditId: BigInt(row[0]),
    // Only this program writes the column.
    action: textOf(row[1]) as AuditAction,
    subject: textOf(row[2]),
    details: JSON.parse(textOf(row[3])) as AuditEntry['details'],
    decidedBy: textOf(row[4]),
    reason: textOf(row[5]),
    decidedAtMs: Number(row[6]),
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
