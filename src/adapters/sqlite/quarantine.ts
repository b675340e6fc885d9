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

/** The sequence of lists. */
const BY_PLACE = 'ORDER BY topic, partition_id, record_offset, value_hash';

export function readQuarantine(
  reader: Connection,
  { after, limit, state = 'open', ...filter }: QuarantinePage,
): StoredQuarantine[] {
  const parts = [...conditionsOf(filter), ...behind(after)];
  if (state !== 'all') parts.push([`settled_as IS ${state === 'open' ? '' : 'NOT '}NULL`]);
  const where = parts.length === 0 ? '' : `WHERE ${parts.map(([sql]) => sql).join(' AND ')}`;
  return reader
    .statement(`SELECT * FROM quarantine ${where} ${BY_PLACE} LIMIT ?`)
    .all(...parts.flatMap(([, ...values]) => values), limit)
    .map(storedOf);
}

export function findOpenByKey(reader: Connection, { topic, key, lookMax, limit }: KeySearch): KeyFound {
  const open = 'FROM quarantine WHERE settled_as IS NULL AND topic = ?';
  const end = reader
    .statement(`SELECT partition_id, record_offset ${open} ${BY_PLACE} LIMIT 1 OFFSET ?`)
    .get(topic, lookMax);
  const before = end === undefined ? '' : 'AND (partition_id, record_offset) < (?, ?)';
  const rows = reader
    .statement(
      `SELECT partition_id, record_offset, reason ${open} ${before} AND record_key = ? ${BY_PLACE} LIMIT ?`,
    )
    .all(
      topic,
      ...(end === undefined ? [] : [numberOf(end.partition_id), bigintOf(end.record_offset)]),
      key,
      limit,
    );
  const records = rows.map((row) => ({
    topic,
    partition: numberOf(row.partition_id),
    offset: bigintOf(row.record_offset),
    reason: textOf(row.reason),
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

/** The place behind a key. */
function behind(after: QuarantineKey | null): Condition[] {
  return after === null
    ? []
    : [['(topic, partition_id, record_offset, value_hash) > (?, ?, ?, ?)', ...valuesOf(after)]];
}

const KEY = 'topic = ? AND partition_id = ? AND record_offset = ? AND value_hash = ?';

/** Answers false if a record that passed is not open any more. */
export function writeRedrive(
  writer: Connection,
  { passed, settlement, refused }: QuarantineRedrive,
): boolean {
  const { settledAs, decidedAtMs, decidedBy, reason } = settlement;
  const settle = writer.statement(`
    UPDATE quarantine SET settled_as = ?, settled_at = ?, settled_by = ?, settled_reason = ?
    WHERE ${KEY} AND settled_as IS NULL`);
  for (const key of passed) {
    const { changes } = settle.run(settledAs, decidedAtMs, decidedBy, reason, ...valuesOf(key));
    if (Number(changes) !== 1) return false;
  }
  const refuse = writer.statement(
    `UPDATE quarantine SET reason = ?, detail = ? WHERE ${KEY} AND settled_as IS NULL`,
  );
  for (const key of refused) refuse.run(key.reason, key.detail, ...valuesOf(key));
  return true;
}

function valuesOf({ topic, partition, offset, valueHash }: QuarantineKey): Value[] {
  return [topic, partition, offset, Buffer.from(valueHash, 'hex')];
}

export function discardQuarantined(
  writer: Connection,
  { filter, limit, ...decision }: QuarantineDiscard,
): number {
  const parts = [...conditionsOf(filter), ['settled_as IS NULL'] as const];
  const { decidedAtMs, decidedBy, reason } = decision;
  const { changes } = writer
    .statement(`
      UPDATE quarantine SET settled_as = 'discarded', settled_at = ?, settled_by = ?, settled_reason = ?
      WHERE rowid IN (
        SELECT rowid FROM quarantine WHERE ${parts.map(([sql]) => sql).join(' AND ')} ${BY_PLACE} LIMIT ?
      )`)
    .run(decidedAtMs, decidedBy, reason, ...parts.flatMap(([, ...values]) => values), limit);
  const records = Number(changes);
  if (records > 0) {
    const details = { records, ...filter };
    addAudit(writer, { ...decision, action: 'quarantine_discarded', subject: 'quarantine', details });
  }
  return records;
}

/** A test looks at the plan for it. */
export const OPEN_COUNTS =
  'SELECT topic, reason, count(*) AS records FROM quarantine ' +
  'WHERE settled_as IS NULL GROUP BY topic, reason ORDER BY records DESC, topic, reason';

/** Counts along indexes, without reading the records' bytes. */
export function refusedCounts(reader: Connection, targets: readonly string[]): RefusedCounts {
  const quarantined = reader
    .statement(OPEN_COUNTS)
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

function storedOf(row: SqliteRow): StoredQuarantine {
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
    settlement: nullOr(row.settled_as, (settledAs) => ({
      // Only this program writes the column.
      settledAs: textOf(settledAs) as QuarantineSettlement['settledAs'],
      decidedAtMs: numberOf(row.settled_at),
      decidedBy: textOf(row.settled_by),
      reason: textOf(row.settled_reason),
    })),
  };
}
