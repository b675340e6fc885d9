import type {
  KeyFound,
  KeySearch,
  QuarantineDiscard,
  QuarantinedRecord,
  QuarantineFilter,
  QuarantinePage,
  QuarantineRedrive,
  RefusedCounts,
  StoredQuarantine,
} from '../../ports/quarantine.ts';
import type { Connection, Transaction } from './connection.ts';
import { keyOfRecord } from './quarantine-table.ts';
import type { Schema } from './schema.ts';

function lockOf(key: string): string {
  return `quarantine ${key}`;
}

/** Adds records. A record that is there already keeps its first entry. */
export async function insertQuarantined(
  transaction: Transaction,
  records: readonly QuarantinedRecord[],
): Promise<void> {
  const sent = transaction.statement('quarantine records');
  if (sent !== undefined) await sent;
  const { quarantine } = transaction.schema;
  for (const record of records) {
    const key = keyOfRecord(record);
    const locked = transaction.lock(lockOf(key));
    if (locked !== undefined) await locked;
    transaction.write(() => {
      if (quarantine.get(key) === undefined) quarantine.put(stored(record));
    });
  }
}

function stored(record: QuarantinedRecord): StoredQuarantine {
  const { topic, partition, offset, reason, detail, key, value, valueLength, valueHash } = record;
  return {
    topic,
    partition,
    offset,
    reason,
    detail,
    key: key === null ? null : Uint8Array.from(key),
    value: value === null ? null : Uint8Array.from(value),
    valueLength,
    valueHash,
    headers: Uint8Array.from(record.headers),
    observedAtMs: record.observedAtMs,
    settlement: null,
  };
}

export function readQuarantine(
  connection: Connection,
  { after, limit, state = 'open', ...filter }: QuarantinePage,
): Promise<StoredQuarantine[]> {
  return connection.read('read the quarantine', ({ quarantine }) => {
    const found: StoredQuarantine[] = [];
    const { sorted } = quarantine;
    for (let index = quarantine.indexBehind(after); index < sorted.length; index++) {
      if (found.length >= Math.floor(limit)) break;
      const record = sorted[index] as StoredQuarantine;
      const isOpen = record.settlement === null;
      if ((state === 'all' || isOpen === (state === 'open')) && matches(record, filter)) found.push(record);
    }
    return found;
  });
}

export function findOpenByKey(
  connection: Connection,
  { topic, key, lookMax, limit }: KeySearch,
): Promise<KeyFound> {
  return connection.read('search the quarantine by key', ({ quarantine }) => {
    const open = quarantine.sorted.filter((one) => one.settlement === null && one.topic === topic);
    const end = open[Math.floor(lookMax)];
    const records = open
      .slice(0, Math.floor(lookMax))
      // A record at the offset of the first one behind has another value.
      .filter(({ partition, offset }) => partition !== end?.partition || offset !== end.offset)
      .filter((one) => one.key !== null && Buffer.compare(one.key, key) === 0)
      .slice(0, Math.floor(limit))
      .map(({ partition, offset, reason }) => ({ topic, partition, offset, reason }));
    return { records, isMore: end !== undefined };
  });
}

function matches(record: StoredQuarantine, filter: QuarantineFilter): boolean {
  const { topic, reason, partition, fromOffset, beforeOffset, sinceMs, beforeMs } = filter;
  return (
    (topic === undefined || record.topic === topic) &&
    (reason === undefined || record.reason === reason) &&
    (partition === undefined || record.partition === partition) &&
    (fromOffset === undefined || record.offset >= fromOffset) &&
    (beforeOffset === undefined || record.offset < beforeOffset) &&
    (sinceMs === undefined || record.observedAtMs >= sinceMs) &&
    (beforeMs === undefined || record.observedAtMs < beforeMs)
  );
}

/** Answers false if a record that passed is not open any more. */
export async function writeRedrive(
  transaction: Transaction,
  { passed, settlement, refused }: QuarantineRedrive,
): Promise<boolean> {
  const { quarantine } = transaction.schema;
  for (const one of passed) {
    const row = await lockOpen(transaction, keyOfRecord(one));
    if (row === null) return false;
    transaction.write(() => quarantine.put({ ...row, settlement }));
  }
  for (const { reason, detail, ...one } of refused) {
    const row = await lockOpen(transaction, keyOfRecord(one));
    if (row !== null) transaction.write(() => quarantine.put({ ...row, reason, detail }));
  }
  return true;
}

/** Locks a record. Resolves with it if it is open. */
async function lockOpen(transaction: Transaction, key: string): Promise<StoredQuarantine | null> {
  await transaction.statement('redrive a record');
  await transaction.lock(lockOf(key));
  const row = transaction.schema.quarantine.get(key);
  return row === undefined || row.settlement !== null ? null : row;
}

export function discardQuarantined(
  connection: Connection,
  { filter, limit, ...decision }: QuarantineDiscard,
): Promise<number> {
  return connection.transaction(async (transaction) => {
    await transaction.statement('discard records');
    const { schema } = transaction;
    const { quarantine } = schema;
    const { decidedBy, reason, decidedAtMs } = decision;
    const settlement = { settledAs: 'discarded', decidedBy, reason, decidedAtMs } as const;
    let records = 0;
    for (const one of [...quarantine.sorted]) {
      if (records >= Math.floor(limit)) break;
      if (one.settlement !== null || !matches(one, filter)) continue;
      const key = keyOfRecord(one);
      await transaction.lock(lockOf(key));
      const row = quarantine.get(key);
      if (row === undefined || row.settlement !== null || !matches(row, filter)) continue;
      transaction.write(() => quarantine.put({ ...row, settlement }));
      records++;
    }
    if (records > 0) {
      const details = { records, ...filter };
      const entry = { ...decision, action: 'quarantine_discarded', subject: 'quarantine', details } as const;
      transaction.write(() => schema.addAudit(entry));
    }
    return records;
  });
}

export function refusedCounts(connection: Connection, targets: readonly string[]): Promise<RefusedCounts> {
  return connection.read('count what is refused', (schema: Schema) => {
    const deadDeliveries: { target: string; deliveries: number }[] = [];
    for (const target of targets) {
      const deliveries = schema.ledgers.get(target)?.dead ?? 0;
      if (deliveries > 0) deadDeliveries.push({ target, deliveries });
    }
    return { quarantined: schema.quarantine.openCounts(), deadDeliveries };
  });
}
