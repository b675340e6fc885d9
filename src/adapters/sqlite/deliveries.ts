import type { Clock } from '../../ports/clock.ts';
import type {
  AdoptedEntity,
  ClaimedDelivery,
  DeliveryClaimRequest,
  DeliverySettlement,
  EntityChange,
} from '../../ports/store.ts';
import { type Connection, type Database, nullOr, numberOf, type SqliteRow, textOf } from './connection.ts';
import { DEAD_AT_MS } from './delivery-queries.ts';
import type { ViewTable } from './view-table.ts';

/*
 * The life of a delivery (one row for each target and entity):
 *
 *   (no row) --due--> pending --claim--> claimed --settle--> delivered | dead | pending (again, later)
 *
 * A state that becomes due while an older one is claimed waits for that claim, so that an entity's states are
 * sent one after the other: `due_version` is raised at once, the settlement of the older state makes it due.
 * A claim is `claimed_by` with the lease's end in `leased_until`; past that moment anybody may claim. It leaves
 * `next_attempt_at` alone, which is indexed: a change of it costs more than all the rest. A row never goes: from
 * then on every change of the entity is due to this target.
 */

/** What becomes due leaves a claim in force alone. The right sides see the row as it was. */
const DUE_AGAIN = `
  due_version = ?3,
  status = 'pending',
  attempts = 0,
  due_since = ?4,
  claimed_by = CASE WHEN leased_until > ?4 THEN claimed_by END,
  leased_until = CASE WHEN leased_until > ?4 THEN leased_until ELSE 0 END,
  next_attempt_at = CASE WHEN leased_until > ?4 THEN next_attempt_at ELSE ?4 END`;

const UPSERT_DUE = `
  INSERT INTO deliveries (target, entity_id, due_version, status, attempts, next_attempt_at, due_since)
  VALUES (?1, ?2, ?3, 'pending', 0, ?4, ?4)
  ON CONFLICT DO UPDATE SET ${DUE_AGAIN}`;

const UPDATE_DUE = `UPDATE deliveries SET ${DUE_AGAIN} WHERE target = ?1 AND entity_id = ?2`;

/** Makes the change's state due to the targets that it concerns, and says to how many. */
export function makeDue(
  writer: Connection,
  targets: readonly string[],
  { delivery, entityId, fromVersion, version }: EntityChange,
  nowMs: number,
): number {
  if (!delivery.hasChanged) return 0;
  let due = 0;
  for (const target of targets) {
    const qualifies = delivery.qualifiesFor.includes(target);
    // An entity that is new has no row in the ledger yet.
    if (!qualifies && fromVersion === 0) continue;
    const statement = writer.statement(qualifies ? UPSERT_DUE : UPDATE_DUE);
    due += Number(statement.run(target, entityId, version, nowMs).changes);
  }
  return due;
}

/** The row of an entity that another program had in its care. */
export function adoptDelivery(
  writer: Connection,
  target: string,
  entityId: string,
  version: number,
  { delivery }: AdoptedEntity,
  nowMs: number,
): void {
  if (delivery === 'none') return;
  const isSent = delivery === 'sent';
  writer
    .statement(`
      INSERT INTO deliveries (
        target, entity_id, due_version, status, attempts, delivered_version, next_attempt_at, due_since
      ) VALUES (?, ?, ?, ?, 0, ?, ?, ?)`)
    .run(
      target,
      entityId,
      version,
      isSent ? 'delivered' : 'pending',
      isSent ? version : null,
      isSent ? null : nowMs,
      nowMs,
    );
}

/** Which are due, the earliest first: the same rows in the same sequence to whoever asks inside one transaction. */
function due(attempts: DeliveryClaimRequest['attempts']): string {
  const attempted = attempts === undefined ? '' : `AND d.attempts ${attempts === 'first' ? '=' : '>'} 0`;
  return `d.target = ?1 AND (d.next_attempt_at, d.entity_id) > (?4, ?5)
    AND d.next_attempt_at <= ?2 AND d.leased_until <= ?2 ${attempted}
    ORDER BY d.next_attempt_at, d.entity_id LIMIT ?3`;
}

export async function claimDeliveries(
  database: Database,
  view: ViewTable,
  request: DeliveryClaimRequest,
): Promise<ClaimedDelivery[]> {
  const { target, claimant, limit, nowMs, leaseMs } = request;
  const isDue = due(request.attempts);
  const behind = [request.behind?.dueSinceMs ?? 0, request.behind?.entityId ?? ''] as const;
  // Nothing due is the usual case, and needs no write lock.
  const isAnyDue = await database.read((reader) =>
    reader.statement(`SELECT 1 FROM deliveries AS d WHERE ${isDue}`).get(target, nowMs, 1, ...behind),
  );
  if (isAnyDue === undefined) return [];

  return database.write((writer) => {
    const rows = writer
      .statement(`
        SELECT d.entity_id AS "due id", d.due_version AS "due version", d.attempts AS "due attempts",
          d.due_since AS "due since", ${view.columnsOf('v')}
        FROM deliveries AS d JOIN ${view.table} AS v ON v.${view.key} = d.entity_id WHERE ${isDue}`)
      .all(target, nowMs, limit, ...behind);
    const found = rows.map((row) => claimed(request, view, row));
    const take = writer.statement(`
      UPDATE deliveries SET claimed_by = ?, leased_until = ?, attempts = attempts + 1
      WHERE target = ? AND entity_id = ?`);
    for (const { entityId } of found) take.run(claimant, nowMs + leaseMs, target, entityId);
    return found;
  });
}

function claimed(
  { target, claimant }: DeliveryClaimRequest,
  view: ViewTable,
  row: SqliteRow,
): ClaimedDelivery {
  return {
    target,
    entityId: textOf(row['due id']),
    version: numberOf(row['due version']),
    row: view.rowOf(row),
    attempt: numberOf(row['due attempts']) + 1,
    claimant,
    dueSinceMs: numberOf(row['due since']),
  };
}

export function settleDeliveries(
  database: Database,
  clock: Clock,
  settlements: readonly DeliverySettlement[],
): Promise<void> {
  return database.write((writer) => {
    const nowMs = clock.now();
    for (const settlement of settlements) {
      recordAttempt(writer, settlement);
      moveOn(writer, settlement, nowMs);
    }
  });
}

/** Settling the same claim twice leaves one row. */
function recordAttempt(writer: Connection, settlement: DeliverySettlement): void {
  const { delivery } = settlement;
  writer
    .statement(`
      INSERT INTO delivery_attempts (
        target, entity_id, version, attempt, delivery_id, attempted_at, verdict, status, latency_ms, answer, error
      ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO NOTHING`)
    .run(
      delivery.target,
      delivery.entityId,
      delivery.version,
      delivery.attempt,
      settlement.deliveryId,
      settlement.attemptedAtMs,
      settlement.verdict,
      settlement.status,
      settlement.latencyMs,
      settlement.answer,
      settlement.error,
    );
}

/**
 * Moves the row on if the claim is still this one: the claimant alone doesn't tell, since it may have claimed
 * again after its lease ran out. Then `attempts` has gone past the settled attempt.
 */
const MOVE_ON = `
  UPDATE deliveries SET status = ?1, next_attempt_at = ?2, delivered_version = coalesce(?3, delivered_version),
    claimed_by = NULL, leased_until = 0, last_error = ?4, last_status = ?5
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

/** A claim is older than whatever waits behind it, so the look at leases sees no more than are under way. */
export function nextDeliveryDueMs(reader: Connection, target: string): number | null {
  const free = reader
    .statement(`
      SELECT next_attempt_at FROM deliveries WHERE target = ? AND next_attempt_at < ? AND leased_until = 0
      ORDER BY next_attempt_at LIMIT 1`)
    .get(target, DEAD_AT_MS);
  const freeMs = nullOr(free?.next_attempt_at, numberOf);
  const leased = reader
    .statement(`
      SELECT min(max(next_attempt_at, leased_until)) AS ends FROM deliveries
      WHERE target = ? AND next_attempt_at < ? AND leased_until > 0`)
    .get(target, freeMs ?? DEAD_AT_MS);
  const leasedMs = nullOr(leased?.ends, numberOf);
  return freeMs === null || leasedMs === null ? (freeMs ?? leasedMs) : Math.min(freeMs, leasedMs);
}
