import type { SQLInputValue } from 'node:sqlite';
import type { Clock } from '../../ports/clock.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../ports/delivery-claims.ts';
import type { Connection, Database } from './database.ts';
import { DEAD_AT_MS } from './delivery-filter.ts';
import { Pace, portions } from './pace.ts';
import type { StoreTime } from './store-time.ts';

/**
 * Ends claims; `delivery-claims.ts` makes them. Most claims end well, and those are settled 32 in a statement, because
 * each call into SQLite costs as much as the statement itself.
 */
export class Settlements {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #time: StoreTime;

  constructor(database: Database, clock: Clock, time: StoreTime) {
    this.#database = database;
    this.#clock = clock;
    this.#time = time;
  }

  settle(settlements: readonly DeliverySettlement[]): Promise<void> {
    const askedAtMs = this.#clock.now();
    return this.#database.write(async (writer) => {
      const nowMs = this.#time.now(writer);
      // `retryAtMs` is a moment of this process's clock: it is moved by how far the store's time is ahead of that.
      const aheadMs = nowMs - askedAtMs;
      const pace = new Pace();
      for (const some of portions(settlements)) {
        recordAttempts(writer, some);
        await pace.pass(some.length);
      }
      for (const group of alike(settlements)) {
        for (const some of portions(group)) {
          if (!areDelivered(writer, some))
            for (const settlement of some) moveOn(writer, settlement, nowMs, aheadMs);
          await pace.pass(some.length);
        }
      }
    });
  }

  release(deliveries: readonly ClaimedDelivery[]): Promise<void> {
    return this.#database.write((writer) => {
      const nowMs = this.#time.now(writer);
      for (const { target, entityId, claimant, version, attempt } of deliveries)
        writer.statement(RELEASE).run(target, entityId, claimant, version, nowMs, attempt);
    });
  }

  renew(deliveries: readonly ClaimedDelivery[], leaseMs: number): Promise<void> {
    return this.#database.write((writer) => {
      const leasedUntil = this.#time.leaseNow() + leaseMs;
      const renew = writer.statement(
        'UPDATE deliveries SET leased_until = ? WHERE target = ? AND entity_id = ? AND claimed_by = ?',
      );
      for (const { target, entityId, claimant } of deliveries)
        renew.run(leasedUntil, target, entityId, claimant);
    });
  }
}

/** Groups the settlements: those that were delivered by claimant and status, and all others together. */
function alike(settlements: readonly DeliverySettlement[]): Iterable<readonly DeliverySettlement[]> {
  const [first] = settlements;
  // Mostly one claim brought all of them, and all of them ended alike.
  const isOneGroup =
    first !== undefined &&
    settlements.every(
      (settlement) =>
        isPlain(settlement) &&
        settlement.status === first.status &&
        settlement.delivery.claimant === first.delivery.claimant,
    );
  if (isOneGroup) return [settlements];
  return Map.groupBy(settlements, (settlement) =>
    isPlain(settlement) ? `${settlement.status} ${settlement.delivery.claimant}` : '',
  ).values();
}

function isPlain({ next, error }: DeliverySettlement): boolean {
  return next === 'delivered' && error === null;
}

/** Settling a claim twice leaves one row in the ledger of attempts. */
const recordSql = bySize(
  12,
  (rows) => `
  INSERT INTO delivery_attempts (
    delivery_number, target, entity_id, version, attempt, delivery_id, attempted_at, verdict, status, latency_ms,
    answer, error
  )
  VALUES ${rows} ON CONFLICT DO NOTHING`,
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
    const { target, entityId, version, attempt, deliveryNumber } = delivery;
    values.push(
      deliveryNumber,
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

/**
 * Settles delivered claims. A newer version that became due meanwhile has no attempts, so `attempts > 0` shows that the
 * row still has the claimed version.
 */
const deliveredSql = bySize(
  1,
  (rows) => `
  UPDATE deliveries SET status = 'delivered', is_retry = 0, next_attempt_at = NULL, delivered_version = due_version,
    claimed_by = NULL, leased_until = 0, last_error = NULL, last_status = ?
  WHERE delivery_number IN (${rows}) AND claimed_by = ? AND attempts > 0`,
);

/**
 * Whether this is a group of delivered claims and all of them are settled now. If not, the caller settles each by
 * itself with `moveOn`, which changes nothing in those that are settled already.
 */
function areDelivered(writer: Connection, group: readonly DeliverySettlement[]): boolean {
  const [first] = group as [DeliverySettlement];
  if (!isPlain(first)) return false;
  const numbers = group.map(({ delivery }) => delivery.deliveryNumber);
  const statement = writer.statement(deliveredSql(group.length));
  return Number(statement.run(first.status, ...numbers, first.delivery.claimant).changes) === group.length;
}

/** Makes the text of a statement for this many rows of parameters, once for each number. */
function bySize(columns: number, make: (rows: string) => string): (count: number) => string {
  const texts = new Map<number, string>();
  return (count) => {
    let text = texts.get(count);
    if (text === undefined) {
      const marks = new Array(columns).fill('?').join(', ');
      const row = columns === 1 ? marks : `(${marks})`;
      text = make(new Array(count).fill(row).join(', '));
      texts.set(count, text);
    }
    return text;
  };
}

/**
 * Moves the row on if the claim is the one that is settled. The claimant's name alone is not enough: after its lease
 * ended it may have claimed again, and then `attempts` is higher.
 */
const MOVE_ON = `
  UPDATE deliveries SET status = ?1, is_retry = ?1 = 'pending', next_attempt_at = ?2,
    delivered_version = coalesce(?3, delivered_version), claimed_by = NULL, leased_until = 0, last_error = ?4,
    last_status = ?5, attempts = attempts - ?11
  WHERE target = ?6 AND entity_id = ?7 AND claimed_by = ?8 AND due_version = ?9 AND attempts = ?10`;

/**
 * Frees the row for a newer version that became due while this one was sent. It is due at once and has no attempts yet.
 */
const MAKE_WAY = `
  UPDATE deliveries SET next_attempt_at = ?1, claimed_by = NULL, leased_until = 0, last_error = ?2, last_status = ?3
  WHERE target = ?4 AND entity_id = ?5 AND claimed_by = ?6 AND due_version > ?7 AND attempts = 0`;

/**
 * Raises the delivered version even if another claimant has the row, because the target has the state. A version beyond the
 * due one is of a history that the store has lost.
 */
const RAISE_DELIVERED = `
  UPDATE deliveries SET delivered_version = max(coalesce(delivered_version, 0), ?1)
  WHERE target = ?2 AND entity_id = ?3 AND due_version >= ?1`;

function moveOn(writer: Connection, settlement: DeliverySettlement, nowMs: number, aheadMs: number): void {
  const { delivery, next, error, status } = settlement;
  const { target, entityId, version, claimant, attempt } = delivery;
  const isDelivered = next === 'delivered';
  const nextAttemptAtMs = isDelivered ? null : next === 'dead' ? DEAD_AT_MS : next.retryAtMs + aheadMs;
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
      Number(typeof next !== 'string' && next.isCounted === false),
    );
  if (Number(changes) === 1) return;
  if (isDelivered) writer.statement(RAISE_DELIVERED).run(version, target, entityId);
  writer.statement(MAKE_WAY).run(nowMs, error, status, target, entityId, claimant, version);
}

/**
 * Frees a row whose claim was not used. A newer version that became due meanwhile has no attempt to take back, and is
 * due at once.
 */
const RELEASE = `
  UPDATE deliveries SET claimed_by = NULL, leased_until = 0, attempts = max(0, attempts - 1),
    next_attempt_at = CASE WHEN due_version > ?4 THEN ?5 ELSE next_attempt_at END
  WHERE target = ?1 AND entity_id = ?2 AND claimed_by = ?3
    AND (due_version = ?4 AND attempts = ?6 OR due_version > ?4 AND attempts = 0)`;
