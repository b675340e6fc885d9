import type { PoolConnection } from 'mysql2/promise';
import type { Clock } from '../../ports/clock.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../ports/delivery-claims.ts';
import { claimIdOf } from './claim-id.ts';
import { inTransaction, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { DEAD_AT_MS, DONE_AT_MS } from './delivery-filter.ts';
import { chunksOf, marks, RowsStatement } from './rows-statement.ts';
import type { StoreTime } from './store-time.ts';

/** How a claim ends; `delivery-claims.ts` has how it begins. */
export class Settlements {
  readonly #pool: ConnectionPool;
  readonly #clock: Clock;
  readonly #time: StoreTime;

  constructor(pool: ConnectionPool, clock: Clock, time: StoreTime) {
    this.#pool = pool;
    this.#clock = clock;
    this.#time = time;
  }

  async settle(settlements: readonly DeliverySettlement[]): Promise<void> {
    if (settlements.length === 0) return;
    const now = this.#time.now();
    const aheadMs = now - this.#clock.now();
    const sorted = claimsById(settlements.map((settlement) => settlement.delivery)).map((claim) => ({
      ...claim,
      settlement: settlements[claim.index] as DeliverySettlement,
      aheadMs,
    }));
    // Each transaction takes its rows by id. All in one would take them group by group, against whoever makes them due.
    for (const group of alike(sorted)) {
      await inTransaction(this.#pool, async (connection) => {
        if (!(await areDelivered(connection, group)))
          await moveOn.run(connection, group, (writer) => writer.integer(now));
        await insertAttempt.run(connection, group);
      });
    }
  }

  /** One claim after the other: all in one transaction would lock rows group by group. */
  async renew(deliveries: readonly ClaimedDelivery[], leaseMs: number): Promise<void> {
    if (deliveries.length === 0) return;
    await withConnection(this.#pool, (connection) =>
      renewEach(connection, claimsById(deliveries), leaseMs, this.#time),
    );
  }

  async release(deliveries: readonly ClaimedDelivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    const now = this.#time.now();
    await inTransaction(this.#pool, (connection) =>
      giveBack.run(connection, claimsById(deliveries), (writer) => writer.integer(now)),
    );
  }
}

/** In the sequence in which rows are locked, a statement for each claim. */
async function renewEach(
  connection: PoolConnection,
  claims: readonly Claim[],
  leaseMs: number,
  time: StoreTime,
): Promise<void> {
  const alike = Map.groupBy(claims, ({ delivery, claimId }) => `${delivery.target} ${claimId}`);
  for (const group of alike.values()) {
    for (const chunk of chunksOf(group)) {
      const [{ delivery, claimId }] = chunk as [Claim];
      await connection.execute(
        `UPDATE deliveries SET leased_until = ${time.sql} + ? WHERE target = ? AND claim_id = ? ` +
          `AND entity_id IN (${marks(chunk.length)})`,
        [leaseMs, delivery.target, String(claimId), ...chunk.map(({ id }) => id)],
      );
    }
  }
}

interface Claim {
  /** Its place in the list as it was given. */
  readonly index: number;
  readonly delivery: ClaimedDelivery;
  readonly id: Buffer;
  readonly claimId: bigint;
}

/** In the sequence in which rows are locked. */
function claimsById(deliveries: readonly ClaimedDelivery[]): Claim[] {
  // Few claims are ended at a time, each with many rows.
  const claimIds = new Map<string, bigint>();
  return deliveries
    .map((delivery, index) => {
      const { claimant, entityId } = delivery;
      let claimId = claimIds.get(claimant);
      if (claimId === undefined) {
        claimId = claimIdOf(claimant);
        claimIds.set(claimant, claimId);
      }
      return { index, delivery, id: Buffer.from(entityId), claimId };
    })
    .sort((a, b) => Buffer.compare(a.id, b.id));
}

/** Those that were delivered, by claim and status, and all others together; each group in the sequence given. */
function alike(settlings: readonly Settling[]): Settling[][] {
  const groups = new Map<string, Settling[]>();
  for (const settling of settlings) {
    const { claimId, settlement } = settling;
    const key = isPlain(settlement) ? `${settlement.status} ${claimId} ${settlement.delivery.target}` : '';
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [settling]);
    else group.push(settling);
  }
  return [...groups.values()];
}

function isPlain({ next, error }: DeliverySettlement): boolean {
  return next === 'delivered' && error === null;
}

/**
 * Whether this is a group of those that were delivered, and the ledger says so now: as a rule, and a plain UPDATE costs
 * the server half of what a row with its conditions does. If not, `moveOn` leaves those alone that it says it of.
 */
async function areDelivered(connection: PoolConnection, group: readonly Settling[]): Promise<boolean> {
  const [{ settlement, claimId }] = group as [Settling];
  if (!isPlain(settlement)) return false;
  const updated = await deliveredWith(settlement.status ?? 0).run(connection, group, (writer) => {
    writer.text(settlement.delivery.target);
    writer.integer(claimId);
  });
  return updated === group.length;
}

const deliveredStatements = new Map<number, RowsStatement<Settling>>();

/** A newer version that became due meanwhile has no attempt yet: that there is one says that it is still this version. */
function deliveredWith(status: number): RowsStatement<Settling> {
  let statement = deliveredStatements.get(status);
  if (statement === undefined) {
    statement = new RowsStatement<Settling>({
      // The server may still take a table that has just grown for an empty one, and would read it all.
      before:
        "UPDATE deliveries FORCE INDEX (PRIMARY) SET status = 'delivered', is_retry = 0, delivered_version = due_version, " +
        `next_attempt_at = ${DONE_AT_MS}, leased_until = 0, claim_id = 0, last_status = ${Math.floor(status)}, ` +
        'last_error = NULL WHERE entity_id IN (',
      row: '?',
      after: ') AND target = ? AND claim_id = ? AND attempts > 0',
      columns: ['bytes'],
      write: (writer, { id }) => writer.bytes(id),
      tail: ['text', 'integer'],
    });
    deliveredStatements.set(status, statement);
  }
  return statement;
}

/**
 * Whether the row's claim is the one that is being settled. The claimant alone doesn't tell, since it may have
 * claimed the same delivery again: the attempt does, and a newer version that came meanwhile has none yet.
 */
const IS_THIS_CLAIM =
  'claim_id = VALUES(claim_id) AND (due_version = VALUES(due_version) AND attempts = VALUES(attempts) ' +
  'OR due_version > VALUES(due_version) AND attempts = 0)';

interface Settling extends Claim {
  readonly settlement: DeliverySettlement;
  /** How far the server's clock is ahead of the one that `retryAtMs` was told by: a retry is a wait, not a moment. */
  readonly aheadMs: number;
}

/**
 * Moves a delivery on after an attempt. The row carries the settled version as due_version and the claim as
 * claim_id: if the claim has passed on, only delivered_version may rise; if a newer version became due
 * meanwhile, that one is due at once. `due_since`, which this never changes, carries how many attempts to take back. The
 * columns change from left to right, so the claim's own come last; `leased_until` is 0 only where it was this claim.
 */
const moveOn = new RowsStatement<Settling>({
  before:
    'INSERT INTO deliveries (target, entity_id, due_version, status, attempts, is_retry, delivered_version, ' +
    'next_attempt_at, claim_id, due_since, last_status, last_error) VALUES',
  row: '(?,?,?,?,?,?,?,?,?,?,?,?)',
  after:
    'ON DUPLICATE KEY UPDATE ' +
    'delivered_version = GREATEST(delivered_version, VALUES(delivered_version)), ' +
    `status = IF(${IS_THIS_CLAIM} AND due_version = VALUES(due_version), VALUES(status), status), ` +
    `is_retry = IF(${IS_THIS_CLAIM} AND due_version = VALUES(due_version), VALUES(is_retry), is_retry), ` +
    `next_attempt_at = IF(${IS_THIS_CLAIM}, IF(due_version = VALUES(due_version), VALUES(next_attempt_at), ?), next_attempt_at), ` +
    `last_status = IF(${IS_THIS_CLAIM}, VALUES(last_status), last_status), ` +
    `last_error = IF(${IS_THIS_CLAIM}, VALUES(last_error), last_error), ` +
    `leased_until = IF(${IS_THIS_CLAIM}, 0, leased_until), ` +
    `attempts = IF(${IS_THIS_CLAIM} AND due_version = VALUES(due_version), attempts - VALUES(due_since), attempts), ` +
    'claim_id = IF(claim_id = VALUES(claim_id) AND leased_until = 0, 0, claim_id)',
  columns: [
    'text',
    'bytes',
    'integer',
    'text',
    'integer',
    'integer',
    'integer',
    'integer',
    'integer',
    'integer',
    'integer',
    'text',
  ],
  write(writer, { settlement: { delivery, next, status, error }, id, claimId, aheadMs }) {
    writer.text(delivery.target);
    writer.bytes(id);
    writer.integer(delivery.version);
    writer.text(typeof next === 'string' ? next : 'pending');
    writer.integer(delivery.attempt);
    writer.integer(typeof next !== 'string');
    writer.integer(next === 'delivered' ? delivery.version : 0);
    writer.integer(
      next === 'delivered' ? DONE_AT_MS : next === 'dead' ? DEAD_AT_MS : Math.floor(next.retryAtMs + aheadMs),
    );
    writer.integer(claimId);
    writer.integer(typeof next !== 'string' && next.isCounted === false);
    writer.integer(status ?? 0);
    writer.text(error);
  },
  tail: ['integer'],
});

const insertAttempt = new RowsStatement<Settling>({
  before:
    'INSERT INTO delivery_attempts (target, entity_id, version, attempt, attempted_at, delivery_id, verdict, status, ' +
    'latency_ms, answer, error) VALUES',
  row: '(?,?,?,?,?,?,?,?,?,?,?)',
  after: 'ON DUPLICATE KEY UPDATE target = target',
  columns: [
    'text',
    'bytes',
    'integer',
    'integer',
    'integer',
    'text',
    'text',
    'integer',
    'double',
    'text',
    'text',
  ],
  write(writer, { settlement, id }) {
    const { delivery } = settlement;
    writer.text(delivery.target);
    writer.bytes(id);
    writer.integer(delivery.version);
    writer.integer(delivery.attempt);
    writer.integer(settlement.attemptedAtMs);
    writer.text(settlement.deliveryId);
    writer.text(settlement.verdict);
    writer.integer(settlement.status);
    writer.double(settlement.latencyMs);
    writer.text(settlement.answer);
    writer.text(settlement.error);
  },
});

/**
 * Gives back a claim that was not used: its attempt never began. A newer version that became due meanwhile has none to
 * take back, and is due at once. That the lease ended is what tells the last assignment that this was the claim.
 */
const giveBack = new RowsStatement<Claim>({
  before:
    'INSERT INTO deliveries (target, entity_id, due_version, status, attempts, next_attempt_at, claim_id, due_since) VALUES',
  row: "(?,?,?,'pending',?,0,?,0)",
  after:
    'ON DUPLICATE KEY UPDATE ' +
    `next_attempt_at = IF(${IS_THIS_CLAIM} AND due_version > VALUES(due_version), ?, next_attempt_at), ` +
    `leased_until = IF(${IS_THIS_CLAIM}, 0, leased_until), ` +
    `attempts = IF(${IS_THIS_CLAIM} AND due_version = VALUES(due_version), attempts - 1, attempts), ` +
    'claim_id = IF(leased_until = 0 AND claim_id = VALUES(claim_id), 0, claim_id)',
  columns: ['text', 'bytes', 'integer', 'integer', 'integer'],
  write(writer, { delivery, id, claimId }) {
    writer.text(delivery.target);
    writer.bytes(id);
    writer.integer(delivery.version);
    writer.integer(delivery.attempt);
    writer.integer(claimId);
  },
  tail: ['integer'],
});
