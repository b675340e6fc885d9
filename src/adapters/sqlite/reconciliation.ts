import type { DueAgain, OwedState } from '../../ports/reconciliation.ts';
import type { DeliveryStatus } from '../../ports/redrive.ts';
import { type Connection, nullOr, numberOf, textOf } from './connection.ts';
import type { ViewTable } from './view-table.ts';

export function listOwed(
  reader: Connection,
  view: ViewTable,
  { target, after, limit }: { target: string; after: string | null; limit: number },
): OwedState[] {
  // No id is empty, so that all of them come behind the empty one.
  return reader
    .statement(`
      SELECT d.entity_id AS "owed id", d.status AS "owed status", d.delivered_version AS "owed version",
        ${view.columnsOf('v')}
      FROM deliveries AS d JOIN ${view.table} AS v ON v.${view.key} = d.entity_id
      WHERE d.target = ? AND d.entity_id > ? ORDER BY d.entity_id LIMIT ?`)
    .all(target, after ?? '', limit)
    .map((row) => ({
      entityId: textOf(row['owed id']),
      // The table's CHECK leaves no fourth.
      status: textOf(row['owed status']) as DeliveryStatus,
      deliveredVersion: nullOr(row['owed version'], numberOf),
      row: view.rowOf(row),
    }));
}

export function makeDueAgain(writer: Connection, { target, delivered }: DueAgain, nowMs: number): number {
  const statement = writer.statement(`
    UPDATE deliveries SET status = 'pending', attempts = 0, is_retry = 0, next_attempt_at = ?1, due_since = ?1
    WHERE target = ?2 AND entity_id = ?3 AND status = 'delivered' AND delivered_version = ?4`);
  let due = 0;
  for (const { entityId, version } of delivered) {
    due += Number(statement.run(nowMs, target, entityId, version).changes);
  }
  return due;
}
