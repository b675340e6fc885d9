import type { RowDataPacket } from 'mysql2/promise';
import type { JournaledEvent } from '../../ports/store.ts';
import { marks, RowsStatement } from './rows-statement.ts';

/** What a journal row holds, in the sequence of its columns. */
const COLUMNS =
  'entity_id, sequence_position, time_occurred, caution_rank, event_id, content_hash, event_type, revision, ' +
  'time_observed, topic, partition_id, record_offset, data';

export const insertJournal = new RowsStatement<JournaledEvent>({
  before: `INSERT INTO event_journal (${COLUMNS}) VALUES`,
  row: '(?,?,?,?,?,?,?,?,?,?,?,?,?)',
  columns: [
    'text',
    'integer',
    'datetime',
    'integer',
    'text',
    'bytes',
    'text',
    'integer',
    'datetime',
    'text',
    'integer',
    'integer',
    'text',
  ],
  write(writer, event) {
    writer.text(event.entityId);
    writer.integer(event.position);
    writer.datetime(event.occurredAtMs);
    writer.integer(event.cautionRank);
    writer.text(event.eventId);
    writer.hex(event.contentHash);
    writer.text(event.eventType);
    writer.integer(event.revision);
    writer.datetime(event.observedAtMs);
    writer.text(event.topic);
    writer.integer(event.partition);
    writer.integer(event.offset);
    writer.text(event.data);
  },
});

/** Selects the journals of `count` entities; within one entity the rows come in canonical sequence. */
export function selectJournals(count: number): string {
  return (
    `SELECT ${COLUMNS} FROM event_journal WHERE entity_id IN (${marks(count)}) ` +
    'ORDER BY entity_id, sequence_position, time_occurred, caution_rank, event_id, content_hash'
  );
}

export function journaledEvent(row: RowDataPacket): JournaledEvent {
  return {
    entityId: text(row[0]),
    position: Number(row[1]),
    occurredAtMs: milliseconds(row[2]),
    cautionRank: Number(row[3]),
    eventId: text(row[4]),
    contentHash: (row[5] as Buffer).toString('hex'),
    eventType: String(row[6]),
    revision: row[7] === null ? null : Number(row[7]),
    observedAtMs: milliseconds(row[8]),
    topic: String(row[9]),
    partition: Number(row[10]),
    offset: BigInt(row[11]),
    data: String(row[12]),
  };
}

/** Ids are stored as the bytes of their UTF-8 form. */
export function text(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}

function milliseconds(value: unknown): number {
  if (value instanceof Date) return value.getTime();
  throw new TypeError('A DATETIME column came back as something other than a date.');
}
