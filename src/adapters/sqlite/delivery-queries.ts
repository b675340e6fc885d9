import type {
  DeliveryFilter,
  DeliveryKey,
  DeliveryStatus,
  StoredAttempt,
  StoredDelivery,
} from '../../ports/ledger.ts';
import type { Connection } from './database.ts';
import { conditions, DEAD_AT_MS } from './delivery-filter.ts';
import type { StoreTime } from './store-time.ts';
import { nullOr, numberOf, type SqliteRow, textOf } from './values.ts';

export function readDelivery(
  reader: Connection,
  target: string,
  entityId: string,
  time: StoreTime,
): StoredDelivery | null {
  const row = reader
    .statement('SELECT * FROM deliveries WHERE target = ? AND entity_id = ?')
    .get(target, entityId);
  return row === undefined ? null : storedDelivery(reader, row, time);
}

/** Goes through one target after the other, because inside one target an index sorts the entities. */
export function listDeliveries(
  reader: Connection,
  filter: DeliveryFilter,
  after: DeliveryKey | null,
  limit: number,
  time: StoreTime,
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

/** The targets of the ledger that the filter allows, each with the entity id behind which to begin. */
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
    // The table's CHECK allows these three words only.
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
