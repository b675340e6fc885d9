import type { SQLInputValue } from 'node:sqlite';
import type { Clock } from '../../ports/clock.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../ports/store.ts';
import { type Connection, type Database, Pace, portions } from './connection.ts';
import { DEAD_AT_MS } from './delivery-queries.ts';

/*
 * How a claim ends; `deliveries.ts` has the life of a delivery. Nearly all claims end well, and those are settled
 * many in a statement: crossing into SQLite for each costs as much as the statement itself.
 */

export function settleDeliveries(
  database: Database,
  clock: Clock,
  settlements: readonly DeliverySettlement[],
): Promise<void> {
  return database.write(async (writer) => {
    const nowMs = clock.now();
    const pace = new Pace();
    for (const some of portions(settlements)) {
      recordAttempts(writer, some);
      if (!areDelivered(writer, some)) for (const settlement of some) moveOn(writer, settlement, nowMs);
      await pace.pass(some.length);
    }
  });
}

/** Settling the same claim twice leaves one row. */
const recordSql = bySize(
  11,
  (rows) => `
  INSERT INTO delivery_attempts (
    delivery_number, target, entity_id, version, attempt, delivery_id, attempted_at, verdict, status, latency_ms,
    answer, error
  )
  SELECT d.delivery_number, d.target, d.entity_id, a.column3, a.column4, a.column5, a.column6, a.column7, a.column8,
    a.column9, a.column10, a.column11
  FROM (VALUES ${rows}) AS a CROSS JOIN deliveries AS d
  WHERE d.target = a.column1 AND d.entity_id = a.column2
  ON CONFLICT DO NOTHING`,
);

function recordAttempts(writer: Connection, settlements: readonly DeliverySettlement[]): void {
  const values: SQLInputValue[] = [];
  for (const {
    delivery,
    deliveryId,
    attemptedAtMs,
    verdict,
    status,
    latencyMs,
    answer,
    error,
  } of settlements) {
    const { target, entityId, version, attempt } = delivery;
    values.push(
      target,
      entityId,
      version,
      attempt,
      deliveryId,
      attemptedAtMs,
      verdict,
      status,
      latencyMs,
      answer,
      error,
    );
  }
  writer.statement(recordSql(settlements.length)).run(...values);
}

/** Only what is still the claim that is being settled, as in MOVE_ON. */
const deliveredSql = bySize(
  6,
  (rows) => `
  UPDATE deliveries SET status = 'delivered', is_retry = 0, next_attempt_at = NULL, delivered_version = due_version,
    claimed_by = NULL, leased_until = 0, last_error = NULL, last_status = a.column6
  FROM (VALUES ${rows}) AS a
  WHERE deliveries.target = a.column1 AND deliveries.entity_id = a.column2 AND claimed_by = a.column3
    AND due_version = a.column4 AND attempts = a.column5`,
);

/** Whether all of these were delivered and the ledger says so now. If not, each is to be moved on for itself. */
function areDelivered(writer: Connection, settlements: readonly DeliverySettlement[]): boolean {
  const values: SQLInputValue[] = [];
  for (const { delivery, next, status, error } of settlements) {
    if (next !== 'delivered' || error !== null) return false;
    const { target, entityId, claimant, version, attempt } = delivery;
    values.push(target, entityId, claimant, version, attempt, status);
  }
  const { changes } = writer.statement(deliveredSql(settlements.length)).run(...values);
  return Number(changes) === settlements.length;
}

/** The text of a statement for so many rows; each is made once. */
function bySize(columns: number, make: (rows: string) => string): (count: number) => string {
  const texts = new Map<number, string>();
  return (count) => {
    let text = texts.get(count);
    if (text === undefined) {
      const row = `(${new Array(columns).fill('?').join(', ')})`;
      text = make(new Array(count).fill(row).join(', '));
      texts.set(count, text);
    }
    return text;
  };
}

/**
 * Moves the row on if the claim is still this one: the claimant alone doesn't tell, since it may have claimed
 * again after its lease ran out. Then `attempts` has gone past the settled attempt.
 */
const MOVE_ON = `
  UPDATE deliveries SET status = ?1, is_retry = ?1 = 'pending', next_attempt_at = ?2,
    delivered_version = coalesce(?3, delivered_version), claimed_by = NULL, leased_until = 0, last_error = ?4,
    last_status = ?5
  WHERE target = ?6 AND entity_id = ?7 AND claimed_by = ?8 AND due_version = ?9 AND attempts = ?10`;

/** A newer version became due while this one was sent: it is due at once. It has no attempt yet. */
const MAKE_WAY = `
  UPDATE deliveries SET next_attempt_at = ?1, claimed_by = NULL, leased_until = 0, last_error = ?2, last_status = ?3
  WHERE target = ?4 AND entity_id = ?5 AND claimed_by = ?6 AND due_version > ?7 AND attempts = 0`;

/** Even a claim that has passed on may tell that the target has the state. */
const RAISE_DELIVERED = `
  UPDATE deliveries SET delivered_version = max(coalesce(delivered_version, 0), ?)
  WHERE target = ? AND entity_id = ?`;

function moveOn(writer: Connection, settlement: DeliverySettlement, nowMs: number): void {
  const { delivery, next, error, status } = settlement;
  const { target, entityId, version, claimant, attempt } = delivery;
  const isDelivered = next === 'delivered';
  const nextAttemptAtMs = isDelivered ? null : next === 'dead' ? DEAD_AT_MS : next.retryAtMs;
  const { changes } = writer
    .statement(MOVE_ON)
    .run(
      typeof next === 'string' ? next : 'pending',
      nextAttemptAtMs,
      isDelivered ? version : null,
      error,
      status,
      target,
      entityId,
      claimant,
      version,
      attempt,
    );
  if (Number(changes) === 1) return;
  if (isDelivered) writer.statement(RAISE_DELIVERED).run(version, target, entityId);
  writer.statement(MAKE_WAY).run(nowMs, error, status, target, entityId, claimant, version);
}

/** A newer version that became due meanwhile has no attempt to take back, and is due at once. */
const RELEASE = `
  UPDATE deliveries SET claimed_by = NULL, leased_until = 0, attempts = max(0, attempts - 1),
    next_attempt_at = CASE WHEN due_version > ?4 THEN ?5 ELSE next_attempt_at END
  WHERE target = ?1 AND entity_id = ?2 AND claimed_by = ?3
    AND (due_version = ?4 AND attempts = ?6 OR due_version > ?4 AND attempts = 0)`;

export function releaseDeliveries(
  database: Database,
  clock: Clock,
  deliveries: readonly ClaimedDelivery[],
): Promise<void> {
  return database.write((writer) => {
    const nowMs = clock.now();
    for (const { target, entityId, claimant, version, attempt } of deliveries)
      writer.statement(RELEASE).run(target, entityId, claimant, version, nowMs, attempt);
  });
}
