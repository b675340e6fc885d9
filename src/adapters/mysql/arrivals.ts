import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { Arrivals, ArrivalsRange, ArrivedEvent } from '../../ports/journal.ts';
import { chunksOf, marks } from './rows-statement.ts';
import { MAX_SEGMENT_EVENTS, parseEvents } from './segments.ts';
import { bytesOf, textOf } from './values.ts';

/** The segments that one statement reads. */
const SEGMENTS_PAGE = 128;
/** A page of events ends once their bodies have this many UTF-16 units. */
const PAGE_LENGTH = 8 * 1024 * 1024;

/** Reads a page of an entity's events by version, which is the sequence of its segments. */
export async function readArrivals(connection: PoolConnection, range: ArrivalsRange): Promise<Arrivals> {
  const events = await readEvents(connection, range);
  return { events, lastVersion: await readLastVersion(connection, range.entityId) };
}

/** The entity's version in the journal; 0 if it has no event. */
export async function readLastVersion(connection: PoolConnection, entityId: string): Promise<number> {
  const [[last]] = await connection.execute<RowDataPacket[]>(
    'SELECT first_version + event_count - 1 FROM journal_segments FORCE INDEX (`PRIMARY`) WHERE entity_id = ? ' +
      'ORDER BY first_version DESC LIMIT 1',
    [Buffer.from(entityId)],
  );
  return Number(last?.[0] ?? 0);
}

async function readEvents(
  connection: PoolConnection,
  { entityId, after, limit }: ArrivalsRange,
): Promise<ArrivedEvent[]> {
  const events: ArrivedEvent[] = [];
  let length = 0;
  // The segment with the first of these events may begin before it.
  // As a parameter, the version would be a floating-point number, by which the server does not use the key's sequence.
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT first_version, events, bodies FROM journal_segments FORCE INDEX (`PRIMARY`) ' +
      `WHERE entity_id = ? AND first_version > ${Math.floor(after) - MAX_SEGMENT_EVENTS} ` +
      `AND first_version + event_count > ${Math.floor(after) + 1} ` +
      `ORDER BY first_version LIMIT ${Math.min(SEGMENTS_PAGE, Math.floor(limit))}`,
    [Buffer.from(entityId)],
  );
  for (const row of rows) {
    const firstVersion = Number(row[0]);
    for (const [place, event] of parseEvents(entityId, textOf(row[1]), bytesOf(row[2])).entries()) {
      const version = firstVersion + place;
      if (version <= after) continue;
      if (events.length === limit || length > PAGE_LENGTH) return events;
      events.push({ ...event, version });
      length += event.data.length;
    }
  }
  return events;
}

/** The times at which the events with the last versions were decoded. */
export async function readLastArrivals(
  connection: PoolConnection,
  entityIds: readonly string[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const ids of chunksOf(entityIds)) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      'SELECT s.entity_id, s.events FROM (SELECT entity_id, MAX(first_version) AS last_segment ' +
        `FROM journal_segments FORCE INDEX (\`PRIMARY\`) WHERE entity_id IN (${marks(ids.length)}) GROUP BY entity_id ORDER BY NULL) e ` +
        'JOIN journal_segments s FORCE INDEX (`PRIMARY`) ON s.entity_id = e.entity_id AND s.first_version = e.last_segment',
      ids,
    );
    for (const row of rows) {
      const entityId = textOf(row[0]);
      const last = parseEvents(entityId, textOf(row[1]), NO_BODIES).at(-1);
      if (last !== undefined) found.set(entityId, last.observedAtMs);
    }
  }
  return found;
}

/** The bodies are not read where only their events' times count. */
const NO_BODIES = Buffer.alloc(0);
