import type { QuarantinedRecord, QuarantinePage, RefusedCounts } from '../../ports/quarantine.ts';
import type { Connection } from './database.ts';
import { DEAD_AT_MS } from './delivery-filter.ts';
import { bigintOf, bytesOf, nullOr, numberOf, type SqliteRow, textOf } from './values.ts';

const INSERT = `
  INSERT INTO quarantine (
    topic, partition_id, record_offset, reason, detail, record_key, record_value, value_length, value_hash,
    headers, observed_at
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO NOTHING`;

/**
 * Adds records to the quarantine. A record that is there already, because an operator had the partition read again,
 * keeps its first entry.
 */
export function insertQuarantined(writer: Connection, records: readonly QuarantinedRecord[]): void {
  const insert = writer.statement(INSERT);
  for (const record of records) {
    insert.run(
      record.topic,
      record.partition,
      record.offset,
      record.reason,
      record.detail,
      record.key,
      record.value,
      record.valueLength,
      Buffer.from(record.valueHash, 'hex'),
      record.headers,
      record.observedAtMs,
    );
  }
}

/** A page sorted by topic, partition, offset and hash, beginning behind `after`. */
export function readQuarantine(
  reader: Connection,
  { after, limit, topic, reason }: QuarantinePage,
): QuarantinedRecord[] {
  const only = [
    ...(topic === undefined ? [] : [['topic', topic] as const]),
    ...(reason === undefined ? [] : [['reason', reason] as const]),
  ];
  const rows = reader
    .statement(`
      SELECT * FROM quarantine WHERE (topic, partition_id, record_offset, value_hash) > (?, ?, ?, ?)
      ${only.map(([column]) => `AND ${column} = ?`).join(' ')}
      ORDER BY topic, partition_id, record_offset, value_hash LIMIT ?`)
    .all(
      after?.topic ?? '',
      after?.partition ?? -1,
      after?.offset ?? -1n,
      Buffer.from(after?.valueHash ?? '', 'hex'),
      ...only.map(([, value]) => value),
      limit,
    );
  return rows.map(toRecord);
}

/** Counts along indexes, without reading the records' bytes. */
export function refusedCounts(reader: Connection, targets: readonly string[]): RefusedCounts {
  const quarantined = reader
    .statement(
      'SELECT topic, reason, count(*) AS records FROM quarantine GROUP BY topic, reason ORDER BY records DESC, topic, reason',
    )
    .all()
    .map((row) => ({ topic: textOf(row.topic), reason: textOf(row.reason), records: numberOf(row.records) }));
  const dead = reader.statement(
    'SELECT count(*) AS n FROM deliveries WHERE target = ? AND is_retry IN (0, 1) AND next_attempt_at = ?',
  );
  const deadDeliveries = targets.flatMap((target) => {
    const deliveries = numberOf(dead.get(target, DEAD_AT_MS)?.n);
    return deliveries === 0 ? [] : [{ target, deliveries }];
  });
  return { quarantined, deadDeliveries };
}

function toRecord(row: SqliteRow): QuarantinedRecord {
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
