import { TributaryError } from '../../core/errors.ts';
import type { JournaledEvent } from '../../ports/store.ts';
import {
  bigintOf,
  bytesOf,
  type Connection,
  nullOr,
  numberOf,
  type SqliteRow,
  textOf,
} from './connection.ts';

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

/** The primary key is the canonical sequence, so its scan needs no sorting. */
const SELECT = `
  SELECT * FROM event_journal WHERE entity_id = ?
  ORDER BY sequence_position, time_occurred, caution_rank, event_id, content_hash`;

/** Adds the journals of these entities to the map, each in canonical sequence. */
export function readJournals(
  connection: Connection,
  entityIds: readonly string[],
  journals: Map<string, JournaledEvent[]>,
): void {
  const select = connection.statement(SELECT);
  for (const entityId of entityIds) {
    const rows = select.all(entityId);
    if (rows.length > 0) journals.set(entityId, rows.map(toEvent));
  }
}

function toEvent(row: SqliteRow): JournaledEvent {
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
function isoTime(timeMs: number): string {
  const time = new Date(timeMs);
  const text = Number.isNaN(time.getTime()) ? '' : time.toISOString();
  if (text.length === ISO_LENGTH && Number.isInteger(timeMs)) return text;
  throw new TributaryError(
    'store_refused',
    `The journal has no room for the time ${timeMs} ms: it must be a whole number of milliseconds in the years 0 to 9999.`,
  );
}
