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
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const numbers = (count: number, digits: number) =>
  Array.from({ length: count }, (_, number) => String(number).padStart(digits, '0'));
const SIXTY = numbers(60, 2);
/** The texts of all minutes of a day, of all seconds of a minute and of all milliseconds of a second. */
const MINUTES = numbers(24, 2).flatMap((hour) => SIXTY.map((minute) => `${hour}:${minute}:`));
const SECONDS = SIXTY.map((second) => `${second}.`);
const MILLISECONDS = numbers(1_000, 3).map((ms) => `${ms}Z`);

/** The texts of days, which are slow to make. The times of a batch are of few days. */
const days = new Map<number, string>();
const DAYS_MAX = 1_000;

/** Formats a time so that it sorts as text. The form has room for the years 0 to 9999. */
export function isoTime(timeMs: number): string {
  const day = Math.floor(timeMs / DAY_MS);
  let dayText = days.get(day);
  if (dayText === undefined) {
    dayText = dayTextOf(day, timeMs);
    if (days.size === DAYS_MAX) days.clear();
    days.set(day, dayText);
  }
  if (!Number.isInteger(timeMs)) throw noRoomFor(timeMs);
  const inDay = timeMs - day * DAY_MS;
  const inMinute = inDay % MINUTE_MS;
  return (
    dayText +
    MINUTES[Math.floor(inDay / MINUTE_MS)] +
    SECONDS[Math.floor(inMinute / 1_000)] +
    MILLISECONDS[inMinute % 1_000]
  );
}

/** The beginning of the texts of a day, with the T. */
function dayTextOf(day: number, timeMs: number): string {
  const start = new Date(day * DAY_MS);
  const text = Number.isNaN(start.getTime()) ? '' : start.toISOString();
  if (text.length !== ISO_LENGTH) throw noRoomFor(timeMs);
  return text.slice(0, text.indexOf('T') + 1);
}

function noRoomFor(timeMs: number): TributaryError {
  return new TributaryError(
    'store_refused',
    `The journal has no room for the time ${timeMs} ms: it must be a whole number of milliseconds in the years 0 to 9999.`,
  );
}

export function bufferOf(value: SqliteRow[string] | undefined): Buffer {
  const bytes = bytesOf(value);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
