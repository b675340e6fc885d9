import { TributaryError } from '../../core/errors.ts';
import { type Position, partitionName } from '../../core/offset.ts';
import type { QuarantinedRecord, StoredQuarantine } from '../../ports/store.ts';
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
  INSERT INTO quarantine (
    topic, partition_id, record_offset, reason, detail, record_key, record_value, value_length, value_hash,
    headers, observed_at
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO NOTHING`;

const SELECT_HASH =
  'SELECT value_hash FROM quarantine WHERE topic = ? AND partition_id = ? AND record_offset = ?';

/** Keeps the records. One that is there already (read again after a decision to go back) is kept as it is. */
export function insertQuarantined(writer: Connection, records: readonly QuarantinedRecord[]): void {
  const insert = writer.statement(INSERT);
  for (const record of records) {
    const hash = Buffer.from(record.valueHash, 'hex');
    const { changes } = insert.run(
      record.topic,
      record.partition,
      record.offset,
      record.reason,
      record.detail,
      record.key,
      record.value,
      record.valueLength,
      hash,
      record.headers,
      record.observedAtMs,
    );
    if (Number(changes) === 1) continue;
    const kept = writer.statement(SELECT_HASH).get(record.topic, record.partition, record.offset);
    if (!hash.equals(bytesOf(kept?.value_hash))) throw otherRecordKept(record);
  }
}

/** In the sequence of topic, partition and offset, beginning behind `after`. */
export function readQuarantine(
  reader: Connection,
  after: Position | null,
  limit: number,
): StoredQuarantine[] {
  const rows = reader
    .statement(`
      SELECT * FROM quarantine WHERE (topic, partition_id, record_offset) > (?, ?, ?)
      ORDER BY topic, partition_id, record_offset LIMIT ?`)
    .all(after?.topic ?? '', after?.partition ?? -1, after?.offset ?? -1n, limit);
  return rows.map(toRecord);
}

function toRecord(row: SqliteRow): StoredQuarantine {
  return {
    topic: textOf(row.topic),
    partition: numberOf(row.partition_id),
    offset: bigintOf(row.record_offset),
    reason: textOf(row.reason),
    detail: textOf(row.detail),
    key: nullOr(row.record_key, bytesOf),
    value: nullOr(row.record_value, bytesOf),
    valueLength: numberOf(row.value_length),
    valueHash: Buffer.from(bytesOf(row.value_hash)).toString('hex'),
    headers: bytesOf(row.headers),
    observedAtMs: numberOf(row.observed_at),
  };
}

/** Happens when a topic was made again: neither record may take the other's place in silence. */
function otherRecordKept(record: QuarantinedRecord): TributaryError {
  return new TributaryError(
    'store_refused',
    `The quarantine already holds another record of ${partitionName(record)} at offset ${record.offset}, perhaps of an earlier topic of that name: copy that row elsewhere and remove it, then go on.`,
  );
}
