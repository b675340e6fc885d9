import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { compareSequence } from '../../core/sequence.ts';
import type { EntityChange } from '../../ports/commit.ts';
import type { JournaledEntity, JournaledEvent } from '../../ports/journal.ts';
import { sortKey } from './id-page.ts';
import { chunksOf, marks } from './rows-statement.ts';
import { insertSegments, parseEvents, segmentsOf } from './segments.ts';
import { bytesOf, textOf } from './values.ts';

/**
 * Adds the changes' events to the journal. Rejects with a duplicate key if an entity no longer has the version that its
 * change builds on: then a segment begins at the same version.
 */
export async function insertEvents(
  connection: PoolConnection,
  changes: readonly Pick<EntityChange, 'entityId' | 'fromVersion' | 'events'>[],
): Promise<void> {
  await insertSegments.run(connection, segmentsOf(changes));
}

/**
 * Reads the journals of these entities, each in canonical sequence; an entity without events is left out. With
 * `maxEvents`, it reads only the segments that hold the first `maxEvents` + 1 events. `areLong` says that all of these
 * entities have more events: the server then reads a range for each, which would cost time for short ones.
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
      // Right after a table has grown, the server may still take it for empty and scan all of it.
      `SELECT entity_id, events, bodies FROM journal_segments FORCE INDEX (\`PRIMARY\`) WHERE entity_id IN (${marks(ids.length)})${limit}`,
      ids,
    );
    for (const row of rows) {
      const entityId = textOf(row[0]);
      const events = parseEvents(entityId, textOf(row[1]), bytesOf(row[2]));
      const known = journals.get(entityId);
      if (known === undefined) journals.set(entityId, events);
      else known.push(...events);
    }
  }
  for (const journal of journals.values()) journal.sort(compareSequence);
  return journals;
}

/** A page of the entities. The server finds each by one step through the primary key. */
export async function listJournaled(
  connection: PoolConnection,
  { after, limit }: { after: string | null; limit: number },
): Promise<JournaledEntity[]> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    'SELECT s.entity_id, s.first_version + s.event_count - 1 FROM (' +
      'SELECT entity_id, MAX(first_version) AS last_segment FROM journal_segments FORCE INDEX (`PRIMARY`) ' +
      `WHERE entity_id > ? GROUP BY entity_id ORDER BY entity_id LIMIT ${Math.floor(limit)}) e ` +
      'JOIN journal_segments s ON s.entity_id = e.entity_id AND s.first_version = e.last_segment ' +
      `ORDER BY ${sortKey('s.entity_id')} LIMIT ${Math.floor(limit)}`,
    [Buffer.from(after ?? '')],
  );
  return rows.map((row) => ({ entityId: textOf(row[0]), version: Number(row[1]) }));
}
