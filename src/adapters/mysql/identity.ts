import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { TributaryError } from '../../core/errors.ts';
import type { GroupDecision } from '../../ports/store-identity.ts';
import { addAudit } from './audit.ts';
import { textOf } from './values.ts';

export async function readStoreId(connection: PoolConnection): Promise<string> {
  const [[row]] = await connection.query<RowDataPacket[]>('SELECT store_id FROM store_identity');
  if (row !== undefined) return textOf(row[0]);
  throw new TributaryError(
    'store_refused',
    'The table store_identity is empty: put its row back from a backup, so that the members of a group know this database.',
  );
}

/** Runs inside a transaction. */
export async function noteGroupTaken(connection: PoolConnection, decision: GroupDecision): Promise<void> {
  const { group, formerStore, decidedBy, reason, decidedAtMs } = decision;
  await connection.execute(
    'INSERT INTO group_decisions (group_name, former_store, decided_by, reason, decided_at) VALUES (?,?,?,?,?)',
    [group, formerStore, decidedBy, reason, decidedAtMs],
  );
  const details = { formerStore };
  await addAudit(connection, {
    action: 'group_taken',
    subject: group,
    details,
    decidedBy,
    reason,
    decidedAtMs,
  });
}
