import { setTimeout as pause } from 'node:timers/promises';
import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import {
  type ConnectionPool,
  chunksOf,
  inTransaction,
  marks,
  RowsStatement,
  text,
  withConnection,
} from '../../../../adapters/mysql/index.ts';
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

/** A transaction that the database gave up (`store_busy`) is tried five times in all. */
const TRIES_MAX = 5;
const PAUSE_MAX_MS = 50;

/**
 * Keeps the states in MySQL or MariaDB.
 *
 * All deliveries of one call are one transaction of few statements. It locks the row of `receiving_lock` first, so the
 * transactions of all processes follow each other: numbers are given in the sequence of the commits, and the ids and
 * rows that a transaction reads cannot change before it writes.
 *
 * After a COMMIT without an answer nothing is looked up here. The sender tries again, and then the ids are known or not.
 */
export class States implements OrderStates {
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
        // A random pause, so that two transactions that gave way to each other do not meet again at once.
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

  /** The last id that a page with filters may look at, and how many rows that page looks at. */
  async #horizon(from: string): Promise<{ last: string; count: number }> {
    const [row] = await this.#select(
      `SELECT MAX(order_id), COUNT(*) FROM
         (SELECT order_id FROM orders_received WHERE order_id > ? ORDER BY order_id LIMIT ?) AS looked_at`,
      [from, String(SCANNED_ROWS_MAX)],
    );
    return { last: text(row?.[0]), count: Number(row?.[1]) };
  }

  async changesAfter(receiptNumber: number, limit: number): Promise<ChangePage> {
    const end = Math.min(await this.lastReceiptNumber(), receiptNumber + SCANNED_ROWS_MAX);
    const rows = await this.#select(
      `SELECT ${COLUMNS_OF_ORDER}, d.sequence FROM deliveries_received d
       JOIN orders_received o ON o.order_id = d.order_id AND o.version = d.version
       WHERE d.sequence > ? AND d.sequence <= ? AND d.effect = 'applied' ORDER BY d.sequence LIMIT ?`,
      [receiptNumber, end, String(limit)],
    );
    const changes = rows.map((row) => ({ receiptNumber: Number(row[6]), state: stateOf(row) }));
    const isFull = changes.length === limit;
    return {
      changes,
      receiptNumber: (isFull ? changes.at(-1)?.receiptNumber : null) ?? Math.max(receiptNumber, end),
    };
  }

  lastReceiptNumber(): Promise<number> {
    return withConnection(this.#pool, lastSequence);
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

  #select(sql: string, values: readonly SqlValue[]): Promise<RowDataPacket[]> {
    return withConnection(this.#pool, (connection) => select(connection, sql, values));
  }
}

type SqlValue = string | number | null;

async function select(
  connection: PoolConnection,
  sql: string,
  values: readonly SqlValue[] = [],
): Promise<RowDataPacket[]> {
  const [rows] = await connection.execute<RowDataPacket[]>(sql, [...values]);
  return rows;
}

async function receiveIn(
  connection: PoolConnection,
  deliveries: readonly ReceivedDelivery[],
): Promise<Receipt[]> {
  await select(connection, 'SELECT id FROM receiving_lock WHERE id = 1 FOR UPDATE');
  let last = await lastSequence(connection);
  const known = await knownDeliveries(connection, deliveries);
  const held = await heldStates(connection, deliveries);
  const changed = new Set<string>();
  const recorded: RecordedDelivery[] = [];
  const repairedIds: string[] = [];

  const receipts = deliveries.map((delivery): Receipt => {
    const { deliveryId, state, replaces = null } = delivery;
    const payloadHash = payloadHashOf(state);
    const row = held.get(state.order_id) ?? null;
    const knownAs = known.get(deliveryId);
    const effect =
      knownAs === undefined
        ? effectOfNew(state, replaces, row)
        : effectOfKnown(state, payloadHash, knownAs, row);
    if (effect === 'applied' || effect === 'ignored') {
      known.set(deliveryId, { payloadHash, effect });
      recorded.push({ ...delivery, sequence: ++last, payloadHash, effect });
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

  await RECORD.run(connection, recorded);
  for (const deliveryId of repairedIds) {
    await connection.execute(
      "UPDATE deliveries_received SET effect = 'applied', sequence = ? WHERE delivery_id = ?",
      [++last, deliveryId],
    );
  }
  await WRITE.run(
    connection,
    [...changed].map((orderId) => held.get(orderId) as OrderState),
  );
  return receipts;
}

async function lastSequence(connection: PoolConnection): Promise<number> {
  const [row] = await select(connection, 'SELECT COALESCE(MAX(sequence), 0) FROM deliveries_received');
  return Number(row?.[0]);
}

async function knownDeliveries(
  connection: PoolConnection,
  deliveries: readonly ReceivedDelivery[],
): Promise<Map<string, KnownDelivery>> {
  const rows = await selectIn(
    connection,
    'SELECT delivery_id, payload_hash, effect FROM deliveries_received WHERE delivery_id',
    deliveries.map(({ deliveryId }) => deliveryId),
  );
  return new Map(rows.map((row) => [text(row[0]), { payloadHash: text(row[1]), effect: row[2] }]));
}

async function heldStates(
  connection: PoolConnection,
  deliveries: readonly ReceivedDelivery[],
): Promise<Map<string, OrderState>> {
  const rows = await selectIn(
    connection,
    `SELECT ${COLUMNS} FROM orders_received WHERE order_id`,
    deliveries.map(({ state }) => state.order_id),
  );
  return new Map(rows.map((row) => [text(row[0]), stateOf(row)]));
}

/** The rows whose column, the last word of `sql`, has one of these values. */
async function selectIn(
  connection: PoolConnection,
  sql: string,
  values: readonly string[],
): Promise<RowDataPacket[]> {
  const found: RowDataPacket[] = [];
  for (const chunk of chunksOf(values))
    found.push(...(await select(connection, `${sql} IN (${marks(chunk.length)})`, chunk)));
  return found;
}

interface RecordedDelivery extends ReceivedDelivery {
  readonly sequence: number;
  readonly payloadHash: string;
  readonly effect: 'applied' | 'ignored';
}

const RECORD = new RowsStatement<RecordedDelivery>({
  before:
    'INSERT INTO deliveries_received (sequence, delivery_id, order_id, version, payload_hash, effect, received_at) VALUES',
  row: '(?,?,?,?,?,?,?)',
  columns: ['integer', 'bytes', 'bytes', 'integer', 'bytes', 'text', 'text'],
  write(writer, { sequence, deliveryId, state, payloadHash, effect, receivedAtMs }) {
    writer.integer(sequence);
    writer.text(deliveryId);
    writer.text(state.order_id);
    writer.integer(state.version);
    writer.text(payloadHash);
    writer.text(effect);
    writer.text(new Date(receivedAtMs).toISOString().slice(0, -1).replace('T', ' '));
  },
});

const COLUMN_NAMES = [
  'order_id',
  'order_status',
  'payment_status',
  'review_status',
  'ready_to_send',
  'version',
];
const COLUMNS = COLUMN_NAMES.join(', ');
const COLUMNS_OF_ORDER = COLUMN_NAMES.map((name) => `o.${name}`).join(', ');

const WRITE = new RowsStatement<OrderState>({
  before: `INSERT INTO orders_received (${COLUMNS}) VALUES`,
  row: '(?,?,?,?,?,?)',
  after: `ON DUPLICATE KEY UPDATE
    order_status = VALUES(order_status), payment_status = VALUES(payment_status),
    review_status = VALUES(review_status), ready_to_send = VALUES(ready_to_send), version = VALUES(version)`,
  columns: ['bytes', 'bytes', 'bytes', 'bytes', 'integer', 'integer'],
  write(writer, state) {
    writer.text(state.order_id);
    writer.text(state.order_status);
    writer.text(state.payment_status);
    writer.text(state.review_status);
    writer.integer(state.ready_to_send);
    writer.integer(state.version);
  },
});

/** The state in the first six columns, which are `COLUMNS`. */
function stateOf(row: RowDataPacket): OrderState {
  return {
    order_id: text(row[0]),
    order_status: textOrNull(row[1]),
    payment_status: textOrNull(row[2]),
    review_status: textOrNull(row[3]),
    ready_to_send: row[4] === 1,
    version: Number(row[5]),
  };
}

function textOrNull(value: unknown): string | null {
  return value === null ? null : text(value);
}
