import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { QuarantinedRecord, QuarantinePage, RefusedCounts } from '../../ports/quarantine.ts';
import { withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { DEAD_AT_MS } from './delivery-filter.ts';
import { RowsStatement } from './rows-statement.ts';
import { textOf } from './values.ts';

/**
 * Adds records to the quarantine. A record that is there already, because an operator had the partition read again,
 * keeps its first entry.
 */
export async function insertQuarantined(
  connection: PoolConnection,
  records: readonly QuarantinedRecord[],
): Promise<void> {
  await insert.run(connection, records);
}

const insert = new RowsStatement<QuarantinedRecord>({
  before:
    'INSERT INTO quarantine (topic, partition_id, record_offset, reason, detail, record_key, record_value, ' +
    'value_length, value_hash, headers, observed_at) VALUES',
  row: '(?,?,?,?,?,?,?,?,?,?,?)',
  after: 'ON DUPLICATE KEY UPDATE topic = topic',
  columns: [
    'text',
    'integer',
    'integer',
    'text',
    'text',
    'bytes',
    'bytes',
    'integer',
    'bytes',
    'bytes',
    'integer',
  ],
  write(writer, record) {
    writer.text(record.topic);
    writer.integer(record.partition);
    writer.integer(record.offset);
    writer.text(record.reason);
    writer.text(record.detail);
    writer.bytes(record.key);
    writer.bytes(record.value);
    writer.integer(record.valueLength);
    writer.hex(record.valueHash);
    writer.bytes(record.headers);
    writer.integer(record.observedAtMs);
  },
});

export async function readQuarantine(
  pool: ConnectionPool,
  { after, limit, topic, reason }: QuarantinePage,
): Promise<QuarantinedRecord[]> {
  const key =
    after === null
      ? ['', -1, -1n, Buffer.alloc(0)]
      : [after.topic, after.partition, after.offset, Buffer.from(after.valueHash, 'hex')];
  const only = [
    ...(topic === undefined ? [] : [['topic', topic] as const]),
    ...(reason === undefined ? [] : [['reason', reason] as const]),
  ];
  return withConnection(pool, async (connection) => {
    const [rows] = await connection.execute<RowDataPacket[]>(
      'SELECT topic, partition_id, record_offset, reason, detail, record_key, record_value, value_length, value_hash, headers, observed_at ' +
        'FROM quarantine WHERE (topic, partition_id, record_offset, value_hash) > (?, ?, ?, ?) ' +
        only.map(([column]) => `AND ${column} = ? `).join('') +
        `ORDER BY topic, partition_id, record_offset, value_hash LIMIT ${Math.floor(limit)}`,
      [...key, ...only.map(([, value]) => value)] as never[],
    );
    return rows.map((row) => ({
      topic: String(row[0]),
      partition: Number(row[1]),
      offset: BigInt(row[2]),
      reason: String(row[3]),
      detail: textOf(row[4]),
      key: row[5] as Buffer | null,
      value: row[6] as Buffer | null,
      valueLength: Number(row[7]),
      valueHash: (row[8] as Buffer).toString('hex'),
      headers: row[9] as Buffer,
      observedAtMs: Number(row[10]),
    }));
  });
}

/** Counts along indexes, to their ends. It keeps one connection of the pool busy meanwhile. */
export async function refusedCounts(
  pool: ConnectionPool,
  targets: readonly string[],
): Promise<RefusedCounts> {
  return withConnection(pool, async (connection) => {
    const [kinds] = await connection.query<RowDataPacket[]>(
      'SELECT topic, reason, COUNT(*) AS records FROM quarantine FORCE INDEX (quarantine_by_reason) ' +
        'GROUP BY topic, reason ORDER BY records DESC, topic, reason',
    );
    // Selecting the moment of dead deliveries makes the server read only the end of the index.
    const deadDeliveries: { target: string; deliveries: number }[] = [];
    for (const target of targets) {
      const [[dead]] = await connection.execute<RowDataPacket[]>(
        'SELECT COUNT(*) FROM deliveries FORCE INDEX (deliveries_by_next_attempt) ' +
          `WHERE target = ? AND is_retry IN (0, 1) AND next_attempt_at = ${DEAD_AT_MS}`,
        [target],
      );
      const deliveries = Number(dead?.[0]);
      if (deliveries > 0) deadDeliveries.push({ target, deliveries });
    }
    const quarantined = kinds.map((row) => ({
      topic: String(row[0]),
      reason: String(row[1]),
      records: Number(row[2]),
    }));
    return { quarantined, deadDeliveries };
  });
}
