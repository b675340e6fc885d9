import type { SQLOutputValue } from 'node:sqlite';
import { TributaryError } from '../../core/errors.ts';
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
import type { Connection, Database } from './database.ts';
import { DEAD_AT_MS } from './delivery-filter.ts';
import { isJournaled, journaledVersion } from './entity-versions.ts';
import { toEvent } from './event-rows.ts';
import { readJournals } from './journal.ts';
import { Pace } from './pace.ts';
import { parkedAmong } from './parked.ts';
import type { StoreTime } from './store-time.ts';
import { type SqliteRow, textOf } from './values.ts';
import type { ViewRows } from './view-rows.ts';
import { viewValue } from './view-table.ts';

/** The entities of one snapshot. They are read in one go, during which the event loop stands still. */
const SNAPSHOT_ENTITIES = 50;
const READS_PER_ENTITY = 5;
/** A call reads no further entities once it has read this many events. */
const EVENTS_MAX = 20_000;

/** The ids behind `after` of the journal, the view and the ledger, merged. One step through an index finds each. */
export function listEntities(
  reader: Connection,
  view: ViewRows,
  targets: readonly string[],
  { after, limit }: { after: string | null; limit: number },
): string[] {
  const ids = new Set<string>();
  const next = reader.statement('SELECT min(entity_id) AS id FROM event_journal WHERE entity_id > ?');
  for (let last = after ?? '', count = 0; count < limit; count++) {
    const id = next.get(last)?.id;
    if (id === null || id === undefined) break;
    last = textOf(id);
    ids.add(last);
  }
  const add = (rows: readonly SqliteRow[]) => {
    for (const { id } of rows) ids.add(textOf(id));
  };
  const { table, key } = view;
  add(
    reader
      .statement(`SELECT ${key} AS id FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT ?`)
      .all(after ?? '', limit),
  );
  const owed = reader.statement(
    'SELECT entity_id AS id FROM deliveries WHERE target = ? AND entity_id > ? ORDER BY entity_id LIMIT ?',
  );
  for (const target of targets) add(owed.all(target, after ?? '', limit));
  return [...ids].sort(compareUtf8).slice(0, limit);
}

/** Reads the entities in slices. Each slice is one read transaction, so it sees one moment. */
export async function readEntities(
  database: Database,
  view: ViewRows,
  targets: readonly string[],
  time: StoreTime,
  entityIds: readonly string[],
  maxEvents: number,
): Promise<EntityRecord[]> {
  const records: EntityRecord[] = [];
  const pace = new Pace();
  let events = 0;
  for (let from = 0; from < entityIds.length && events < EVENTS_MAX; from += SNAPSHOT_ENTITIES) {
    const slice = entityIds.slice(from, from + SNAPSHOT_ENTITIES);
    const read = await database.read((reader) => {
      reader.execute('BEGIN');
      try {
        const latestRetryMs = time.now(reader) + RETRY_AHEAD_MAX_MS;
        const found: EntityRecord[] = [];
        for (const entityId of slice) {
          const record = readEntity(reader, view, targets, latestRetryMs, entityId, maxEvents);
          found.push(record);
          events += record.journal?.length ?? 0;
          if (events >= EVENTS_MAX) break;
        }
        return found;
      } finally {
        reader.rollback();
      }
    });
    records.push(...read);
    // An entity takes several reads. After each slice the event loop gets its turn.
    await pace.pass(SNAPSHOT_ENTITIES * READS_PER_ENTITY);
  }
  return records;
}

function readEntity(
  reader: Connection,
  view: ViewRows,
  targets: readonly string[],
  latestRetryMs: number,
  entityId: string,
  maxEvents: number,
): EntityRecord {
  const journals = new Map<string, JournaledEvent[]>();
  readJournals(reader, [entityId], journals, maxEvents);
  const events = journals.get(entityId) ?? [];
  const isWhole = events.length <= maxEvents;
  return {
    entityId,
    version: isWhole ? events.length : journaledVersion(reader, view, entityId),
    journal: isWhole ? events : null,
    row: readRow(reader, view, entityId),
    isParked: parkedAmong(reader, [entityId]).has(entityId),
    ledger: targets.map((target) => ledgerRecord(reader, target, entityId, latestRetryMs)),
  };
}

/** Reads a row that somebody may have altered, so its values may be of any type. */
function readRow(reader: Connection, view: ViewRows, entityId: string): StoredRow | null {
  const row = reader.statement(`SELECT * FROM ${view.table} WHERE ${view.key} = ?`).get(entityId);
  if (row === undefined) return null;
  const values = view.definition.columns.map((column) => {
    try {
      return viewValue(column, row[column.name]);
    } catch (error) {
      if (!(error instanceof TributaryError)) throw error;
      return `${row[column.name]} (${typeof row[column.name]})`;
    }
  });
  return { row: values, version: looseNumber(row.version) ?? -1 };
}

const SELECT_ENTRY = `
  SELECT d.*,
    (SELECT max(a.version) FROM delivery_attempts AS a
      WHERE a.delivery_number = d.delivery_number AND a.verdict = 'delivered') AS accepted,
    CASE WHEN d.status = 'dead' THEN EXISTS (SELECT 1 FROM delivery_attempts AS a
      WHERE a.delivery_number = d.delivery_number AND a.version = d.due_version AND a.verdict <> 'delivered')
    END AS has_failed
  FROM deliveries AS d WHERE d.target = ? AND d.entity_id = ?`;

function ledgerRecord(
  reader: Connection,
  target: string,
  entityId: string,
  latestRetryMs: number,
): LedgerRecord {
  const row = reader.statement(SELECT_ENTRY).get(target, entityId);
  if (row === undefined) return { target, entry: null, acceptedVersion: null };
  return { target, entry: entryOf(row, latestRetryMs), acceptedVersion: looseNumber(row.accepted) };
}

function entryOf(row: SqliteRow, latestRetryMs: number): LedgerEntry {
  return {
    // The table's CHECK allows these three words only.
    status: textOf(row.status) as DeliveryStatus,
    dueVersion: looseNumber(row.due_version) ?? -1,
    deliveredVersion: looseNumber(row.delivered_version),
    place: placeOf(row, latestRetryMs),
    isClaimed: row.claimed_by !== null,
    hasFailed: row.has_failed === null ? null : row.has_failed === 1n,
    mark: markOf(row),
  };
}

function placeOf({ next_attempt_at, is_retry }: SqliteRow, latestRetryMs: number): LedgerPlace {
  if (next_attempt_at === null) return 'none';
  const atMs = looseNumber(next_attempt_at);
  if (atMs === null || atMs < 0) return 'lost';
  if (is_retry === 0n) return atMs === DEAD_AT_MS ? 'dead' : atMs < DEAD_AT_MS ? 'due' : 'lost';
  return is_retry === 1n && atMs <= latestRetryMs ? 'due' : 'lost';
}

function markOf(row: SqliteRow): string {
  const { delivery_number, status, due_version, delivered_version, attempts, is_retry } = row;
  const { next_attempt_at, claimed_by } = row;
  return [
    delivery_number,
    status,
    due_version,
    delivered_version,
    attempts,
    is_retry,
    next_attempt_at,
    claimed_by,
  ].join('|');
}

/** A number that somebody may have replaced by anything; null for what is no integer. */
function looseNumber(value: SQLOutputValue | undefined): number | null {
  return typeof value === 'bigint' ? Number(value) : null;
}

/** Leaves out entities of which a version is not known, because a program journaled it that did not keep versions. */
export async function readAsArrived(
  database: Database,
  entityIds: readonly string[],
): Promise<Map<string, JournaledEvent[]>> {
  const arrivals = new Map<string, JournaledEvent[]>();
  const pace = new Pace();
  for (const entityId of entityIds) {
    const rows = await database.read((reader) =>
      reader
        .statement('SELECT * FROM event_journal WHERE entity_id = ? ORDER BY entity_version')
        .all(entityId),
    );
    if (rows.length > 0 && rows.every(({ entity_version }, index) => entity_version === BigInt(index + 1)))
      arrivals.set(entityId, rows.map(toEvent));
    await pace.pass(rows.length);
  }
  return arrivals;
}

export function mendLedger(
  writer: Connection,
  view: ViewRows,
  mends: readonly LedgerMend[],
  nowMs: number,
): number {
  const version = writer.statement(`SELECT version FROM ${view.table} WHERE ${view.key} = ?`);
  const select = writer.statement('SELECT * FROM deliveries WHERE target = ? AND entity_id = ?');
  const insert = writer.statement(`
    INSERT INTO deliveries (
      target, entity_id, due_version, status, attempts, delivered_version, next_attempt_at, due_since
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
  const update = writer.statement(`
    UPDATE deliveries SET status = ?1, due_version = ?2, delivered_version = ?3, next_attempt_at = ?4, is_retry = 0,
      attempts = ?5, claimed_by = CASE WHEN ?6 THEN claimed_by END, leased_until = CASE WHEN ?6 THEN leased_until ELSE 0 END,
      due_since = ?7
    WHERE target = ?8 AND entity_id = ?9`);
  let mended = 0;
  for (const { target, entityId, version: wanted, mark, becomes } of mends) {
    if (looseNumber(version.get(entityId)?.version) !== wanted) continue;
    const found = select.get(target, entityId);
    if ((found === undefined ? null : markOf(found)) !== mark) continue;
    const { status, dueVersion, deliveredVersion } = becomes;
    const nextMs = status === 'pending' ? nowMs : status === 'dead' ? DEAD_AT_MS : null;
    if (found === undefined) {
      insert.run(target, entityId, dueVersion, status, 0, deliveredVersion, nextMs, nowMs);
    } else {
      const isStillPending = status === 'pending' && found.status === 'pending';
      // A claim of the same version goes on, and its attempt is counted already.
      const goesOn = isStillPending && found.claimed_by !== null && found.due_version === BigInt(dueVersion);
      const attempts = goesOn || status !== 'pending' ? found.attempts : 0;
      const dueSince = status === 'pending' ? nowMs : found.due_since;
      update.run(
        status,
        dueVersion,
        deliveredVersion,
        nextMs,
        attempts ?? 0,
        Number(isStillPending),
        dueSince ?? nowMs,
        target,
        entityId,
      );
    }
    mended++;
  }
  return mended;
}

export function removeUnjournaledRows(
  writer: Connection,
  view: ViewRows,
  entityIds: readonly string[],
): number {
  const remove = writer.statement(`DELETE FROM ${view.table} WHERE ${view.key} = ?`);
  let removed = 0;
  for (const entityId of entityIds)
    if (!isJournaled(writer, entityId)) removed += Number(remove.run(entityId).changes);
  return removed;
}
