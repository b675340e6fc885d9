import { setTimeout as pause } from 'node:timers/promises';
import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { type ConnectionPool, inTransaction, withConnection } from '../../../../adapters/mysql/index.ts';
import { messageOf, TributaryError } from '../../../../core/errors.ts';
import { effectOfKnown, effectOfNew, type KnownDelivery } from '../../effect.ts';
import { type OrderState, payloadHashOf } from '../../order-state.ts';
import {
  type ChangePage,
  type ListPage,
  type ListQuery,
  type OrderStates,
  type Receipt,
  type ReceivedDelivery,
  SCANNED_ROWS_MAX,
} from '../../states.ts';
import { insertRows, type SqlValue, select, selectIn } from './connection.ts';

/** A transaction that the database gave up is done again, so many times in all. */
const TRIES_MAX = 5;
const PAUSE_MAX_MS = 50;

const LAST_POSITION = 'SELECT COALESCE(MAX(sequence), 0) AS last FROM deliveries_received';

const COLUMNS = 'order_id, order_status, payment_status, review_status, ready_to_send, version';

/**
 * The whole batch is one transaction of few statements, whatever its size. It takes one lock first, so the transactions
 * of all processes follow each other: numbers are given in the sequence of the commits, and what is read of ids
 * and rows cannot change before it is written.
 *
 * After an unknown COMMIT nothing has to be found out here: the sender tries again, and the ids are known or not.
 */
export class MysqlStates implements OrderStates {
  readonly #pool: ConnectionPool;

  constructor(pool: ConnectionPool) {
    this.#pool = pool;
  }

  async receive(deliveries: readonly ReceivedDelivery[]): Promise<Receipt[]> {
    for (let tries = 1; ; tries++) {
      try {
        return await inTransaction(this.#pool, (connection) => receiveIn(connection, deliveries));
      } catch (error) {
        const isBusy = error instanceof TributaryError && error.code === 'store_busy';
        if (!isBusy || tries === TRIES_MAX) throw error;
        // Two that gave way to each other should not meet again at once.
        await pause(Math.random() * PAUSE_MAX_MS * tries);
      }
    }
  }

  async read(orderId: string): Promise<OrderState | null> {
    const [row] = await this.#select(`SELECT ${COLUMNS} FROM orders_received WHERE order_id = ?`, [orderId]);
    return row === undefined ? null : stateOf(row);
  }

  async list({ after, limit, filters }: ListQuery): Promise<ListPage> {
    const from = after ?? '';
    const conditions = Object.entries(filters).filter(([, value]) => value !== undefined);
    const values = conditions.map(([, value]) => (typeof value === 'boolean' ? Number(value) : value));
    const horizon = conditions.length === 0 ? null : await this.#horizon(from);
    if (horizon?.count === 0) return { states: [], next: null };
    const bound = horizon === null ? '' : ' AND order_id <= ?';
    const where = conditions.map(([column]) => ` AND ${column} <=> ?`).join('');
    const rows = await this.#select(
      `SELECT ${COLUMNS} FROM orders_received WHERE order_id > ?${bound}${where} ORDER BY order_id LIMIT ?`,
      [from, ...(horizon === null ? [] : [horizon.last]), ...values, String(limit + 1)],
    );
    const states = rows.map(stateOf);
    if (states.length > limit)
      return { states: states.slice(0, limit), next: states[limit - 1]?.order_id ?? null };
    return { states, next: horizon?.count === SCANNED_ROWS_MAX ? horizon.last : null };
  }

  async #horizon(from: string): Promise<{ last: string; count: number }> {
    const [row] = await this.#select(
      `SELECT MAX(order_id) AS last, COUNT(*) AS count FROM
         (SELECT order_id FROM orders_received WHERE order_id > ? ORDER BY order_id LIMIT ?) AS looked_at`,
      [from, String(SCANNED_ROWS_MAX)],
    );
    return { last: String(row?.last), count: Number(row?.count) };
  }

  async changesAfter(position: number, limit: number): Promise<ChangePage> {
    const end = Math.min(await this.lastPosition(), position + SCANNED_ROWS_MAX);
    const rows = await this.#select(
      `SELECT d.sequence, o.* FROM deliveries_received d
       JOIN orders_received o ON o.order_id = d.order_id AND o.version = d.version
       WHERE d.sequence > ? AND d.sequence <= ? AND d.effect = 'applied' ORDER BY d.sequence LIMIT ?`,
      [position, end, String(limit)],
    );
    const changes = rows.map((row) => ({ position: Number(row.sequence), state: stateOf(row) }));
    const isFull = changes.length === limit;
    return { changes, position: (isFull ? changes.at(-1)?.position : null) ?? Math.max(position, end) };
  }

  async lastPosition(): Promise<number> {
    const [row] = await this.#select(LAST_POSITION, []);
    return Number(row?.last);
  }

  async health(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }> {
    try {
      await this.#select('SELECT 1', []);
      return { ok: true };
    } catch (error) {
      return { ok: false, reason: messageOf(error) };
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  #select(sql: string, values: SqlValue[]): Promise<RowDataPacket[]> {
    return withConnection(this.#pool, (connection) => select(connection, sql, values));
  }
}

async function receiveIn(
  connection: PoolConnection,
  deliveries: readonly ReceivedDelivery[],
): Promise<Receipt[]> {
  await select(connection, 'SELECT id FROM receiving_lock WHERE id = 1 FOR UPDATE');
  const [before] = await select(connection, LAST_POSITION);
  let last = Number(before?.last);
  const known = await knownDeliveries(connection, deliveries);
  const held = await heldStates(connection, deliveries);
  const changed = new Set<string>();
  const recorded: SqlValue[][] = [];
  const repairedIds: string[] = [];

  const receipts = deliveries.map(({ deliveryId, state, replaces = null, receivedAtMs }): Receipt => {
    const payloadHash = payloadHashOf(state);
    const row = held.get(state.order_id) ?? null;
    const knownAs = known.get(deliveryId);
    const effect =
      knownAs === undefined
        ? effectOfNew(state, replaces, row)
        : effectOfKnown(state, payloadHash, knownAs, row);
    if (effect === 'applied' || effect === 'ignored') {
      known.set(deliveryId, { payloadHash, effect });
      const receivedAt = new Date(receivedAtMs).toISOString().slice(0, -1).replace('T', ' ');
      recorded.push([++last, deliveryId, state.order_id, state.version, payloadHash, effect, receivedAt]);
    }
    if (effect === 'repaired') {
      known.set(deliveryId, { payloadHash, effect: 'applied' });
      repairedIds.push(deliveryId);
    }
    if (effect === 'applied' || effect === 'repaired') {
      held.set(state.order_id, state);
      changed.add(state.order_id);
    }
    return { effect, heldVersion: held.get(state.order_id)?.version ?? null };
  });

  await insertRows(
    connection,
    'INSERT INTO deliveries_received (sequence, delivery_id, order_id, version, payload_hash, effect, received_at)',
    recorded,
  );
  for (const deliveryId of repairedIds) {
    await connection.execute(
      "UPDATE deliveries_received SET effect = 'applied', sequence = ? WHERE delivery_id = ?",
      [++last, deliveryId],
    );
  }
  await writeStates(
    connection,
    [...changed].map((orderId) => held.get(orderId) as OrderState),
  );
  return receipts;
}

async function knownDeliveries(
  connection: PoolConnection,
  deliveries: readonly ReceivedDelivery[],
): Promise<Map<string, KnownDelivery>> {
  const rows = await selectIn(
    connection,
    'SELECT delivery_id, payload_hash, effect FROM deliveries_received WHERE delivery_id IN',
    deliveries.map(({ deliveryId }) => deliveryId),
  );
  return new Map(
    rows.map((row) => [
      String(row.delivery_id),
      { payloadHash: String(row.payload_hash), effect: row.effect },
    ]),
  );
}

async function heldStates(
  connection: PoolConnection,
  deliveries: readonly ReceivedDelivery[],
): Promise<Map<string, OrderState>> {
  const rows = await selectIn(
    connection,
    `SELECT ${COLUMNS} FROM orders_received WHERE order_id IN`,
    deliveries.map(({ state }) => state.order_id),
  );
  return new Map(rows.map((row) => [String(row.order_id), stateOf(row)]));
}

async function writeStates(connection: PoolConnection, states: readonly OrderState[]): Promise<void> {
  await insertRows(
    connection,
    `INSERT INTO orders_received (${COLUMNS})`,
    states.map((state) => [
      state.order_id,
      state.order_status,
      state.payment_status,
      state.review_status,
      state.ready_to_send ? 1 : 0,
      state.version,
    ]),
    `ON DUPLICATE KEY UPDATE
       order_status = VALUES(order_status), payment_status = VALUES(payment_status),
       review_status = VALUES(review_status), ready_to_send = VALUES(ready_to_send),
       version = VALUES(version)`,
  );
}

/** Texts are stored as bytes and come as such. */
function stateOf(row: RowDataPacket): OrderState {
  return {
    order_id: String(row.order_id),
    order_status: textOrNull(row.order_status),
    payment_status: textOrNull(row.payment_status),
    review_status: textOrNull(row.review_status),
    ready_to_send: row.ready_to_send === 1,
    version: Number(row.version),
  };
}

function textOrNull(value: Buffer | null): string | null {
  return value === null ? null : value.toString('utf8');
}
