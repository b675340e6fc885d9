import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { TributaryError } from '../../core/errors.ts';
import type {
  KeyFound,
  KeySearch,
  QuarantineDiscard,
  QuarantinedRecord,
  QuarantineFilter,
  QuarantineKey,
  QuarantinePage,
  QuarantineRedrive,
  QuarantineSettlement,
  RefusedCounts,
  StoredQuarantine,
} from '../../ports/quarantine.ts';
import { addAudit } from './audit.ts';
import { withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { DEAD_AT_MS } from './delivery-filter.ts';
import { NO_BYTES } from './journal-index.ts';
import { RowsStatement } from './rows-statement.ts';
import { bytesOfBase64, textOf } from './values.ts';

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

/** The bytes of a record and its hash go as texts, see `ParameterWriter.base64`. */
const insert = new RowsStatement<QuarantinedRecord>({
  before:
    'INSERT INTO quarantine (topic, partition_id, record_offset, reason, detail, record_key, record_value, ' +
    'value_length, value_hash, headers, observed_at) VALUES',
  row: '(?,?,?,?,?,FROM_BASE64(?),FROM_BASE64(?),?,UNHEX(?),FROM_BASE64(?),?)',
  after: 'ON DUPLICATE KEY UPDATE topic = topic',
  columns: [
    'text',
    'integer',
    'integer',
    'text',
    'text',
    'text',
    'text',
    'integer',
    'text',
    'text',
    'integer',
  ],
  write(writer, record) {
    writer.text(record.topic);
    writer.integer(record.partition);
    writer.integer(record.offset);
    writer.text(record.reason);
    writer.text(record.detail);
    writer.base64(record.key);
    writer.base64(record.value);
    writer.integer(record.valueLength);
    writer.text(record.valueHash);
    writer.base64(record.headers);
    writer.integer(record.observedAtMs);
  },
});

const COLUMNS =
  'topic, partition_id, record_offset, reason, detail, TO_BASE64(record_key), TO_BASE64(record_value), value_length, ' +
  'LOWER(HEX(value_hash)), TO_BASE64(headers), observed_at, settled_as, settled_at, settled_by, settled_reason, ' +
  'record_value IS NULL';
/** The sequence of lists. */
const BY_PLACE = 'ORDER BY topic, partition_id, record_offset, value_hash';

export async function readQuarantine(
  connection: PoolConnection,
  { after, limit, state = 'open', ...filter }: QuarantinePage,
): Promise<StoredQuarantine[]> {
  const parts = [...conditionsOf(filter), ...behind(after)];
  if (state !== 'all') parts.push([`settled_as IS ${state === 'open' ? '' : 'NOT '}NULL`]);
  // Both have the sequence of the list, so that a page is read without sorting all records that match.
  const index = `FORCE INDEX (${state === 'open' ? 'quarantine_open' : '`PRIMARY`'})`;
  const where = parts.length === 0 ? '' : `WHERE ${parts.map(([sql]) => sql).join(' AND ')}`;
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT ${COLUMNS} FROM quarantine ${index} ${where} ${BY_PLACE} LIMIT ${Math.floor(limit)}`,
    parts.flatMap(([, ...values]) => values) as never[],
  );
  return rows.map(storedOf);
}

export async function findOpenByKey(
  connection: PoolConnection,
  { topic, key, lookMax, limit }: KeySearch,
): Promise<KeyFound> {
  const open = 'FROM quarantine FORCE INDEX (quarantine_open) WHERE settled_as IS NULL AND topic = ?';
  const [[end]] = await connection.execute<RowDataPacket[]>(
    `SELECT partition_id, record_offset ${open} ${BY_PLACE} LIMIT ${Math.floor(lookMax)}, 1`,
    [topic],
  );
  const before = end === undefined ? '' : 'AND (partition_id < ? OR partition_id = ? AND record_offset < ?)';
  const place = end === undefined ? [] : [Number(end[0]), Number(end[0]), BigInt(end[1])];
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT partition_id, record_offset, reason ${open} ${before} AND record_key = ? ${BY_PLACE} LIMIT ${Math.floor(limit)}`,
    [topic, ...place, Buffer.from(key)] as never[],
  );
  const records = rows.map((row) => ({
    topic,
    partition: Number(row[0]),
    offset: BigInt(row[1]),
    reason: String(row[2]),
  }));
  return { records, isMore: end !== undefined };
}

type Value = string | number | bigint | Buffer;
type Condition = readonly [sql: string, ...values: Value[]];

function conditionsOf(filter: QuarantineFilter): Condition[] {
  const { topic, reason, partition, fromOffset, beforeOffset, sinceMs, beforeMs } = filter;
  const all: readonly (readonly [sql: string, value: Value | undefined])[] = [
    ['topic = ?', topic],
    ['partition_id = ?', partition],
    ['record_offset >= ?', fromOffset],
    ['record_offset < ?', beforeOffset],
    ['reason = ?', reason],
    ['observed_at >= ?', sinceMs],
    ['observed_at < ?', beforeMs],
  ];
  return all.flatMap(([sql, value]) => (value === undefined ? [] : [[sql, value] as const]));
}

/** The place behind a key. It is spelt out, because the server finds no range for a comparison of whole rows. */
function behind(after: QuarantineKey | null): Condition[] {
  if (after === null) return [];
  const { topic, partition, offset, valueHash } = after;
  return [
    [
      '(topic > ? OR topic = ? AND (partition_id > ? OR partition_id = ? AND ' +
        '(record_offset > ? OR record_offset = ? AND value_hash > UNHEX(?))))',
      topic,
      topic,
      partition,
      partition,
      offset,
      offset,
      valueHash,
    ],
  ];
}

function storedOf(row: RowDataPacket): StoredQuarantine {
  // The server gives NULL for a text that is longer than its packets.
  if (row[6] === null && Number(row[15]) === 0)
    throw new TributaryError(
      'store_failed',
      `The record ${row[0]}/${row[1]} at offset ${row[2]} in quarantine does not fit into a packet of the database: raise its max_allowed_packet.`,
    );
  return {
    topic: String(row[0]),
    partition: Number(row[1]),
    offset: BigInt(row[2]),
    reason: String(row[3]),
    detail: textOf(row[4]),
    key: bytesOfBase64(row[5]),
    value: bytesOfBase64(row[6]),
    valueLength: Number(row[7]),
    valueHash: textOf(row[8]),
    headers: bytesOfBase64(row[9]) ?? NO_BYTES,
    observedAtMs: Number(row[10]),
    settlement:
      row[11] === null
        ? null
        : {
            // Only this program writes the column.
            settledAs: textOf(row[11]) as QuarantineSettlement['settledAs'],
            decidedAtMs: Number(row[12]),
            decidedBy: textOf(row[13]),
            reason: textOf(row[14]),
          },
  };
}

const KEY = 'topic = ? AND partition_id = ? AND record_offset = ? AND value_hash = UNHEX(?)';

/** Runs inside a transaction. Answers false if a record that passed is not open any more. */
export async function writeRedrive(
  connection: PoolConnection,
  { passed, settlement, refused }: QuarantineRedrive,
): Promise<boolean> {
  const { settledAs, decidedAtMs, decidedBy, reason } = settlement;
  for (const key of passed) {
    const [updated] = await connection.execute<ResultSetHeader>(
      'UPDATE quarantine SET settled_as = ?, settled_at = ?, settled_by = ?, settled_reason = ? ' +
        `WHERE ${KEY} AND settled_as IS NULL`,
      [settledAs, decidedAtMs, decidedBy, reason, ...valuesOf(key)] as never[],
    );
    if (updated.affectedRows !== 1) return false;
  }
  for (const key of refused)
    await connection.execute(
      `UPDATE quarantine SET reason = ?, detail = ? WHERE ${KEY} AND settled_as IS NULL`,
      [key.reason, key.detail, ...valuesOf(key)] as never[],
    );
  return true;
}

function valuesOf({ topic, partition, offset, valueHash }: QuarantineKey): Value[] {
  return [topic, partition, offset, valueHash];
}

/** Runs inside a transaction. */
export async function discardQuarantined(
  connection: PoolConnection,
  { filter, limit, ...decision }: QuarantineDiscard,
): Promise<number> {
  const parts = [...conditionsOf(filter), ['settled_as IS NULL'] as const];
  const { decidedAtMs, decidedBy, reason } = decision;
  const [updated] = await connection.execute<ResultSetHeader>(
    "UPDATE quarantine SET settled_as = 'discarded', settled_at = ?, settled_by = ?, settled_reason = ? " +
      `WHERE ${parts.map(([sql]) => sql).join(' AND ')} ${BY_PLACE} LIMIT ${Math.floor(limit)}`,
    [decidedAtMs, decidedBy, reason, ...parts.flatMap(([, ...values]) => values)] as never[],
  );
  const records = updated.affectedRows;
  if (records > 0) {
    const details = { records, ...filter };
    await addAudit(connection, {
      ...decision,
      action: 'quarantine_discarded',
      subject: 'quarantine',
      details,
    });
  }
  return records;
}

/** A test looks at the server's plan for it. */
export const OPEN_COUNTS =
  'SELECT topic, reason, COUNT(*) AS records FROM quarantine FORCE INDEX (quarantine_open) ' +
  'WHERE settled_as IS NULL GROUP BY topic, reason ORDER BY records DESC, topic, reason';

/** Counts along indexes, to their ends. It keeps one connection of the pool busy meanwhile. */
export async function refusedCounts(
  pool: ConnectionPool,
  targets: readonly string[],
): Promise<RefusedCounts> {
  return withConnection(pool, async (connection) => {
    const [kinds] = await connection.query<RowDataPacket[]>(OPEN_COUNTS);
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
