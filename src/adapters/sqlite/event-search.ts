import type { EventFound, EventSearch } from '../../ports/journal.ts';
import { edgeVersion, INDEXED, readLastVersion, scanVersions } from './arrivals.ts';
import type { Connection, Database } from './database.ts';
import { KEY_COLUMNS, keyValues } from './event-rows.ts';
import { readExtent, readKnown } from './journal-index.ts';
import { Pace } from './pace.ts';
import { nullOr, numberOf } from './values.ts';

/** The rows of a long entity that are looked at before the event loop gets its turn. */
const SCANNED_ROWS = 2_000;

/**
 * Searches three parts of the journal: the events that the index of ids has, the other ones up to version 1,024 by their
 * keys, and those behind them by their versions. A short entity has only the second part.
 */
export async function findEvent(database: Database, search: EventSearch): Promise<EventFound> {
  const { entityId, after } = search;
  const { last, firstIndexed, extent } = await database.read((reader) => ({
    last: readLastVersion(reader, entityId),
    firstIndexed: edgeVersion(reader, 'min', entityId),
    extent: readExtent(reader, entityId)?.version ?? 0,
  }));
  if (last <= after) return { version: null, lastVersion: last };
  const byId = extent > after ? await database.read((reader) => versionsById(reader, search)) : [];
  // A row that is older than the column has no version, and only a scan finds its place.
  const from = byId.includes(null) ? after : Math.max(after, extent);
  const lastScanned = firstIndexed === null ? last : firstIndexed - 1;
  const found = [
    ...byId,
    ...(from < lastScanned ? await scanned(database, search, firstIndexed) : []),
    ...(firstIndexed === null ? [] : await ranged(database, search, Math.max(from, lastScanned))),
  ].filter((version) => version !== null && version > after);
  return { version: found.length === 0 ? null : Math.max(...(found as number[])), lastVersion: last };
}

function versionsById(reader: Connection, { entityId, eventId }: EventSearch): (number | null)[] {
  const select = reader.statement(
    `SELECT entity_version FROM event_journal WHERE entity_id = ? AND (${KEY_COLUMNS}) = (?, ?, ?, ?, ?)`,
  );
  return readKnown(reader, entityId, eventId).map((key) =>
    nullOr(select.get(entityId, ...keyValues(key))?.entity_version ?? null, numberOf),
  );
}

async function scanned(
  database: Database,
  { entityId, eventId }: EventSearch,
  firstIndexed: number | null,
): Promise<number[]> {
  const arrivals = await scanVersions(database, entityId, firstIndexed);
  return arrivals.filter(({ key }) => key.eventId === eventId).map(({ version }) => version);
}

async function ranged(
  database: Database,
  { entityId, eventId }: EventSearch,
  behind: number,
): Promise<number[]> {
  const found: number[] = [];
  const pace = new Pace();
  for (let from = behind; ; ) {
    const rows = await database.read((reader) =>
      reader
        .statement(
          `SELECT entity_version, event_id FROM event_journal
          WHERE entity_id = ? AND ${INDEXED} AND entity_version > ? ORDER BY entity_version LIMIT ${SCANNED_ROWS}`,
        )
        .all(entityId, from),
    );
    for (const row of rows) if (row.event_id === eventId) found.push(numberOf(row.entity_version));
    const last = rows.at(-1);
    if (last === undefined || rows.length < SCANNED_ROWS) return found;
    from = numberOf(last.entity_version);
    await pace.pass(rows.length);
  }
}
