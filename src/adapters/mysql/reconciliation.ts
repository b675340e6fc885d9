import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import type { DeliveryStatus } from '../../ports/ledger.ts';
import type { DeliveryRepair, DueAgain, OwedState, RepairsDue } from '../../ports/reconciliation.ts';
import { idPage } from './id-page.ts';
import { identifier } from './identifier.ts';
import { chunksOf, marks, RowsStatement } from './rows-statement.ts';
import { bytesOf, textOf } from './values.ts';
import { isViewAt, type ViewLayout } from './view-state.ts';
import { viewValue } from './view-table.ts';

export async function listOwed(
  connection: PoolConnection,
  layout: ViewLayout,
  { target, after, limit }: { target: string; after: string | null; limit: number },
): Promise<OwedState[]> {
  const { view } = layout;
  const ofLedger = ['d.entity_id', 'd.status', 'd.delivered_version', 'd.due_version'];
  // No id is empty, so every id comes behind the empty one.
  const [rows] = await connection.execute<RowDataPacket[]>(
    idPage({
      columns: [...ofLedger, 'v.version', ...layout.selected('v')],
      rows:
        `FROM deliveries d JOIN ${identifier(view.table)} v ON v.${identifier(view.keyColumn)} = d.entity_id ` +
        'WHERE d.target = ? AND d.entity_id > ?',
      limit,
    }),
    [target, Buffer.from(after ?? '')],
  );
  return rows.map((row) => ({
    entityId: textOf(row[0]),
    // The column's type allows these three words only.
    status: textOf(row[1]) as DeliveryStatus,
    deliveredVersion: Number(row[2]) || null,
    dueVersion: Number(row[3]),
    viewVersion: Number(row[4]),
    row: view.columns.map((column, index) => viewValue(column, row[index + 5])),
  }));
}

/** Runs inside a transaction. Locks the rows by id, as every other statement does. */
export async function makeDueAgain(
  connection: PoolConnection,
  view: ViewShape,
  { target, delivered, viewEpoch }: DueAgain,
  nowMs: number,
): Promise<number> {
  if (!(await isViewAt(connection, view.table, viewEpoch))) return 0;
  const rows = delivered
    .map(({ entityId, version }) => ({ id: Buffer.from(entityId), version }))
    .sort((a, b) => Buffer.compare(a.id, b.id));
  let due = 0;
  for (const chunk of chunksOf(rows)) {
    // The list of ids lets the server use the key; the pairs alone would not.
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

/**
 * Runs inside a transaction. Locks the view's rows before the ledger's, as a commit does. So it either sees a change
 * that another process makes meanwhile, or that process finds the row that this adds to the ledger.
 */
export async function makeRepairsDue(
  connection: PoolConnection,
  view: ViewShape,
  { target, repairs, viewEpoch }: RepairsDue,
  nowMs: number,
): Promise<number> {
  if (!(await isViewAt(connection, view.table, viewEpoch))) return 0;
  const sorted = repairs
    .map((repair) => ({ id: Buffer.from(repair.entityId), repair }))
    .sort((a, b) => Buffer.compare(a.id, b.id));
  const versions = new Map<string, number>();
  const key = identifier(view.keyColumn);
  for (const chunk of chunksOf(sorted)) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      `SELECT ${key}, version FROM ${identifier(view.table)} FORCE INDEX (\`PRIMARY\`) WHERE ${key} IN (${marks(chunk.length)}) FOR UPDATE`,
      chunk.map(({ id }) => id),
    );
    for (const row of rows) versions.set(textOf(row[0]), Number(row[1]));
  }
  let due = 0;
  for (const { id, repair } of sorted) {
    const isOfView = repair.was === 'dead' || versions.get(repair.entityId) === repair.version;
    if (!isOfView || !(await makeRepairDue(connection, target, id, repair, nowMs))) continue;
    due++;
    if (repair.replaces === null) continue;
    await connection.execute(
      'INSERT INTO delivery_repairs (target, entity_id, version, replaces) VALUES (?, ?, ?, ?) ' +
        'ON DUPLICATE KEY UPDATE version = VALUES(version), replaces = VALUES(replaces)',
      [target, id, repair.version, repair.replaces],
    );
  }
  return due;
}

/**
 * Records that deliveries replace what a target may hold under the same version. Only of deliveries that are due at this
 * version, or were. Runs before the states become due.
 */
export async function recordReplaced(
  connection: PoolConnection,
  target: string,
  changes: readonly { entityId: string; version: number; delivery: { readonly replaces?: string } }[],
): Promise<void> {
  const byId = new Map(changes.map((change) => [change.entityId, change]));
  for (const ids of chunksOf([...byId.keys()].map((entityId) => Buffer.from(entityId)))) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      `SELECT entity_id, due_version FROM deliveries FORCE INDEX (\`PRIMARY\`) WHERE target = ? AND entity_id IN (${marks(ids.length)}) FOR UPDATE`,
      [target, ...ids],
    );
    const known = rows.filter((row) => byId.get(textOf(row[0]))?.version === Number(row[1]));
    for (const some of chunksOf(known.map((row) => bytesOf(row[0]))))
      await connection.execute(
        `UPDATE deliveries SET delivered_version = due_version WHERE target = ? AND entity_id IN (${marks(some.length)})`,
        [target, ...some],
      );
    await insertRepairs.run(
      connection,
      known.map((row) => {
        const replaces = byId.get(textOf(row[0]))?.delivery.replaces ?? '';
        return { target, id: bytesOf(row[0]), version: Number(row[1]), replaces };
      }),
    );
  }
}

interface Repair {
  readonly target: string;
  readonly id: Buffer;
  readonly version: number;
  readonly replaces: string;
}

const insertRepairs = new RowsStatement<Repair>({
  before: 'INSERT INTO delivery_repairs (target, entity_id, version, replaces) VALUES',
  row: '(?,?,?,?)',
  after: 'ON DUPLICATE KEY UPDATE version = VALUES(version), replaces = VALUES(replaces)',
  columns: ['text', 'bytes', 'integer', 'text'],
  write(writer, { target, id, version, replaces }) {
    writer.text(target);
    writer.bytes(id);
    writer.integer(version);
    writer.text(replaces);
  },
});

const BECOMES_DUE =
  "UPDATE deliveries SET status = 'pending', attempts = 0, is_retry = 0, delivered_version = ?, due_version = ?, " +
  'next_attempt_at = ?, due_since = ? WHERE target = ? AND entity_id = ?';
const IS_BEHIND = "(status = 'delivered' AND delivered_version < ? OR status = 'dead' AND due_version < ?)";
const RECORD =
  'INSERT IGNORE INTO deliveries (delivered_version, due_version, next_attempt_at, due_since, target, entity_id, ' +
  "status, attempts) VALUES (?, ?, ?, ?, ?, ?, 'pending', 0)";

/** Makes one repair due. Answers false if the ledger no longer is as the repair says. */
async function makeRepairDue(
  connection: PoolConnection,
  target: string,
  id: Buffer,
  { was, version, heldVersion }: DeliveryRepair,
  nowMs: number,
): Promise<boolean> {
  const values = [heldVersion, version, nowMs, nowMs, target, id];
  const [sql, ...found] = {
    unrecorded: [RECORD] as const,
    dead: [`${BECOMES_DUE} AND status = 'dead' AND due_version = ?`, version] as const,
    behind: [`${BECOMES_DUE} AND ${IS_BEHIND}`, heldVersion, heldVersion] as const,
  }[was];
  const [changed] = await connection.execute<ResultSetHeader>(sql, [...values, ...found]);
  return changed.affectedRows === 1;
}

/** The version and the digest to be replaced of each of these deliveries that is a repair, by entity. */
export async function readRepairs(
  connection: PoolConnection,
  target: string,
  ids: readonly Buffer[],
): Promise<Map<string, { readonly version: number; readonly replaces: string }>> {
  const found = new Map<string, { version: number; replaces: string }>();
  for (const chunk of chunksOf(ids)) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      `SELECT entity_id, version, replaces FROM delivery_repairs WHERE target = ? AND entity_id IN (${marks(chunk.length)})`,
      [target, ...chunk],
    );
    for (const row of rows) found.set(textOf(row[0]), { version: Number(row[1]), replaces: textOf(row[2]) });
  }
  return found;
}
