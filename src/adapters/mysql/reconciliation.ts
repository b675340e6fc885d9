import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { DueAgain, OwedState } from '../../ports/reconciliation.ts';
import type { DeliveryStatus } from '../../ports/redrive.ts';
import { text } from './journal.ts';
import { chunksOf, marks } from './rows-statement.ts';
import { identifier, type ViewSchema, viewValue } from './schema.ts';

export async function listOwed(
  connection: PoolConnection,
  view: ViewSchema,
  { target, after, limit }: { target: string; after: string | null; limit: number },
): Promise<OwedState[]> {
  const columns = view.columns.map((column) => `v.${identifier(column.name)}`);
  // No id is empty, so that all of them come behind the empty one.
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT d.entity_id, d.status, d.delivered_version, ${columns.join(', ')} FROM deliveries d ` +
      `JOIN ${identifier(view.table)} v ON v.${identifier(view.keyColumn)} = d.entity_id ` +
      `WHERE d.target = ? AND d.entity_id > ? ORDER BY d.entity_id LIMIT ${Math.floor(limit)}`,
    [target, Buffer.from(after ?? '')],
  );
  return rows.map((row) => ({
    entityId: text(row[0]),
    // The column's type leaves no fourth.
    status: text(row[1]) as DeliveryStatus,
    deliveredVersion: Number(row[2]) || null,
    row: view.columns.map((column, index) => viewValue(column, row[index + 3])),
  }));
}

/** Inside a transaction; the rows are locked in the sequence of their ids, as everywhere. */
export async function makeDueAgain(
  connection: PoolConnection,
  { target, delivered }: DueAgain,
  nowMs: number,
): Promise<number> {
  const rows = delivered
    .map(({ entityId, version }) => ({ id: Buffer.from(entityId), version }))
    .sort((a, b) => Buffer.compare(a.id, b.id));
  let due = 0;
  for (const chunk of chunksOf(rows)) {
    // The ids alone are what the server finds the rows by.
    const pairs = new Array(chunk.length).fill('(?,?)').join(',');
    const [updated] = await connection.execute<ResultSetHeader>(
      "UPDATE deliveries SET status = 'pending', attempts = 0, is_retry = 0, next_attempt_at = ?, due_since = ? " +
        `WHERE target = ? AND entity_id IN (${marks(chunk.length)}) AND status = 'delivered' ` +
        `AND (entity_id, delivered_version) IN (${pairs})`,
      [
        nowMs,
        nowMs,
        target,
        ...chunk.map(({ id }) => id),
        ...chunk.flatMap(({ id, version }) => [id, version]),
      ],
    );
    due += updated.affectedRows;
  }
  return due;
}
