import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import { compareUtf8 } from '../../core/text.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import type { DeliveryStatus } from '../../ports/ledger.ts';
import type { StoredRow } from '../../ports/store.ts';
import {
  type EntityRecord,
  type LedgerEntry,
  type LedgerMend,
  type LedgerPlace,
  type LedgerRecord,
  RETRY_AHEAD_MAX_MS,
} from '../../ports/verification.ts';
import { inSnapshot, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { DEAD_AT_MS, DONE_AT_MS } from './delivery-filter.ts';
import { idPage } from './id-page.ts';
import { identifier } from './identifier.ts';
import { readJournals } from './journal.ts';
import { parkedAmong } from './parked.ts';
import { chunksOf, marks } from './rows-statement.ts';
import { parseEvents } from './segments.ts';
import type { StoreTime } from './store-time.ts';
import { bytesOf, textOf } from './values.ts';
import { viewValue } from './view-table.ts';

/** A call reads no further entities once their journals have this many events. */
const EVENTS_MAX = 20_000;

/** The ids behind `after` of the journal, the view and the ledger, merged. */
export async function listEntities(
  connection: PoolConnection,
  view: ViewShape,
  targets: readonly string[],
  { after, limit }: { after: string | null; limit: number },
): Promise<string[]> {
  const most = Math.floor(limit);
  const key = identifier(view.keyColumn);
  const ids = new Set<string>();
  const add = async (id: string, from: string, values: readonly (string | Buffer)[]) => {
    const sql = idPage({ columns: [id], rows: from, limit: most });
    const [rows] = await connection.execute<RowDataPacket[]>(sql, [...values]);
    for (const row of rows) ids.add(textOf(row[0]));
  };
  const behind = Buffer.from(after ?? '');
  await add(
    'entity_id',
    'FROM journal_segments FORCE INDEX (`PRIMARY`) WHERE entity_id > ? GROUP BY entity_id',
    [behind],
  );
  await add(key, `FROM ${identifier(view.table)} FORCE INDEX (\`PRIMARY\`) WHERE ${key} > ?`, [after ?? '']);
  for (const target of targets)
    await add('entity_id', 'FROM deliveries FORCE INDEX (`PRIMARY`) WHERE target = ? AND entity_id > ?', [
      target,
      behind,
    ]);
  return [...ids].sort(compareUtf8).slice(0, most);
}

/** Reads the entities in one snapshot. */
export async function readEntities(
  pool: ConnectionPool,
  view: ViewShape,
  targets: readonly string[],
  time: StoreTime,
  entityIds: readonly string[],
  maxEvents: number,
): Promise<EntityRecord[]> {
  if (entityIds.length === 0) return [];
  return inSnapshot(pool, async (connection) => {
    const versions = await readVersions(connection, entityIds);
    const isShort = (entityId: string) => (versions.get(entityId) ?? 0) <= maxEvents;
    let events = 0;
    let count = 0;
    for (; count < entityIds.length && events < EVENTS_MAX; count++) {
      const entityId = entityIds[count] as string;
      if (isShort(entityId)) events += versions.get(entityId) ?? 0;
    }
    const ids = entityIds.slice(0, count);
    const journals = await readJournals(connection, ids.filter(isShort));
    const rows = await readRows(connection, view, ids);
    const parked = await parkedAmong(connection, ids);
    const ledgers: Map<string, LedgerRecord>[] = [];
    for (const target of targets) ledgers.push(await readLedger(connection, target, time, ids));
    return ids.map((entityId) => ({
      entityId,
      version: versions.get(entityId) ?? 0,
      journal: isShort(entityId) ? (journals.get(entityId) ?? []) : null,
      row: rows.get(entityId) ?? null,
      isParked: parked.has(entityId),
      ledger: ledgers.map((ledger) => ledger.get(entityId) as LedgerRecord),
    }));
  });
}

async function readVersions(
  connection: PoolConnection,
  entityIds: readonly string[],
): Promise<Map<string, number>> {
  const versions = new Map<string, number>();
  for (const ids of chunksOf(entityIds)) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      'SELECT s.entity_id, s.first_version + s.event_count - 1 FROM (' +
        'SELECT entity_id, MAX(first_version) AS last_segment FROM journal_segments FORCE INDEX (`PRIMARY`) ' +
        `WHERE entity_id IN (${marks(ids.length)}) GROUP BY entity_id) e ` +
        'JOIN journal_segments s ON s.entity_id = e.entity_id AND s.first_version = e.last_segment',
      ids,
    );
    for (const row of rows) versions.set(textOf(row[0]), Number(row[1]));
  }
  return versions;
}

async function readRows(
  connection: PoolConnection,
  view: ViewShape,
  entityIds: readonly string[],
): Promise<Map<string, StoredRow>> {
  const key = identifier(view.keyColumn);
  const columns = [key, ...view.columns.map(({ name }) => identifier(name)), 'version'].join(', ');
  const found = new Map<string, StoredRow>();
  for (const ids of chunksOf(entityIds)) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      `SELECT ${columns} FROM ${identifier(view.table)} FORCE INDEX (\`PRIMARY\`) WHERE ${key} IN (${marks(ids.length)})`,
      ids,
    );
    for (const row of rows) {
      found.set(textOf(row[0]), {
        row: view.columns.map((column, index) => viewValue(column, row[index + 1])),
        version: Number(row[view.columns.length + 1]),
      });
    }
  }
  return found;
}

const MARKED =
  'status, due_version, delivered_version, attempts, is_retry, next_attempt_at, claim_id, due_since';

/** Reads what the ledger has of these entities at one target: one record for each entity. */
async function readLedger(
  connection: PoolConnection,
  target: string,
  time: StoreTime,
  entityIds: readonly string[],
): Promise<Map<string, LedgerRecord>> {
  const records = new Map<string, LedgerRecord>();
  const ofEntry = 'a.target = d.target AND a.entity_id = d.entity_id';
  for (const ids of chunksOf(entityIds)) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      `SELECT d.entity_id, ${MARKED.replaceAll(/\w+/g, 'd.$&')}, ${time.sql}, ` +
        `(SELECT MAX(a.version) FROM delivery_attempts a WHERE ${ofEntry} AND a.verdict = 'delivered'), ` +
        `CASE WHEN d.status = 'dead' THEN EXISTS (SELECT 1 FROM delivery_attempts a WHERE ${ofEntry} ` +
        "AND a.version = d.due_version AND a.verdict <> 'delivered') END " +
        `FROM deliveries d FORCE INDEX (\`PRIMARY\`) WHERE d.target = ? AND d.entity_id IN (${marks(ids.length)})`,
      [target, ...ids],
    );
    for (const [id, ...row] of rows as unknown as unknown[][]) {
      const accepted = row[9] === null ? null : Number(row[9]);
      records.set(textOf(id), { target, entry: entryOf(row, Number(row[8])), acceptedVersion: accepted });
    }
  }
  const missing = entityIds.filter((entityId) => !records.has(entityId));
  for (const ids of chunksOf(missing)) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      'SELECT entity_id, MAX(version) FROM delivery_attempts FORCE INDEX (`PRIMARY`) ' +
        `WHERE target = ? AND entity_id IN (${marks(ids.length)}) AND verdict = 'delivered' GROUP BY entity_id`,
      [target, ...ids],
    );
    for (const row of rows)
      records.set(textOf(row[0]), { target, entry: null, acceptedVersion: Number(row[1]) });
  }
  for (const entityId of entityIds)
    if (!records.has(entityId)) records.set(entityId, { target, entry: null, acceptedVersion: null });
  return records;
}

/** Reads an entry from the columns of `MARKED`, and whether an attempt failed from the last one. */
function entryOf(row: readonly unknown[], nowMs: number): LedgerEntry {
  return {
    // The column's type allows these three words only.
    status: textOf(row[0]) as DeliveryStatus,
    dueVersion: Number(row[1]),
    deliveredVersion: Number(row[2]) || null,
    place: placeOf(Number(row[5]), Number(row[4]), nowMs),
    isClaimed: String(row[6]) !== '0',
    hasFailed: row[10] === null || row[10] === undefined ? null : Number(row[10]) === 1,
    mark: markOf(row),
  };
}

function placeOf(atMs: number, isRetry: number, nowMs: number): LedgerPlace {
  if (atMs === DONE_AT_MS) return 'none';
  if (atMs < 0) return 'lost';
  if (isRetry === 0) return atMs === DEAD_AT_MS ? 'dead' : atMs < DEAD_AT_MS ? 'due' : 'lost';
  return isRetry === 1 && atMs <= nowMs + RETRY_AHEAD_MAX_MS ? 'due' : 'lost';
}

/** The columns of `MARKED`, without the time since which the entry is due. */
function markOf(row: readonly unknown[]): string {
  return row.slice(0, 7).map(textOf).join('|');
}

/** The segments of an entity, one behind the other, are the sequence of arrival. */
export async function readAsArrived(
  pool: ConnectionPool,
  entityIds: readonly string[],
): Promise<Map<string, JournaledEvent[]>> {
  return withConnection(pool, async (connection) => {
    const arrivals = new Map<string, JournaledEvent[]>();
    for (const ids of chunksOf(entityIds)) {
      const [rows] = await connection.execute<RowDataPacket[]>(
        'SELECT entity_id, events, bodies, first_version FROM journal_segments FORCE INDEX (`PRIMARY`) ' +
          `WHERE entity_id IN (${marks(ids.length)})`,
        ids,
      );
      rows.sort((one, other) => Number(one[3]) - Number(other[3]));
      for (const row of rows) {
        const entityId = textOf(row[0]);
        const events = parseEvents(entityId, textOf(row[1]), bytesOf(row[2]));
        const known = arrivals.get(entityId);
        if (known === undefined) arrivals.set(entityId, events);
        else known.push(...events);
      }
    }
    return arrivals;
  });
}

/** Runs inside a transaction. Locks the view's rows before the ledger's, both by id, as a commit does. */
export async function mendLedger(
  connection: PoolConnection,
  view: ViewShape,
  mends: readonly LedgerMend[],
  nowMs: number,
): Promise<number> {
  const sorted = [...mends].sort(
    (a, b) => (a.target < b.target ? -1 : a.target > b.target ? 1 : 0) || compareUtf8(a.entityId, b.entityId),
  );
  const ids = [...new Set(sorted.map(({ entityId }) => entityId))].sort(compareUtf8);
  const versions = new Map<string, number>();
  const key = identifier(view.keyColumn);
  for (const chunk of chunksOf(ids)) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      `SELECT ${key}, version FROM ${identifier(view.table)} FORCE INDEX (\`PRIMARY\`) WHERE ${key} IN (${marks(chunk.length)}) FOR UPDATE`,
      chunk,
    );
    for (const row of rows) versions.set(textOf(row[0]), Number(row[1]));
  }
  let mended = 0;
  for (const mend of sorted) {
    if (versions.get(mend.entityId) !== mend.version) continue;
    if (await mendEntry(connection, mend, nowMs)) mended++;
  }
  return mended;
}

async function mendEntry(
  connection: PoolConnection,
  { target, entityId, mark, becomes }: LedgerMend,
  nowMs: number,
): Promise<boolean> {
  const { status, dueVersion, deliveredVersion } = becomes;
  const id = Buffer.from(entityId);
  const nextMs = status === 'pending' ? nowMs : status === 'dead' ? DEAD_AT_MS : DONE_AT_MS;
  const [[found]] = await connection.execute<RowDataPacket[]>(
    `SELECT ${MARKED} FROM deliveries WHERE target = ? AND entity_id = ? FOR UPDATE`,
    [target, id],
  );
  const row = found as unknown as unknown[] | undefined;
  if ((row === undefined ? null : markOf(row)) !== mark) return false;
  if (row === undefined) {
    const [inserted] = await connection.execute<ResultSetHeader>(
      'INSERT IGNORE INTO deliveries (target, entity_id, due_version, status, attempts, delivered_version, ' +
        'next_attempt_at, due_since) VALUES (?, ?, ?, ?, 0, ?, ?, ?)',
      [target, id, dueVersion, status, deliveredVersion ?? 0, nextMs, nowMs],
    );
    return inserted.affectedRows === 1;
  }
  const isStillPending = status === 'pending' && textOf(row[0]) === 'pending';
  // A claim of the same version goes on, and its attempt is counted already.
  const goesOn = isStillPending && String(row[6]) !== '0' && Number(row[1]) === dueVersion;
  const attempts = goesOn || status !== 'pending' ? Number(row[3]) : 0;
  const dueSince = status === 'pending' ? nowMs : Number(row[7]);
  await connection.execute(
    'UPDATE deliveries SET status = ?, due_version = ?, delivered_version = ?, next_attempt_at = ?, is_retry = 0, ' +
      `attempts = ?, due_since = ?${isStillPending ? '' : ', claim_id = 0, leased_until = 0'} ` +
      'WHERE target = ? AND entity_id = ?',
    [status, dueVersion, deliveredVersion ?? 0, nextMs, attempts, dueSince, target, id],
  );
  return true;
}

/** Runs inside a transaction. A commit locks the entity's row too, so no event comes between the look and the removal. */
export async function removeUnjournaledRows(
  connection: PoolConnection,
  view: ViewShape,
  entityIds: readonly string[],
): Promise<number> {
  const key = identifier(view.keyColumn);
  const table = identifier(view.table);
  let removed = 0;
  for (const chunk of chunksOf([...new Set(entityIds)].sort(compareUtf8))) {
    await connection.execute(
      `SELECT ${key} FROM ${table} FORCE INDEX (\`PRIMARY\`) WHERE ${key} IN (${marks(chunk.length)}) FOR UPDATE`,
      chunk,
    );
    const versions = await readVersions(connection, chunk);
    for (const ids of chunksOf(chunk.filter((entityId) => !versions.has(entityId)))) {
      const [deleted] = await connection.execute<ResultSetHeader>(
        `DELETE FROM ${table} WHERE ${key} IN (${marks(ids.length)})`,
        ids,
      );
      removed += deleted.affectedRows;
    }
  }
  return removed;
}
