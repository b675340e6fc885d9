import type { SQLInputValue } from 'node:sqlite';
import type {
  DeliveryFilter,
  DeliveryKey,
  DeliveryStatus,
  StoredAttempt,
  StoredDelivery,
} from '../../ports/redrive.ts';
import type { Connection } from './database.ts';
import type { StoreTime } from './store-time.ts';
import { nullOr, numberOf, type SqliteRow, textOf } from './values.ts';

/** What stands in next_attempt_at of a dead delivery: past every due one, and a place where the index finds them. */
export const DEAD_AT_MS = Date.UTC(9999, 11, 31);

export function readDelivery(
  reader: Connection,
  time: StoreTime,
  target: string,
  entityId: string,
): StoredDelivery | null {
  const row = reader
    .statement('SELECT * FROM deliveries WHERE target = ? AND entity_id = ?')
    .get(target, entityId);
  return row === undefined ? null : storedDelivery(reader, row, time);
}

/** One target after the other: inside one, the sequence of the entities is that of an index. */
export function listDeliveries(
  reader: Connection,
  time: StoreTime,
  filter: DeliveryFilter,
  after: DeliveryKey | null,
  limit: number,
): StoredDelivery[] {
  const found: StoredDelivery[] = [];
  for (const { target, behind } of targetsFrom(reader, filter, after)) {
    const { sql, values } = conditions(filter);
    const rows = reader
      .statement(
        `SELECT * FROM deliveries WHERE target = ? AND entity_id > ? ${sql} ORDER BY entity_id LIMIT ?`,
      )
      .all(target, behind, ...values, limit - found.length);
    found.push(...rows.map((row) => storedDelivery(reader, row, time)));
    if (found.length >= limit) break;
  }
  return found;
}

/** The targets in the ledger that the filter allows, and behind which entity of each to begin. */
function* targetsFrom(
  reader: Connection,
  filter: DeliveryFilter,
  after: DeliveryKey | null,
): Generator<{ target: string; behind: string }> {
  const isAllowed = (target: string) => filter.target === null || filter.target === target;
  if (after !== null && isAllowed(after.target)) yield { target: after.target, behind: after.entityId };
  let last = after?.target ?? '';
  for (;;) {
    const row = reader.statement('SELECT min(target) AS next FROM deliveries WHERE target > ?').get(last);
    const target = nullOr(row?.next, textOf);
    if (target === null) return;
    if (isAllowed(target)) yield { target, behind: '' };
    last = target;
  }
}

function conditions(filter: DeliveryFilter): { sql: string; values: SQLInputValue[] } {
  const parts: (readonly [sql: string, value: SQLInputValue])[] = [];
  const add = (sql: string, value: SQLInputValue) => {
    if (value !== null) parts.push([sql, value]);
  };
  add('entity_id = ?', filter.entityId);
  add('status = ?', filter.status);
  // The index finds the dead ones, which are no retries.
  add('is_retry = ?', filter.status === 'dead' ? 0 : null);
  add('next_attempt_at = ?', filter.status === 'dead' ? DEAD_AT_MS : null);
  add('last_status = ?', filter.lastStatus);
  add('instr(last_error, ?) = 1', filter.errorPrefix);
  add('due_since >= ?', filter.dueSinceFromMs);
  add('due_since < ?', filter.dueSinceBeforeMs);
  return { sql: parts.map(([sql]) => `AND ${sql}`).join(' '), values: parts.map(([, value]) => value) };
}

export function readAttempts(reader: Connection, key: DeliveryKey, limit: number): StoredAttempt[] {
  const rows = reader
    .statement(`
      SELECT * FROM delivery_attempts
      WHERE delivery_number = (SELECT delivery_number FROM deliveries WHERE target = ? AND entity_id = ?)
      ORDER BY attempted_at DESC, version DESC, attempt DESC LIMIT ?`)
    .all(key.target, key.entityId, limit);
  return rows.map((row) => ({
    version: numberOf(row.version),
    attempt: numberOf(row.attempt),
    attemptedAtMs: numberOf(row.attempted_at),
    deliveryId: textOf(row.delivery_id),
    verdict: textOf(row.verdict) as StoredAttempt['verdict'],
    status: nullOr(row.status, numberOf),
    latencyMs: numberOf(row.latency_ms),
    answer: textOf(row.answer),
    error: nullOr(row.error, textOf),
  }));
}

function storedDelivery(reader: Connection, row: SqliteRow, time: StoreTime): StoredDelivery {
  const nextMs = nullOr(row.next_attempt_at, numberOf);
  const leaseEndsMs =
    row.claimed_by === null ? 0 : time.now(reader) + numberOf(row.leased_until) - time.leaseNow();
  return {
    target: textOf(row.target),
    entityId: textOf(row.entity_id),
    // The table's CHECK leaves no fourth.
    status: textOf(row.status) as DeliveryStatus,
    dueVersion: numberOf(row.due_version),
    deliveredVersion: nullOr(row.delivered_version, numberOf),
    attempts: numberOf(row.attempts),
    nextAttemptAtMs:
      nextMs === null || nextMs === DEAD_AT_MS ? null : time.shown(reader, Math.max(nextMs, leaseEndsMs)),
    dueSinceMs: numberOf(row.due_since),
    lastStatus: nullOr(row.last_status, numberOf),
    lastError: nullOr(row.last_error, textOf),
  };
}
