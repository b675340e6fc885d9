import { TributaryError } from '../../core/errors.ts';
import type { SequenceKey } from '../../core/sequence.ts';
import { traceContextOf } from '../../core/trace-context.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import type { JournalRange } from '../../ports/long-journals.ts';
import type { Connection } from './database.ts';
import { bigintOf, bytesOf, nullOr, numberOf, type SqliteRow, textOf } from './values.ts';

/** The columns of the journal's primary key behind the entity id. They are the canonical sequence. */
export const KEY_COLUMNS = 'sequence_position, time_occurred, caution_rank, event_id, content_hash';

/** The rows of a range of the journal, in canonical sequence. */
export function rowsOfRange(
  connection: Connection,
  columns: string,
  { entityId, after, through, limit }: JournalRange,
): SqliteRow[] {
  const sql = `
    SELECT ${columns} FROM event_journal WHERE entity_id = ?
    ${after === null ? '' : `AND (${KEY_COLUMNS}) > (?, ?, ?, ?, ?)`}
    ${through === null ? '' : `AND (${KEY_COLUMNS}) <= (?, ?, ?, ?, ?)`}
    ORDER BY ${KEY_COLUMNS} LIMIT ?`;
  const values = [after, through].flatMap((key) => (key === null ? [] : keyValues(key)));
  return connection.statement(sql).all(entityId, ...values, limit);
}

/** The values of `KEY_COLUMNS`. */
export function keyValues({ position, occurredAtMs, cautionRank, eventId, contentHash }: SequenceKey) {
  return [position, isoTime(occurredAtMs), cautionRank, eventId, Buffer.from(contentHash, 'hex')];
}

export function toKey(row: SqliteRow): SequenceKey {
  return {
    position: numberOf(row.sequence_position),
    occurredAtMs: Date.parse(String(row.time_occurred)),
    cautionRank: numberOf(row.caution_rank),
    eventId: String(row.event_id),
    contentHash: bufferOf(row.content_hash).toString('hex'),
  };
}

export function toEvent(row: SqliteRow): JournaledEvent {
  const hash = bytesOf(row.content_hash);
  const event: JournaledEvent = {
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
  if (row.trace_parent === null || row.trace_parent === undefined) return event;
  const trace = traceContextOf(textOf(row.trace_parent), nullOr(row.trace_state, textOf));
  return trace === null ? event : { ...event, trace };
}

const ISO_LENGTH = 'YYYY-MM-DDTHH:MM:SS.mmmZ'.length;

/** Formats a time so that it sorts as text. The form has room for the years 0 to 9999. */
export function isoTime(timeMs: number): string {
  const time = new Date(timeMs);
  const text = Number.isNaN(time.getTime()) ? '' : time.toISOString();
  if (text.length === ISO_LENGTH && Number.isInteger(timeMs)) return text;
  throw new TributaryError(
    'store_refused',
    `The journal has no room for the time ${timeMs} ms: it must be a whole number of milliseconds in the years 0 to 9999.`,
  );
}

export function bufferOf(value: SqliteRow[string] | undefined): Buffer {
  const bytes = bytesOf(value);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
