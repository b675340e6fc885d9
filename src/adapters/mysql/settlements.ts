import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { compareUtf8 } from '../../core/text.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../ports/delivery-claims.ts';
import { claimIdOf } from './claim-id.ts';
import { allOf, inTransaction, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { DEAD_AT_MS, DONE_AT_MS } from './delivery-filter.ts';
import { chunksOf, marks, RowsStatement } from './rows-statement.ts';
import type { StoreTime } from './store-time.ts';
import { textOf } from './values.ts';

/** Ends claims; `delivery-claims.ts` makes them. */
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
    const sorted = settlements.toSorted((a, b) => compareUtf8(a.delivery.entityId, b.delivery.entityId));
    // Each transaction locks its rows by id. One transaction for all groups would lock rows out of sequence, and
    // deadlock with batches that make deliveries due.
    for (const group of alike(sorted)) {
      await inTransaction(this.#pool, async (connection) => {
        const moveOnAll = async () => {
          const claims = group.map((settlement) => ({
            ...claimOf(settlement.delivery),
            settlement,
            nowMs: now,
            aheadMs,
          }));
          await moveOn.run(connection, await lockKnown(connection, claims));
        };
        if (!isPlain(group[0])) {
          await moveOnAll();
          await insertAttempt.run(connection, group);
          return;
        }
        const [areSettled] = await allOf<unknown>([
          areDelivered(connection, group),
          insertAttempt.run(connection, group),
        ]);
        if (areSettled !== true) await moveOnAll();
      });
    }
  }

  /** Renews one claim after the other, because one transaction for all would lock rows out of sequence. */
  async renew(deliveries: readonly ClaimedDelivery[], leaseMs: number): Promise<void> {
    if (deliveries.length === 0) return;
    await withConnection(this.#pool, (connection) =>
      renewEach(connection, claimsById(deliveries), leaseMs, this.#time),
    );
  }

  async release(deliveries: readonly ClaimedDelivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    const now = this.#time.now();
    await inTransaction(this.#pool, async (connection) => {
      const known = await lockKnown(connection, claimsById(deliveries));
      await giveBack.run(
        connection,
        known.map((claim) => ({ ...claim, nowMs: now })),
      );
    });
  }
}

/**
 * Locks the rows of these claims. Resolves with the claims whose rows the ledger has, in the same sequence. After a restore
 * or a failover it may lack some, and the statements behind this, which are upserts, must not make them: such a row would
 * say what became of a version that the store no longer has.
 */
async function lockKnown<Some extends Claim>(
  connection: PoolConnection,
  claims: readonly Some[],
): Promise<Some[]> {
  const known = new Set<string>();
  for (const [target, group] of Map.groupBy(claims, ({ delivery }) => delivery.target)) {
    for (const chunk of chunksOf(group)) {
      const [rows] = await connection.execute<RowDataPacket[]>(
        `SELECT entity_id FROM deliveries FORCE INDEX (\`PRIMARY\`) WHERE target = ? AND entity_id IN (${marks(chunk.length)}) FOR UPDATE`,
        [target, ...chunk.map(({ id }) => id)],
      );
      for (const row of rows) known.add(`${target} ${textOf(row[0])}`);
    }
  }
  return claims.filter(({ delivery }) => known.has(`${delivery.target} ${delivery.entityId}`));
}

/** Renews claims by id, with one statement for each claimant and target. */
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
  readonly delivery: ClaimedDelivery;
  readonly id: Buffer;
  readonly claimId: bigint;
}

function claimOf(delivery: ClaimedDelivery): Claim {
  return { delivery, id: Buffer.from(delivery.entityId), claimId: knownClaimIdOf(delivery.claimant) };
}

/** Sorts claims by entity id, which is the sequence in which rows are locked. */
function claimsById(deliveries: readonly ClaimedDelivery[]): Claim[] {
  return deliveries.map(claimOf).sort((a, b) => Buffer.compare(a.id, b.id));
}

let lastClaimant = '';
let lastClaimId = 0n;

/** The hash of each claimant is worked out once for the rows that follow one another, because one claimant has many rows. */
function knownClaimIdOf(claimant: string): bigint {
  if (claimant !== lastClaimant) {
    lastClaimant = claimant;
    lastClaimId = claimIdOf(claimant);
  }
  return lastClaimId;
}

type Group = [DeliverySettlement, ...DeliverySettlement[]];

/**
 * Groups the settlements: those that were delivered by claimant, status and target, and all others together. Each group
 * keeps the sequence given.
 */
function alike(settlements: readonly DeliverySettlement[]): Group[] {
  const groups: Group[] = [];
  const byClaimant = new Map<string, Group[]>();
  const othersAlike: Group[] = [];
  for (const settlement of settlements) {
    let alike = othersAlike;
    if (isPlain(settlement)) {
      const { claimant } = settlement.delivery;
      alike = byClaimant.get(claimant) ?? [];
      if (alike.length === 0) byClaimant.set(claimant, alike);
    }
    const group = alike.find(([first]) => alike === othersAlike || isSettledAs(first, settlement));
    if (group !== undefined) group.push(settlement);
    else {
      const made: Group = [settlement];
      alike.push(made);
      groups.push(made);
    }
  }
  return groups;
}

/** Whether one statement settles both, if one claimant has both. */
function isSettledAs(first: DeliverySettlement, { status, delivery }: DeliverySettlement): boolean {
  return first.status === status && first.delivery.target === delivery.target;
}

function isPlain({ next, error }: DeliverySettlement): boolean {
  return next === 'delivered' && error === null;
}

/**
 * Settles a group of delivered claims. Answers whether all of them are settled now. A plain UPDATE costs the server half of
 * what `moveOn` costs. If it did not settle all of them, `moveOn` leaves those alone that it did.
 */
async function areDelivered(connection: PoolConnection, group: Group): Promise<boolean> {
  const [first] = group;
  const updated = await deliveredWith(first.status ?? 0).run(connection, group, (writer) => {
    writer.text(first.delivery.target);
    writer.integer(knownClaimIdOf(first.delivery.claimant));
  });
  return updated === group.length;
}

const deliveredStatements = new Map<number, RowsStatement<DeliverySettlement>>();

/**
 * The statement that settles delivered claims with this status. A newer version that became due meanwhile has no
 * attempts, so `attempts > 0` shows that the row still has the claimed version.
 */
function deliveredWith(status: number): RowsStatement<DeliverySettlement> {
  let statement = deliveredStatements.get(status);
  if (statement === undefined) {
    statement = new RowsStatement<DeliverySettlement>({
      // Right after a table has grown, the server may still take it for empty and scan all of it.
      before:
        "UPDATE deliveries FORCE INDEX (`PRIMARY`) SET status = 'delivered', is_retry = 0, delivered_version = due_version, " +
        `next_attempt_at = ${DONE_AT_MS}, leased_until = 0, claim_id = 0, last_status = ${Math.floor(status)}, ` +
        'last_error = NULL WHERE entity_id IN (',
      row: '?',
      after: ') AND target = ? AND claim_id = ? AND attempts > 0',
      columns: ['bytes'],
      write: (writer, { delivery }) => writer.text(delivery.entityId),
      tail: ['text', 'integer'],
    });
    deliveredStatements.set(status, statement);
  }
  return statement;
}

/**
 * Whether the row's claim is the one that is settled. The claimant's name alone is not enough, because it may have
 * claimed the delivery again. The attempt tells the two apart; a newer version that came meanwhile has no attempts.
 */
const IS_THIS_CLAIM =
  'claim_id = VALUES(claim_id) AND (due_version = VALUES(due_version) AND attempts = VALUES(attempts) ' +
  'OR due_version > VALUES(due_version) AND attempts = 0)';

interface Settling extends Claim {
  readonly settlement: DeliverySettlement;
  readonly nowMs: number;
  /** The server's clock minus this process's clock. `retryAtMs` is by this process's clock. */
  readonly aheadMs: number;
}

/**
 * Moves a delivery on after an attempt. VALUES(due_version) is the settled version, and VALUES(claim_id) the claim. If
 * another claimant has the row, only delivered_version may rise, up to the due version: one beyond it is of a history that
 * the store has lost. If a newer version became due meanwhile, it is due at
 * once, by VALUES(leased_until), which is the time now: a proxy miscounts parameters behind ON DUPLICATE KEY UPDATE.
 * VALUES(due_since) is the number of attempts to take back; the column itself never changes here. The columns are
 * assigned from left to right, so those of the claim come last; `leased_until` is 0 only if the row had this claim.
 */
const moveOn = new RowsStatement<Settling>({
  before:
    'INSERT INTO deliveries (target, entity_id, due_version, status, attempts, is_retry, delivered_version, ' +
    'next_attempt_at, leased_until, claim_id, due_since, last_status, last_error) VALUES',
  row: '(?,?,?,?,?,?,?,?,?,?,?,?,?)',
  after:
    'ON DUPLICATE KEY UPDATE ' +
    'delivered_version = IF(VALUES(delivered_version) > due_version, delivered_version, ' +
    'GREATEST(delivered_version, VALUES(delivered_version))), ' +
    `status = IF(${IS_THIS_CLAIM} AND due_version = VALUES(due_version), VALUES(status), status), ` +
    `is_retry = IF(${IS_THIS_CLAIM} AND due_version = VALUES(due_version), VALUES(is_retry), is_retry), ` +
    `next_attempt_at = IF(${IS_THIS_CLAIM}, IF(due_version = VALUES(due_version), VALUES(next_attempt_at), VALUES(leased_until)), next_attempt_at), ` +
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
    'integer',
    'text',
  ],
  write(writer, { settlement: { delivery, next, status, error }, id, claimId, nowMs, aheadMs }) {
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
    writer.integer(nowMs);
    writer.integer(claimId);
    writer.integer(typeof next !== 'string' && next.isCounted === false);
    writer.integer(status ?? 0);
    writer.text(error);
  },
});

const insertAttempt = new RowsStatement<DeliverySettlement>({
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
  write(writer, settlement) {
    const { delivery } = settlement;
    writer.text(delivery.target);
    writer.text(delivery.entityId);
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
 * Gives back a claim that was not used, whose attempt never began. A newer version that became due meanwhile has no
 * attempt to take back, and is due at once. The last assignment knows by `leased_until` = 0 that the row had this
 * claim.
 */
const giveBack = new RowsStatement<Claim & { readonly nowMs: number }>({
  before:
    'INSERT INTO deliveries (target, entity_id, due_version, status, attempts, next_attempt_at, claim_id, due_since) VALUES',
  row: "(?,?,?,'pending',?,?,?,0)",
  after:
    'ON DUPLICATE KEY UPDATE ' +
    `next_attempt_at = IF(${IS_THIS_CLAIM} AND due_version > VALUES(due_version), VALUES(next_attempt_at), next_attempt_at), ` +
    `leased_until = IF(${IS_THIS_CLAIM}, 0, leased_until), ` +
    `attempts = IF(${IS_THIS_CLAIM} AND due_version = VALUES(due_version), attempts - 1, attempts), ` +
    'claim_id = IF(leased_until = 0 AND claim_id = VALUES(claim_id), 0, claim_id)',
  columns: ['text', 'bytes', 'integer', 'integer', 'integer', 'integer'],
  write(writer, { delivery, id, nowMs, claimId }) {
    writer.text(delivery.target);
    writer.bytes(id);
    writer.integer(delivery.version);
    writer.integer(delivery.attempt);
    writer.integer(nowMs);
    writer.integer(claimId);
  },
});
