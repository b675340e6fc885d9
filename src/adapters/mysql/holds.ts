import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { Decision } from '../../ports/audit.ts';
import { type Hold, type HoldPart, keyOfPart, partName, partOfKey } from '../../ports/holds.ts';
import { addAudit } from './audit.ts';
import { isDuplicateKey } from './errors.ts';
import { textOf } from './values.ts';

export async function listHolds(connection: PoolConnection): Promise<Hold[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT kind, name, partition_id, held_by, reason, held_at FROM holds ORDER BY held_at, kind, name, partition_id',
  );
  return rows.map((row) => ({
    part: partOfKey(textOf(row[0]), textOf(row[1]), Number(row[2])),
    heldBy: textOf(row[3]),
    reason: textOf(row[4]),
    heldAtMs: Number(row[5]),
  }));
}

/** Runs inside a transaction. Answers whether the part was not on hold before. */
export async function hold(connection: PoolConnection, part: HoldPart, decision: Decision): Promise<boolean> {
  const { decidedBy, reason, decidedAtMs } = decision;
  try {
    await connection.execute(
      'INSERT INTO holds (kind, name, partition_id, held_by, reason, held_at) VALUES (?, ?, ?, ?, ?, ?)',
      [...keyOfPart(part), decidedBy, reason, decidedAtMs],
    );
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
  await addAudit(connection, { action: 'held', subject: partName(part), details: { part }, ...decision });
  return true;
}

/** Runs inside a transaction. Answers whether the part was on hold. */
export async function release(
  connection: PoolConnection,
  part: HoldPart,
  decision: Decision,
): Promise<boolean> {
  const [deleted] = await connection.execute<ResultSetHeader>(
    'DELETE FROM holds WHERE kind = ? AND name = ? AND partition_id = ?',
    [...keyOfPart(part)],
  );
  if (deleted.affectedRows === 0) return false;
  await addAudit(connection, { action: 'released', subject: partName(part), details: { part }, ...decision });
  return true;
}
