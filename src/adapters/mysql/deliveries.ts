import type { Pool, PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { Clock } from '../../ports/clock.ts';
import type {
  ClaimedDelivery,
  DeliveryClaimRequest,
  DeliverySettlement,
  EntityChange,
  StoredDelivery,
} from '../../ports/store.ts';
import { inTransaction, withConnection } from './connection.ts';
import { text } from './journal.ts';
import { chunksOf, marks, RowsStatement } from './rows-statement.ts';
import { identifier, type ViewSchema, viewValue } from './schema.ts';

/** What ingest writes of deliveries, inside its own transaction. */
export class DueDeliveries {
  readonly #targets: readonly string[];
  readonly #clock: Clock;

  constructor(targets: readonly string[], clock: Clock) {
    this.#targets = targets;
    this.#clock = clock;
  }

  /** Makes due, or no longer due, what the changes say; resolves with how many became due. */
  async makeDue(connection: PoolConnection, changes: readonly EntityChange[]): Promise<number> {
    let count = 0;
    for (const target of this.#targets) {
      const due = changes.filter((change) => change.delivery === 'due');
      // An entity that is new has no delivery yet, so only the others need a look.
      const maybe = changes.filter((change) => change.delivery === 'due_if_sent' && change.fromVersion > 0);
      if (maybe.length > 0) due.push(...(await withdrawUnsent(connection, target, maybe)));
      const now = this.#clock.now();
      await upsertDue.run(
        connection,
        due.map(({ entityId, version }) => ({ target, entityId, version, now })),
        (writer) => {
          writer.integer(now);
          writer.integer(now);
        },
      );
      count += due.length;
    }
    return count;
  }
}

/** While a delivery is claimed its lease stands; settling it makes the newer version due at once. */
const upsertDue = new RowsStatement<{ target: string; entityId: string; version: number; now: number }>({
  before:
    'INSERT INTO deliveries (target, entity_id, due_version, status, attempts, ever_attempted, next_attempt_at, due_since) VALUES',
  row: "(?,?,?,'pending',0,FALSE,?,?)",
  after:
    'ON DUPLICATE KEY UPDATE ' +
    'next_attempt_at = IF(claimed_by IS NOT NULL AND next_attempt_at > ?, next_attempt_at, VALUES(next_attempt_at)), ' +
    'claimed_by = IF(next_attempt_at > ?, claimed_by, NULL), ' +
    "due_version = VALUES(due_version), status = 'pending', attempts = 0, due_since = VALUES(due_since)",
  columns: ['text', 'bytes', 'integer', 'integer', 'integer'],
  write(writer, { target, entityId, version, now }) {
    writer.text(target);
    writer.text(entityId);
    writer.integer(version);
    writer.integer(now);
    writer.integer(now);
  },
  tail: ['integer', 'integer'],
});

/** Drops the deliveries that were due but never attempted; answers with the changes whose target knows the entity. */
async function withdrawUnsent(
  connection: PoolConnection,
  target: string,
  changes: readonly EntityChange[],
): Promise<EntityChange[]> {
  const sent = new Set<string>();
  const unsent: string[] = [];
  for (const ids of chunksOf(changes.map((change) => change.entityId))) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      `SELECT entity_id, ever_attempted OR delivered_version IS NOT NULL FROM deliveries WHERE target = ? AND entity_id IN (${marks(ids.length)}) FOR UPDATE`,
      [target, ...ids],
    );
    for (const row of rows) {
      if (Number(row[1]) === 1) sent.add(text(row[0]));
      else unsent.push(text(row[0]));
    }
  }
  for (const ids of chunksOf([...new Set(unsent)])) {
    await connection.execute(
      `DELETE FROM deliveries WHERE target = ? AND entity_id IN (${marks(ids.length)})`,
      [target, ...ids],
    );
  }
  return changes.filter((change) => sent.has(change.entityId));
}

/** The delivery loop's side of the ledger. */
export class DeliveryLedger {
  readonly #pool: Pool;
  readonly #view: ViewSchema;
  readonly #clock: Clock;

  constructor(pool: Pool, view: ViewSchema, clock: Clock) {
    this.#pool = pool;
    this.#view = view;
    this.#clock = clock;
  }

  /**
   * Candidates are found without locks, then taken by primary key with the condition repeated: two claimants
   * that find the same ones share them between them, and neither waits for an index that the other holds.
   */
  async claim(request: DeliveryClaimRequest): Promise<ClaimedDelivery[]> {
    const { target, claimant, limit, nowMs, leaseMs, attempts } = request;
    const attempted = attempts === undefined ? '' : ` AND attempts ${attempts === 'first' ? '=' : '>'} 0`;
    return inTransaction(this.#pool, async (connection) => {
      const [candidates] = await connection.execute<RowDataPacket[]>(
        `SELECT entity_id FROM deliveries WHERE target = ? AND next_attempt_at <= ?${attempted} ORDER BY next_attempt_at LIMIT ${Math.floor(limit)}`,
        [target, nowMs],
      );
      const ids = candidates.map((row) => row[0] as Buffer).sort(Buffer.compare);
      const claimed: ClaimedDelivery[] = [];
      for (const chunk of chunksOf(ids)) {
        const [taken] = await connection.execute<ResultSetHeader>(
          'UPDATE deliveries SET claimed_by = ?, next_attempt_at = ?, attempts = attempts + 1, ever_attempted = TRUE ' +
            `WHERE target = ? AND entity_id IN (${marks(chunk.length)}) AND next_attempt_at <= ?`,
          [claimant, nowMs + leaseMs, target, ...chunk, nowMs],
        );
        if (taken.affectedRows > 0) claimed.push(...(await this.#readClaimed(connection, request, chunk)));
      }
      return claimed;
    });
  }

  async #readClaimed(
    connection: PoolConnection,
    { target, claimant }: DeliveryClaimRequest,
    ids: readonly Buffer[],
  ): Promise<ClaimedDelivery[]> {
    const { table, keyColumn, columns } = this.#view;
    const values = columns.map((column) => `v.${identifier(column.name)}`);
    const [rows] = await connection.execute<RowDataPacket[]>(
      `SELECT d.entity_id, d.due_version, d.attempts, d.due_since, ${values.join(', ')} FROM deliveries d ` +
        `JOIN ${identifier(table)} v ON v.${identifier(keyColumn)} = d.entity_id ` +
        `WHERE d.target = ? AND d.entity_id IN (${marks(ids.length)}) AND d.claimed_by = ?`,
      [target, ...ids, claimant],
    );
    return rows.map((row) => ({
      target,
      claimant,
      entityId: text(row[0]),
      version: Number(row[1]),
      attempt: Number(row[2]),
      dueSinceMs: Number(row[3]),
      row: columns.map((column, index) => viewValue(column, row[index + 4])),
    }));
  }

  async settle(settlements: readonly DeliverySettlement[]): Promise<void> {
    if (settlements.length === 0) return;
    const sorted = [...settlements].sort((a, b) =>
      Buffer.compare(Buffer.from(a.delivery.entityId), Buffer.from(b.delivery.entityId)),
    );
    const now = this.#clock.now();
    await inTransaction(this.#pool, async (connection) => {
      await moveOn.run(
        connection,
        sorted.map((settlement) => ({ settlement, now })),
        (writer) => writer.integer(now),
      );
      await insertAttempt.run(connection, sorted);
    });
  }

  async nextDueMs(target: string): Promise<number | null> {
    const rows = await withConnection(this.#pool, async (connection) => {
      const [found] = await connection.execute<RowDataPacket[]>(
        'SELECT next_attempt_at FROM deliveries WHERE target = ? AND next_attempt_at IS NOT NULL ORDER BY next_attempt_at LIMIT 1',
        [target],
      );
      return found;
    });
    return rows[0] === undefined ? null : Number(rows[0][0]);
  }

  async read(target: string, entityId: string): Promise<StoredDelivery | null> {
    const rows = await withConnection(this.#pool, async (connection) => {
      const [found] = await connection.execute<RowDataPacket[]>(
        'SELECT status, due_version, delivered_version, attempts, next_attempt_at, last_error FROM deliveries WHERE target = ? AND entity_id = ?',
        [target, entityId],
      );
      return found;
    });
    const row = rows[0];
    if (row === undefined) return null;
    return {
      target,
      entityId,
      status: String(row[0]) as StoredDelivery['status'],
      dueVersion: Number(row[1]),
      deliveredVersion: row[2] === null ? null : Number(row[2]),
      attempts: Number(row[3]),
      nextAttemptAtMs: row[4] === null ? null : Number(row[4]),
      lastError: row[5] === null ? null : text(row[5]),
    };
  }
}

/**
 * Whether the row's claim is the one that is being settled. The claimant alone doesn't tell, since it may have
 * claimed the same delivery again: the attempt does, and a newer version that came meanwhile has none yet.
 */
const IS_THIS_CLAIM =
  'claimed_by <=> VALUES(claimed_by) AND (due_version = VALUES(due_version) AND attempts = VALUES(attempts) ' +
  'OR due_version > VALUES(due_version) AND attempts = 0)';

/**
 * Moves a delivery on after an attempt. The row carries the settled version as due_version and the claim as
 * claimed_by: if the claim has passed on, only delivered_version may rise; if a newer version became due
 * meanwhile, that one is due at once. claimed_by, which the others look at, is assigned last.
 */
const moveOn = new RowsStatement<{ settlement: DeliverySettlement; now: number }>({
  before:
    'INSERT INTO deliveries (target, entity_id, due_version, status, attempts, ever_attempted, delivered_version, ' +
    'next_attempt_at, claimed_by, due_since, last_status, last_error) VALUES',
  row: '(?,?,?,?,?,TRUE,?,?,?,?,?,?)',
  after:
    'ON DUPLICATE KEY UPDATE ' +
    'delivered_version = IF(VALUES(delivered_version) > COALESCE(delivered_version, 0), VALUES(delivered_version), delivered_version), ' +
    `status = IF(${IS_THIS_CLAIM} AND due_version = VALUES(due_version), VALUES(status), status), ` +
    `next_attempt_at = IF(${IS_THIS_CLAIM}, IF(due_version = VALUES(due_version), VALUES(next_attempt_at), ?), next_attempt_at), ` +
    `last_status = IF(${IS_THIS_CLAIM}, VALUES(last_status), last_status), ` +
    `last_error = IF(${IS_THIS_CLAIM}, VALUES(last_error), last_error), ` +
    `claimed_by = IF(${IS_THIS_CLAIM}, NULL, claimed_by)`,
  columns: [
    'text',
    'text',
    'integer',
    'text',
    'integer',
    'integer',
    'integer',
    'text',
    'integer',
    'integer',
    'text',
  ],
  write(writer, { settlement: { delivery, next, status, error }, now }) {
    writer.text(delivery.target);
    writer.text(delivery.entityId);
    writer.integer(delivery.version);
    writer.text(typeof next === 'string' ? next : 'pending');
    writer.integer(delivery.attempt);
    writer.integer(next === 'delivered' ? delivery.version : null);
    writer.integer(typeof next === 'string' ? null : Math.floor(next.retryAtMs));
    writer.text(delivery.claimant);
    writer.integer(now);
    writer.integer(status);
    writer.text(error);
  },
  tail: ['integer'],
});

const insertAttempt = new RowsStatement<DeliverySettlement>({
  before:
    'INSERT INTO delivery_attempts (target, entity_id, version, attempt, attempted_at, delivery_id, verdict, status, ' +
    'latency_ms, answer, error) VALUES',
  row: '(?,?,?,?,?,?,?,?,?,?,?)',
  after: 'ON DUPLICATE KEY UPDATE target = target',
  columns: [
    'text',
    'text',
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
