import type { AuditEntry, NewAuditEntry } from '../../ports/audit.ts';
import type { Connection } from './connection.ts';

export function addAudit(connection: Connection, entry: NewAuditEntry): Promise<void> {
  return connection.write('add to the audit log', (transaction) => {
    const { schema } = transaction;
    transaction.write(() => schema.addAudit(entry));
  });
}

export function listAudit(
  connection: Connection,
  { after, limit }: { readonly after: bigint | null; readonly limit: number },
): Promise<AuditEntry[]> {
  return connection.read('list the audit log', ({ audit }) => {
    const end = after === null ? audit.length : Math.min(audit.length, Number(after) - 1);
    return audit.slice(Math.max(0, end - Math.floor(limit)), end).reverse();
  });
}
