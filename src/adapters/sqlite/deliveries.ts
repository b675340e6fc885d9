import type { Clock } from '../../ports/clock.ts';
import type {
  AdoptedEntity,
  ClaimedDelivery,
  DeliveryClaimRequest,
  DeliverySettlement,
  EntityChange,
  StoredDelivery,
} from '../../ports/store.ts';
import { type Connection, type Database, nullOr, numberOf, textOf } from './connection.ts';
import type { ViewTable } from './view-table.ts';

/*
 * The life of a delivery (one row for each target and entity):
 *
 *   (no row) --due--> pending --claim--> claimed --settle--> delivered | dead | pending (again, later)
 *
 * A state that becomes due while an older one is claimed waits for that claim, so that an entity's states are
 * sent one after the other: `due_version` is raised at once, the settlement of the older state makes it due.
 * A claim is `claimed_by` with the lease's end in `next_attempt_at`; past that moment anybody may claim. A
 * state that was due, was never claimed, and qualifies no more leaves no row.
 */

/** What becomes due leaves a claim in force alone. The right sides see the row as it was. */
const DUE_AGAIN = `
  due_version = excluded.due_version,
  status = 'pending',
  attempts = 0,
  due_since = excluded.due_since,
  claimed_by = CASE WHEN next_attempt_at > excluded.due_since THEN claimed_by END,
  next_attempt_at = CASE
    WHEN claimed_by IS NOT NULL AND next_attempt_at > excluded.due_since THEN next_attempt_at
    ELSE excluded.due_since
  END`;

const INSERT_DUE = `
  INSERT INTO deliveries (target, entity_id, due_version, status, attempts, ever_attempted, next_attempt_at, due_since)
  VALUES (?1, ?2, ?3, 'pending', 0, 0, ?4, ?4)
  ON CONFLICT DO UPDATE SET ${DUE_AGAIN}`;

/** Rows whose target may have seen an earlier state. */
const UPDATE_DUE = `
  INSERT INTO deliveries (target, entity_id, due_version, status, attempts, ever_attempted, next_attempt_at, due_since)
  SELECT target, entity_id, ?3, 'pending', 0, 0, ?4, ?4 FROM deliveries
  WHERE target = ?1 AND entity_id = ?2 AND (ever_attempted = 1 OR delivered_version IS NOT NULL)
  ON CONFLICT DO UPDATE SET ${DUE_AGAIN}`;

const DELETE_UNSEEN = `
  DELETE FROM deliveries
  WHERE target = ? AND entity_id = ? AND ever_attempted = 0 AND delivered_version IS NULL`;

/** Makes the change's state due to the targets that it concerns, and says to how many. */
export function makeDue(
  writer: Connection,
  targets: readonly string[],
  change: EntityChange,
  nowMs: number,
): number {
  if (change.delivery === 'none') return 0;
  let due = 0;
  for (const target of targets) {
    if (change.delivery === 'due') {
      writer.statement(INSERT_DUE).run(target, change.entityId, change.version, nowMs);
      due++;
      continue;
    }
    const { changes } = writer.statement(UPDATE_DUE).run(target, change.entityId, change.version, nowMs);
    due += Number(changes);
    if (Number(changes) === 0) writer.statement(DELETE_UNSEEN).run(target, change.entityId);
  }
  return due;
}

/** The row of an entity that another program had in its care. */
export function adoptDelivery(
  writer: Connection,
  target: string,
  entityId: string,
  version: number,
  { delivery, wasDelivered }: AdoptedEntity,
  nowMs: number,
): void {
  if (delivery === 'none') return;
  const isSent = delivery === 'sent';
  writer
    .statement(`
      INSERT INTO deliveries (
        target, entity_id, due_version, status, attempts, ever_attempted, delivered_version, next_attempt_at, due_since
      ) VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?)`)
    .run(
      target,
      entityId,
      version,
      isSent ? 'delivered' : 'pending',
      Number(isSent || wasDelivered),
      isSent ? version : null,
      isSent ? null : nowMs,
      nowMs,
    );
}

const CLAIM = `
  UPDATE deliveries
  SET claimed_by = ?, next_attempt_at = ?, attempts = attempts + 1, ever_attempted = 1
  WHERE target = ? AND entity_id = ?`;

export async function claimDeliveries(
  database: Database,
  view: ViewTable,
  request: DeliveryClaimRequest,
): Promise<ClaimedDelivery[]> {
  const { target, claimant, limit, nowMs, leaseMs, attempts } = request;
  const attempted = attempts === undefined ? '' : ` AND d.attempts ${attempts === 'first' ? '=' : '>'} 0`;
  // Nothing due is the usual case, and needs no write lock.
  const nextDueMs = await database.read((reader) => nextDeliveryDueMs(reader, target));
  if (nextDueMs === null || nextDueMs > nowMs) return [];

  return database.write((writer) => {
    const rows = writer
      .statement(`
        SELECT d.entity_id AS "due id", d.due_version AS "due version", d.attempts AS "due attempts",
          d.due_since AS "due since", ${view.columnsOf('v')}
        FROM deliveries AS d JOIN ${view.table} AS v ON v.${view.key} = d.entity_id
        WHERE d.target = ? AND d.next_attempt_at <= ?${attempted}
        ORDER BY d.next_attempt_at, d.entity_id LIMIT ?`)
      .all(target, nowMs, limit);
    const update = writer.statement(CLAIM);
    return rows.map((row) => {
      const entityId = textOf(row['due id']);
      update.run(claimant, nowMs + leaseMs, target, entityId);
      return {
        target,
        entityId,
        version: numberOf(row['due version']),
        row: view.rowOf(row),
        attempt: numberOf(row['due attempts']) + 1,
        claimant,
        dueSinceMs: numberOf(row['due since']),
      };
    });
  });
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
      if (settlement.next === 'delivered') raiseDeliveredVersion(writer, settlement.delivery);
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

/** Even a claim that has passed on may tell that the target has the state. */
function raiseDeliveredVersion(writer: Connection, { target, entityId, version }: ClaimedDelivery): void {
  writer
    .statement(`
      UPDATE deliveries SET delivered_version = max(coalesce(delivered_version, 0), ?)
      WHERE target = ? AND entity_id = ?`)
    .run(version, target, entityId);
}

/**
 * Moves the row on if the claim is still this one: the claimant alone doesn't tell, since it may have claimed
 * again after its lease ran out. Then `attempts` has gone past the settled attempt, or, if a newer version is
 * due, is no longer 0.
 */
function moveOn(
  writer: Connection,
  { delivery, next, error, status }: DeliverySettlement,
  nowMs: number,
): void {
  const { target, entityId, version, claimant, attempt } = delivery;
  const settled =
    typeof next === 'string'
      ? { status: next, nextAttemptAtMs: null }
      : { status: 'pending', nextAttemptAtMs: next.retryAtMs };
  const { changes } = writer
    .statement(`
      UPDATE deliveries SET status = ?, next_attempt_at = ?, claimed_by = NULL, last_error = ?, last_status = ?
      WHERE target = ? AND entity_id = ? AND claimed_by = ? AND due_version = ? AND attempts = ?`)
    .run(
      settled.status,
      settled.nextAttemptAtMs,
      error,
      status,
      target,
      entityId,
      claimant,
      version,
      attempt,
    );
  if (Number(changes) === 1) return;
  writer
    .statement(`
      UPDATE deliveries SET next_attempt_at = ?, claimed_by = NULL, last_error = ?, last_status = ?
      WHERE target = ? AND entity_id = ? AND claimed_by = ? AND due_version > ? AND attempts = 0`)
    .run(nowMs, error, status, target, entityId, claimant, version);
}

export function nextDeliveryDueMs(reader: Connection, target: string): number | null {
  const row = reader
    .statement(`
      SELECT next_attempt_at FROM deliveries WHERE target = ? AND next_attempt_at IS NOT NULL
      ORDER BY next_attempt_at LIMIT 1`)
    .get(target);
  return row === undefined ? null : numberOf(row.next_attempt_at);
}

export function readDelivery(reader: Connection, target: string, entityId: string): StoredDelivery | null {
  const row = reader
    .statement('SELECT * FROM deliveries WHERE target = ? AND entity_id = ?')
    .get(target, entityId);
  if (row === undefined) return null;
  return {
    target,
    entityId,
    status: toStatus(textOf(row.status)),
    dueVersion: numberOf(row.due_version),
    deliveredVersion: nullOr(row.delivered_version, numberOf),
    attempts: numberOf(row.attempts),
    nextAttemptAtMs: nullOr(row.next_attempt_at, numberOf),
    lastError: nullOr(row.last_error, textOf),
  };
}

/** The table's CHECK leaves no fourth. */
function toStatus(text: string): StoredDelivery['status'] {
  return text === 'delivered' || text === 'dead' ? text : 'pending';
}
