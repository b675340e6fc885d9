import type { RowDataPacket } from 'mysql2/promise';
import type { JournaledEvent } from '../../ports/store.ts';
import { marks, type Parameter, RowsStatement } from './rows-statement.ts';

/** What a journal row holds, in the sequence of its columns. */
const COLUMNS =
  'entity_id, sequence_position, time_occurred, caution_rank, event_id, content_hash, event_type, revision, ' +
  'time_observed, topic, partition_id, record_offset, data';

export const insertJournal = new RowsStatement(
  `INSERT INTO event_journal (${COLUMNS}) VALUES`,
  '(?,?,?,?,?,?,?,?,?,?,?,?,?)',
);

export function journalParameters(event: JournaledEvent): Parameter[] {
  return [
    event.entityId,
    event.position,
    new Date(event.occurredAtMs),
    event.cautionRank,
    event.eventId,
    Buffer.from(event.contentHash, 'hex'),
    event.eventType,
    event.revision,
    new Date(event.observedAtMs),
    event.topic,
    event.partition,
    event.offset,
    event.data,
  ];
}

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
