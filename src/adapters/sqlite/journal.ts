import { TributaryError } from '../../core/errors.ts';
import type { JournaledEvent } from '../../ports/store.ts';
import type { JournaledEntity } from '../../ports/verification.ts';
import type { Connection } from './database.ts';
import { bigintOf, bytesOf, nullOr, numberOf, type SqliteRow, textOf } from './values.ts';

const INSERT = `
  INSERT INTO event_journal (
    entity_id, sequence_position, time_occurred, caution_rank, event_id, content_hash, event_type, revision,
    time_observed, topic, partition_id, record_offset, data
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Writes the events; throws SQLite's primary key error if one is there already. */
export function insertEvents(writer: Connection, events: readonly JournaledEvent[]): void {
  const insert = writer.statement(INSERT);
  for (const event of events) {
    insert.run(
      event.entityId,
      event.position,
      isoTime(event.occurredAtMs),
      event.cautionRank,
      event.eventId,
      Buffer.from(event.contentHash, 'hex'),
      event.eventType,
      event.revision,
      isoTime(event.observedAtMs),
      event.topic,
      event.partition,
      event.offset,
      event.data,
    );
  }
}

export function isJournaled(connection: Connection, entityId: string): boolean {
  return (
    connection.statement('SELECT 1 FROM event_journal WHERE entity_id = ? LIMIT 1').get(entityId) !==
    undefined
  );
}

/** How many events of the entity are in the journal, which is its version. */
export function countEvents(connection: Connection, entityId: string): number {
  return numberOf(
    connection.statement('SELECT count(*) AS events FROM event_journal WHERE entity_id = ?').get(entityId)
      ?.events,
  );
}

/** Counting the events of an entity stops here: a page must not take long because of one entity. */
const COUNTED_EVENTS_MAX = 10_001;

/** A page of the entities, each found by one step through the primary key. */
export function listJournaled(
  reader: Connection,
  { after, limit }: { after: string | null; limit: number },
): JournaledEntity[] {
  const next = reader.statement('SELECT min(entity_id) AS id FROM event_journal WHERE entity_id > ?');
  const count = reader.statement(
    `SELECT count(*) AS events FROM (SELECT 1 FROM event_journal WHERE entity_id = ? LIMIT ${COUNTED_EVENTS_MAX})`,
  );
  const found: JournaledEntity[] = [];
  for (let last = after ?? ''; found.length < limit; ) {
    const entityId = nullOr(next.get(last)?.id, textOf);
    if (entityId === null) break;
    found.push({ entityId, version: numberOf(count.get(entityId)?.events) });
    last = entityId;
  }
  return found;
}

/** The primary key is the canonical sequence, so its scan needs no sorting. */
const SELECT = `
  SELECT * FROM event_journal WHERE entity_id = ?
  ORDER BY sequence_position, time_occurred, caution_rank, event_id, content_hash LIMIT ?`;

/** Adds the journals of these entities to the map, each in canonical sequence; of a long one `maxEvents` + 1 events. */
export function readJournals(
  connection: Connection,
  entityIds: readonly string[],
  journals: Map<string, JournaledEvent[]>,
  maxEvents: number | undefined,
): void {
  const select = connection.statement(SELECT);
  // SQLite takes a negative limit for none.
  const limit = maxEvents === undefined ? -1 : maxEvents + 1;
  for (const entityId of entityIds) {
    const rows = select.all(entityId, limit);
    if (rows.length > 0) journals.set(entityId, rows.map(toEvent));
  }
}

export function toEvent(row: SqliteRow): JournaledEvent {
  const hash = bytesOf(row.content_hash);
  return {
    entityId: textOf(row.entity_id),
    position: numberOf(row.sequence_position),
    occurredAtMs: Date.parse(textOf(row.time_occurred)),
    cautionRank: numberOf(row.caution_rank),
    eventId: textOf(row.event_id),
    contentHash: Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('hex'),
    eventType: textOf(row.event_type),
    revision: nullOr(row.revision, numberOf),
    observedAtMs: Date.parse(textOf(row.time_observed)),
    topic: textOf(row.topic),
    partition: numberOf(row.partition_id),
    offset: bigintOf(row.record_offset),
    data: textOf(row.data),
  };
}

const ISO_LENGTH = 'YYYY-MM-DDTHH:MM:SS.mmmZ'.length;

/** The only form that sorts as text by time; it has room for the years 0 to 9999. */
export function isoTime(timeMs: number): string {
  const time = new Date(timeMs);
  const text = Number.isNaN(time.getTime()) ? '' : time.toISOString();
  if (text.length === ISO_LENGTH && Number.isInteger(timeMs)) return text;
  throw new TributaryError(
    'store_refused',
    `The journal has no room for the time ${timeMs} ms: it must be a whole number of milliseconds in the years 0 to 9999.`,
  );
}
