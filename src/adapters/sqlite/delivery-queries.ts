import type {
  DeliveryFilter,
  DeliveryKey,
  DeliveryPage,
  DeliveryStatus,
  StoredAttempt,
  StoredDelivery,
} from '../../ports/ledger.ts';
import type { Connection } from './database.ts';
import { conditions, DEAD_AT_MS } from './delivery-filter.ts';
import type { StoreTime } from './store-time.ts';
import { nullOr, numberOf, type SqliteRow, textOf } from './values.ts';

/** A page looks at so many deliveries by one statement. */
const WINDOW_ROWS = 5_000;
/** The number of its last attempt leads to the answer of a dead delivery along the key of the attempts. */
const COLUMNS = `
  deliveries.*, CASE WHEN status = 'dead' THEN (
    SELECT attempted.answer FROM delivery_attempts AS attempted
    WHERE attempted.delivery_number = deliveries.delivery_number AND attempted.version = deliveries.due_version
      AND attempted.attempt = deliveries.attempts
    ORDER BY attempted.attempted_at DESC LIMIT 1
  ) END AS last_answer`;

export function readDelivery(
  reader: Connection,
  target: string,
  entityId: string,
  time: StoreTime,
): StoredDelivery | null {
  const row = reader
    .statement(`SELECT ${COLUMNS} FROM deliveries WHERE target = ? AND entity_id = ?`)
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
        `SELECT ${COLUMNS} FROM deliveries WHERE target = ? AND entity_id > ? ${sql} ORDER BY entity_id LIMIT ?`,
      )
      .all(target, behind, ...values, limit - found.length);
    found.push(...rows.map((row) => storedDelivery(reader, row, time)));
    if (found.length >= limit) break;
  }
  return found;
}

/** Goes through windows of the ids, each of which ends after a known number of deliveries. */
export function pageDeliveries(
  reader: Connection,
  filter: DeliveryFilter,
  after: DeliveryKey | null,
  { limit, lookMax }: { limit: number; lookMax: number },
  time: StoreTime,
): DeliveryPage {
  const found: StoredDelivery[] = [];
  const { sql, values } = conditions(filter);
  let left = lookMax;
  for (const { target, behind } of targetsFrom(reader, filter, after)) {
    for (let from = behind; ; ) {
      const end = windowEnd(reader, filter, target, from, Math.min(WINDOW_ROWS, left));
      const rows = reader
        .statement(
          `SELECT ${COLUMNS} FROM deliveries WHERE target = ? AND entity_id > ? ${end === null ? '' : 'AND entity_id <= ?'} ${sql}
           ORDER BY entity_id LIMIT ?`,
        )
        .all(target, from, ...(end === null ? [] : [end]), ...values, limit + 1 - found.length);
      found.push(...rows.map((row) => storedDelivery(reader, row, time)));
      if (found.length > limit) return pageOf(found.slice(0, limit));
      if (end === null) break;
      left -= WINDOW_ROWS;
      if (left <= 0) return { deliveries: found, next: { target, entityId: end } };
      from = end;
    }
  }
  return { deliveries: found, next: null };
}

/** Whether an index finds what the filter selects, so that a page reads little more than it shows. */
function isQuickAlone({ entityId, status, ...others }: DeliveryFilter): boolean {
  const { lastStatus, errorPrefix, dueSinceFromMs, dueSinceBeforeMs } = others;
  const isNarrow = [lastStatus, errorPrefix, dueSinceFromMs, dueSinceBeforeMs].some((part) => part !== null);
  return entityId !== null || (!isNarrow && (status === null || status === 'dead'));
}

/** The id at which a window of this many deliveries ends; null if the target has fewer, or if no window is needed. */
function windowEnd(
  reader: Connection,
  filter: DeliveryFilter,
  target: string,
  behind: string,
  rows: number,
): string | null {
  if (isQuickAlone(filter)) return null;
  const dead = filter.status === 'dead' ? `AND is_retry = 0 AND next_attempt_at = ${DEAD_AT_MS}` : '';
  const row = reader
    .statement(
      `SELECT entity_id FROM deliveries WHERE target = ? AND entity_id > ? ${dead} ORDER BY entity_id LIMIT 1 OFFSET ?`,
    )
    .get(target, behind, Math.max(0, rows - 1));
  return nullOr(row?.entity_id, textOf);
}

function pageOf(deliveries: readonly StoredDelivery[]): DeliveryPage {
  const last = deliveries.at(-1);
  return { deliveries, next: last === undefined ? null : { target: last.target, entityId: last.entityId } };
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
    lastAnswer: nullOr(row.last_answer, textOf) || null,
  };
}
