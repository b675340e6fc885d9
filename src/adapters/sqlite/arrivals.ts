import { compareSequence, type SequenceKey } from '../../core/sequence.ts';
import { compareUtf8 } from '../../core/text.ts';
import type { Arrivals, ArrivalsRange, ArrivedEvent } from '../../ports/journal.ts';
import type { Connection, Database } from './database.ts';
import { countEvents } from './entity-versions.ts';
import { KEY_COLUMNS, keyValues, toEvent, toKey } from './event-rows.ts';
import { Pace, slices } from './pace.ts';
import { bigintOf, nullOr, numberOf, type SqliteRow, textOf } from './values.ts';

/** The condition on the events that the index event_journal_by_version holds. */
export const INDEXED = 'entity_version > 1024';

/** A page of events ends once their bodies have this many UTF-16 units. */
const PAGE_LENGTH = 8 * 1024 * 1024;
/** The rows of a long entity that are looked at before the event loop gets its turn. */
const SCANNED_ROWS = 2_000;

/**
 * Reads a page of an entity's events by version. The index finds events of high versions. To find the others, it reads
 * the keys of all events of the entity, because the journal is sorted by the canonical sequence.
 */
export async function readArrivals(database: Database, range: ArrivalsRange): Promise<Arrivals> {
  const { entityId, after } = range;
  const firstIndexed = await database.read((reader) => edgeVersion(reader, 'min', entityId));
  const events =
    firstIndexed !== null && after + 1 >= firstIndexed
      ? await database.read((reader) => readIndexed(reader, range))
      : await readScanned(database, range, firstIndexed);
  return { events, lastVersion: await database.read((reader) => readLastVersion(reader, entityId)) };
}

/** The times at which the events with the last versions were decoded. */
export async function readLastArrivals(
  database: Database,
  entityIds: readonly string[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const pace = new Pace();
  for (const slice of slices(entityIds)) {
    await database.read((reader) => {
      const long = reader.statement(
        `SELECT time_observed FROM event_journal WHERE entity_id = ? AND ${INDEXED} ORDER BY entity_version DESC LIMIT 1`,
      );
      // SQLite sorts NULL behind all versions here.
      const short = reader.statement(
        'SELECT time_observed FROM event_journal WHERE entity_id = ? ORDER BY entity_version DESC, time_observed DESC LIMIT 1',
      );
      for (const entityId of slice) {
        const row = long.get(entityId) ?? short.get(entityId);
        if (row !== undefined) found.set(entityId, Date.parse(textOf(row.time_observed)));
      }
    });
    await pace.pass(slice.length);
  }
  return found;
}

/** The first or the last version that the index event_journal_by_version has; null if the entity has no such event. */
export function edgeVersion(reader: Connection, edge: 'min' | 'max', entityId: string): number | null {
  const row = reader
    .statement(
      `SELECT ${edge}(entity_version) AS version FROM event_journal WHERE entity_id = ? AND ${INDEXED}`,
    )
    .get(entityId);
  return nullOr(row?.version, numberOf);
}

/** The entity's version in the journal; 0 if it has no event. */
export function readLastVersion(reader: Connection, entityId: string): number {
  return edgeVersion(reader, 'max', entityId) ?? countEvents(reader, entityId);
}

function readIndexed(reader: Connection, { entityId, after, limit }: ArrivalsRange): ArrivedEvent[] {
  const rows = reader
    .statement(
      `SELECT * FROM event_journal WHERE entity_id = ? AND ${INDEXED} AND entity_version > ? ORDER BY entity_version LIMIT ?`,
    )
    .iterate(entityId, after, limit);
  const page = new Page();
  for (const row of rows) if (!page.add(row, numberOf(row.entity_version))) break;
  return page.events;
}

/** What tells the version of an event. */
interface Arrival {
  readonly key: SequenceKey;
  /** Null in a row that is older than the column. */
  readonly version: number | null;
  readonly observedAt: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

async function readScanned(
  database: Database,
  { entityId, after, limit }: ArrivalsRange,
  firstIndexed: number | null,
): Promise<ArrivedEvent[]> {
  const arrivals = await scanVersions(database, entityId, firstIndexed);
  const wanted = arrivals.filter(({ version }) => version > after).slice(0, limit);
  const page = new Page();
  for (const slice of slices(wanted)) {
    const isFull = await database.read((reader) => {
      const select = reader.statement(
        `SELECT * FROM event_journal WHERE entity_id = ? AND (${KEY_COLUMNS}) = (?, ?, ?, ?, ?)`,
      );
      return slice.some(({ key, version }) => {
        const row = select.get(entityId, ...keyValues(key));
        return row !== undefined && !page.add(row, version);
      });
    });
    if (isFull) break;
  }
  return page.events;
}

/** Reads the keys of the events before the version `end`, or of all events if it is null, by their versions. */
export async function scanVersions(
  database: Database,
  entityId: string,
  end: number | null,
): Promise<{ readonly key: SequenceKey; readonly version: number }[]> {
  const arrivals = await scan(database, entityId, end === null ? null : end - 1);
  arrivals.sort(compareArrival);
  return arrivals.map(({ key, version }, place) => ({ key, version: version ?? place + 1 }));
}

/** Reads the keys of the events up to a version, or of all events if it is null, in the sequence of the keys. */
async function scan(database: Database, entityId: string, upTo: number | null): Promise<Arrival[]> {
  const found: Arrival[] = [];
  const pace = new Pace();
  for (let after: SequenceKey | null = null; ; ) {
    const from: SequenceKey | null = after;
    const rows: SqliteRow[] = await database.read((reader) =>
      reader
        .statement(
          `SELECT ${KEY_COLUMNS}, entity_version, time_observed, topic, partition_id, record_offset FROM event_journal
          WHERE entity_id = ? ${from === null ? '' : `AND (${KEY_COLUMNS}) > (?, ?, ?, ?, ?)`}
          ORDER BY ${KEY_COLUMNS} LIMIT ${SCANNED_ROWS}`,
        )
        .all(entityId, ...(from === null ? [] : keyValues(from))),
    );
    for (const row of rows) {
      const version = nullOr(row.entity_version, numberOf);
      if (upTo === null || version === null || version <= upTo) found.push(toArrival(row, version));
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < SCANNED_ROWS) return found;
    after = toKey(last);
    await pace.pass(rows.length);
  }
}

function toArrival(row: SqliteRow, version: number | null): Arrival {
  return {
    key: toKey(row),
    version,
    observedAt: textOf(row.time_observed),
    topic: textOf(row.topic),
    partition: numberOf(row.partition_id),
    offset: bigintOf(row.record_offset),
  };
}

/** Events without a version come first, by the time at which they were decoded and by their places in the log. */
function compareArrival(left: Arrival, right: Arrival): number {
  if (left.version !== null && right.version !== null) return left.version - right.version;
  if (left.version !== null || right.version !== null) return left.version === null ? -1 : 1;
  if (left.observedAt !== right.observedAt) return left.observedAt < right.observedAt ? -1 : 1;
  return (
    compareUtf8(left.topic, right.topic) ||
    left.partition - right.partition ||
    Number(left.offset - right.offset) ||
    compareSequence(left.key, right.key)
  );
}

class Page {
  readonly events: ArrivedEvent[] = [];
  #length = 0;

  /** Answers whether there is room for more. */
  add(row: SqliteRow, version: number): boolean {
    const event = { ...toEvent(row), version };
    this.events.push(event);
    this.#length += event.data.length;
    return this.#length <= PAGE_LENGTH;
  }
}
