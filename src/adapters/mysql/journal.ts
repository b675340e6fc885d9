import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { compareSequence } from '../../core/sequence.ts';
import type { EntityChange } from '../../ports/commit.ts';
import type { JournaledEntity, JournaledEvent } from '../../ports/journal.ts';
import { chunksOf, marks } from './rows-statement.ts';
import { insertSegments, parseEvents, type Segment, segmentsOf } from './segments.ts';
import { textOf } from './values.ts';

/**
 * Adds the changes' events to the journal. Rejects with a duplicate key if the entity no longer has the version
 * that a change builds on: every version above it has a segment that begins at or before it.
 */
export async function insertEvents(
  connection: PoolConnection,
  changes: readonly Pick<EntityChange, 'entityId' | 'fromVersion' | 'events'>[],
): Promise<void> {
  const segments: Segment[] = [];
  for (const change of changes) segments.push(...segmentsOf(change));
  await insertSegments.run(connection, segments);
}

/**
 * The journals of these entities, each in canonical sequence; an entity without events is left out. Of an entity with
 * more than `maxEvents` events, the segments are sent that hold the first of them. If the caller knows that the entities
 * are such, the server also reads no others; a range for each entity would cost time where they are not.
 */
export async function readJournals(
  connection: PoolConnection,
  entityIds: readonly string[],
  maxEvents?: number,
  areLong = false,
): Promise<Map<string, JournaledEvent[]>> {
  const journals = new Map<string, JournaledEvent[]>();
  const column = areLong ? 'first_version' : 'first_version + 0';
  const limit = maxEvents === undefined ? '' : ` AND ${column} <= ${Math.floor(maxEvents) + 1}`;
  for (const ids of chunksOf(entityIds)) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      // The server may still take a table that has just grown for an empty one, and would read it all.
      `SELECT entity_id, events, bodies FROM journal_segments FORCE INDEX (PRIMARY) WHERE entity_id IN (${marks(ids.length)})${limit}`,
      ids,
    );
    for (const row of rows) {
      const entityId = textOf(row[0]);
      const events = parseEvents(entityId, textOf(row[1]), row[2] as Buffer);
      const known = journals.get(entityId);
      if (known === undefined) journals.set(entityId, events);
      else known.push(...events);
    }
  }
  for (const journal of journals.values()) journal.sort(compareSequence);
  return journals;
}

/** A page of the entities; the server finds each by one step through the primary key. */
export async function listJournaled(
  connection: PoolConnection,
  { after, limit }: { after: string | null; limit: number },
): Promise<JournaledEntity[]> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    'SELECT s.entity_id, s.first_version + s.event_count - 1 FROM (' +
      'SELECT entity_id, MAX(first_version) AS last_segment FROM journal_segments FORCE INDEX (PRIMARY) ' +
      `WHERE entity_id > ? GROUP BY entity_id ORDER BY entity_id LIMIT ${Math.floor(limit)}) e ` +
      'JOIN journal_segments s ON s.entity_id = e.entity_id AND s.first_version = e.last_segment ORDER BY s.entity_id',
    [Buffer.from(after ?? '')],
  );
  return rows.map((row) => ({ entityId: textOf(row[0]), version: Number(row[1]) }));
}
