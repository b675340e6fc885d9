import type { DeliveryStatus } from '../../ports/ledger.ts';
import type { DueAgain, OwedState, RepairsDue } from '../../ports/reconciliation.ts';
import type { Connection } from './database.ts';
import { nullOr, numberOf, textOf } from './values.ts';
import type { ViewRows } from './view-rows.ts';
import { isViewAt } from './view-state.ts';

export function listOwed(
  reader: Connection,
  view: ViewRows,
  { target, after, limit }: { target: string; after: string | null; limit: number },
): OwedState[] {
  // No id is empty, so every id comes behind the empty one.
  return reader
    .statement(`
      SELECT d.entity_id AS "owed id", d.status AS "owed status", d.delivered_version AS "owed version",
        d.due_version AS "due version", v.version AS "view version",
        ${view.columnsOf('v')}
      FROM deliveries AS d JOIN ${view.table} AS v ON v.${view.key} = d.entity_id
      WHERE d.target = ? AND d.entity_id > ? ORDER BY d.entity_id LIMIT ?`)
    .all(target, after ?? '', limit)
    .map((row) => ({
      entityId: textOf(row['owed id']),
      // The table's CHECK allows these three words only.
      status: textOf(row['owed status']) as DeliveryStatus,
      deliveredVersion: nullOr(row['owed version'], numberOf),
      dueVersion: numberOf(row['due version']),
      viewVersion: numberOf(row['view version']),
      row: view.rowOf(row),
    }));
}

export function makeDueAgain(
  writer: Connection,
  view: ViewRows,
  { target, delivered, viewEpoch }: DueAgain,
  nowMs: number,
): number {
  if (!isViewAt(writer, view.definition.table, viewEpoch)) return 0;
  const statement = writer.statement(`
    UPDATE deliveries SET status = 'pending', attempts = 0, is_retry = 0, next_attempt_at = ?1, due_since = ?1
    WHERE target = ?2 AND entity_id = ?3 AND status = 'delivered' AND delivered_version = ?4`);
  let due = 0;
  for (const { entityId, version } of delivered) {
    due += Number(statement.run(nowMs, target, entityId, version).changes);
  }
  return due;
}

export function makeRepairsDue(
  writer: Connection,
  view: ViewRows,
  { target, repairs, viewEpoch }: RepairsDue,
  nowMs: number,
): number {
  if (!isViewAt(writer, view.definition.table, viewEpoch)) return 0;
  const revive = writer.statement(`
    UPDATE deliveries SET status = 'pending', attempts = 0, is_retry = 0, delivered_version = ?1,
      next_attempt_at = ?2, due_since = ?2
    WHERE target = ?3 AND entity_id = ?4 AND status = 'dead' AND due_version = ?5`);
  const advance = writer.statement(`
    UPDATE deliveries SET status = 'pending', attempts = 0, is_retry = 0, delivered_version = ?1, due_version = ?5,
      next_attempt_at = ?2, due_since = ?2
    WHERE target = ?3 AND entity_id = ?4
      AND (status = 'delivered' AND delivered_version < ?1 OR status = 'dead' AND due_version < ?1)
      AND EXISTS (SELECT 1 FROM ${view.table} AS v WHERE v.${view.key} = ?4 AND v.version = ?5)`);
  const record = writer.statement(`
    INSERT INTO deliveries (
      target, entity_id, due_version, status, attempts, delivered_version, next_attempt_at, due_since
    )
    SELECT ?3, ?4, ?5, 'pending', 0, ?1, ?2, ?2 FROM ${view.table} AS v WHERE v.${view.key} = ?4 AND v.version = ?5
    ON CONFLICT DO NOTHING`);
  const replace = writer.statement(`
    INSERT INTO delivery_repairs (target, entity_id, version, replaces) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET version = excluded.version, replaces = excluded.replaces`);
  const statements = { dead: revive, behind: advance, unrecorded: record };
  let due = 0;
  for (const { entityId, was, version, heldVersion, replaces } of repairs) {
    const { changes } = statements[was].run(heldVersion, nowMs, target, entityId, version);
    if (Number(changes) === 0) continue;
    due++;
    if (replaces !== null) replace.run(target, entityId, version, replaces);
  }
  return due;
}

/**
 * Records that a delivery replaces what a target may hold under the same version. Only of a delivery that is due at this
 * version, or was. Runs before the state becomes due.
 */
export function recordReplaced(
  writer: Connection,
  target: string,
  { entityId, version, replaces }: { entityId: string; version: number; replaces: string },
): void {
  const known = writer
    .statement(
      'UPDATE deliveries SET delivered_version = due_version WHERE target = ? AND entity_id = ? AND due_version = ?',
    )
    .run(target, entityId, version);
  if (Number(known.changes) === 0) return;
  writer
    .statement(`
      INSERT INTO delivery_repairs (target, entity_id, version, replaces) VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET version = excluded.version, replaces = excluded.replaces`)
    .run(target, entityId, version, replaces);
}

/** The version and the digest to be replaced of each of these deliveries that is a repair, by entity. */
export function readRepairs(
  reader: Connection,
  target: string,
  ids: readonly string[],
): Map<string, { readonly version: number; readonly replaces: string }> {
  const select = reader.statement(
    'SELECT version, replaces FROM delivery_repairs WHERE target = ? AND entity_id = ?',
  );
  const found = new Map<string, { version: number; replaces: string }>();
  for (const id of ids) {
    const row = select.get(target, id);
    if (row !== undefined) found.set(id, { version: numberOf(row.version), replaces: textOf(row.replaces) });
  }
  return found;
}
