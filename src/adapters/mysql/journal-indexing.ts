import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { JournaledEvent } from '../../ports/journal.ts';
import type { LongJournal } from '../../ports/long-journals.ts';
import { inTransaction } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import {
  dropRungs,
  type Extent,
  keyHex,
  NO_BYTES,
  NOT_WHOLE,
  putRows,
  readExtent,
  rowsOfSegment,
} from './journal-index.ts';
import { parseEvents, type Segment } from './segments.ts';
import { textOf } from './values.ts';

/** The segments that one transaction indexes, each with at most 16 events. */
const STEP_SEGMENTS = 1_024;
/** The rows that one transaction removes. */
const STEP_REMOVED = 8_192;
/** The version in the index while old rows are removed. */
const REMOVING = -1;
/** Lies behind every key, because no position is this high. */
const LAST_KEY = 'ff'.repeat(8);

/** Brings an entity's index up to the end of its journal, as `LongJournals.index` promises. */
export async function indexJournal(
  pool: ConnectionPool,
  entityId: string,
  foldVersion: number,
  signal: AbortSignal,
): Promise<LongJournal | null> {
  while (!signal.aborted) {
    const done = await inTransaction(pool, (connection) => step(connection, entityId, foldVersion));
    if (done !== null) return { ...done, known: [] };
  }
  return null;
}

/**
 * Does one step inside a transaction. Resolves with null if there is more to do. It locks the row that records how far
 * the index goes, so two processes that index one entity take turns, and each goes on where the other stopped.
 */
async function step(
  connection: PoolConnection,
  entityId: string,
  foldVersion: number,
): Promise<{ readonly version: number; readonly foldVersion: number | null } | null> {
  const extent = await readExtent(connection, entityId);
  const journaled = await lastVersion(connection, entityId);
  if (extent === null || extent.version > journaled) {
    await putExtent(connection, entityId, REMOVING, foldVersion);
    await dropRungs(connection, entityId, null);
    return null;
  }
  if (extent.version === REMOVING) {
    const [removed] = await connection.execute(
      `DELETE FROM journal_index WHERE entity_id = ? AND sequence_key > ? LIMIT ${STEP_REMOVED}`,
      [entityId, NO_BYTES],
    );
    const isDone = (removed as { affectedRows: number }).affectedRows < STEP_REMOVED;
    if (isDone) await putExtent(connection, entityId, 0, foldVersion);
    return null;
  }
  if (extent.version < journaled) {
    await indexBehind(connection, entityId, extent);
    return null;
  }
  if (extent.foldVersion === NOT_WHOLE) return { version: extent.version, foldVersion: null };
  if (extent.foldVersion !== foldVersion) {
    await dropRungs(connection, entityId, null);
    await putExtent(connection, entityId, extent.version, foldVersion);
  }
  return { version: extent.version, foldVersion };
}

async function indexBehind(
  connection: PoolConnection,
  entityId: string,
  { version, foldVersion }: Extent,
): Promise<void> {
  const segments = await readSegmentsBehind(connection, entityId, version);
  let next = version + 1;
  let isWhole = foldVersion !== NOT_WHOLE;
  for (const { firstVersion, events } of segments) {
    isWhole &&= firstVersion === next;
    next = firstVersion + events.length;
  }
  const rows = segments.flatMap(rowsOfSegment);
  await putRows.run(connection, rows);
  // No commit has kept the ladder right for events that were not indexed when they were journaled.
  const [first = LAST_KEY] = rows.map(({ key }) => keyHex(key)).sort();
  await connection.execute('DELETE FROM fold_snapshots WHERE entity_id = ? AND sequence_key >= UNHEX(?)', [
    entityId,
    first,
  ]);
  await putExtent(connection, entityId, next - 1, isWhole ? foldVersion : NOT_WHOLE);
}

async function putExtent(
  connection: PoolConnection,
  entityId: string,
  version: number,
  foldVersion: number,
): Promise<void> {
  await putRows.run(connection, [{ entityId, key: null, firstVersion: version, place: foldVersion }]);
}

async function lastVersion(connection: PoolConnection, entityId: string): Promise<number> {
  const [[row]] = await connection.execute<RowDataPacket[]>(
    'SELECT first_version + event_count - 1 FROM journal_segments FORCE INDEX (`PRIMARY`) WHERE entity_id = ? ' +
      'ORDER BY first_version DESC LIMIT 1',
    [entityId],
  );
  return Number(row?.[0] ?? 0);
}

/** Reads segments without their bodies. */
async function readSegmentsBehind(
  connection: PoolConnection,
  entityId: string,
  version: number,
): Promise<Segment[]> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    'SELECT first_version, events FROM journal_segments FORCE INDEX (`PRIMARY`) WHERE entity_id = ? AND first_version > ? ' +
      `ORDER BY first_version LIMIT ${STEP_SEGMENTS}`,
    [entityId, String(version)],
  );
  return rows.map((row) => {
    const events: JournaledEvent[] = parseEvents(entityId, textOf(row[1]), NO_BYTES);
    return { entityId, firstVersion: Number(row[0]), events };
  });
}
