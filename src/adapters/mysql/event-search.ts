import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { sequenceOf } from '../../core/sequence-bytes.ts';
import type { EventFound, EventSearch } from '../../ports/journal.ts';
import { readLastVersion } from './arrivals.ts';
import { EXTENT_HASH, idHash, keyOfHex, NO_BYTES } from './journal-index.ts';
import { MAX_SEGMENT_EVENTS, parseEvents } from './segments.ts';
import { textOf } from './values.ts';

/** Only entities with more events have an index. */
const SHORT_EVENTS_MAX = 1_024;
/** The segments that one statement reads. */
const SEGMENTS_PAGE = 128;

/** Searches the events that the index of ids has by the id, and the other ones segment by segment, without their bodies. */
export async function findEvent(connection: PoolConnection, search: EventSearch): Promise<EventFound> {
  const { entityId, after } = search;
  const lastVersion = await readLastVersion(connection, entityId);
  if (lastVersion <= after) return { version: null, lastVersion };
  const { versions, upTo } =
    lastVersion > SHORT_EVENTS_MAX ? await searchIndex(connection, search) : { versions: [], upTo: 0 };
  const behind = await searchSegments(connection, search, Math.max(after, upTo));
  const found = [...versions, ...behind].filter((version) => version > after);
  return { version: found.length === 0 ? null : Math.max(...found), lastVersion };
}

/** The versions that the index has for the id, and the version up to which it has all events. */
async function searchIndex(
  connection: PoolConnection,
  { entityId, eventId }: EventSearch,
): Promise<{ readonly versions: readonly number[]; readonly upTo: number }> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    'SELECT HEX(sequence_key), first_version, place FROM journal_index FORCE INDEX (journal_index_by_id) ' +
      'WHERE entity_id = ? AND id_hash IN (UNHEX(?), UNHEX(?))',
    [Buffer.from(entityId), EXTENT_HASH, idHash(eventId)],
  );
  const extent = rows.find((row) => textOf(row[0]) === '');
  // While old rows are removed, the index counts as empty.
  const upTo = Math.max(0, Number(extent?.[1] ?? 0));
  if (upTo === 0) return { versions: [], upTo };
  const versions = rows
    .filter((row) => row !== extent && sequenceOf(keyOfHex(row[0])).eventId === eventId)
    .map((row) => Number(row[1]) + Number(row[2]));
  return { versions, upTo };
}

async function searchSegments(
  connection: PoolConnection,
  { entityId, eventId }: EventSearch,
  behind: number,
): Promise<number[]> {
  const found: number[] = [];
  for (let from = behind; ; ) {
    // As a parameter, the version would be a floating-point number, by which the server does not use the key's sequence.
    const [rows] = await connection.query<RowDataPacket[]>(
      'SELECT first_version, event_count, events FROM journal_segments FORCE INDEX (`PRIMARY`) ' +
        `WHERE entity_id = ? AND first_version > ${Math.floor(from) - MAX_SEGMENT_EVENTS} ` +
        `AND first_version + event_count > ${Math.floor(from) + 1} ORDER BY first_version LIMIT ${SEGMENTS_PAGE}`,
      [Buffer.from(entityId)],
    );
    for (const row of rows)
      for (const [place, event] of parseEvents(entityId, textOf(row[2]), NO_BYTES).entries())
        if (event.eventId === eventId) found.push(Number(row[0]) + place);
    const last = rows.at(-1);
    if (last === undefined || rows.length < SEGMENTS_PAGE) return found;
    from = Number(last[0]) + Number(last[1]) - 1;
  }
}
