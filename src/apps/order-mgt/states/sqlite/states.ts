import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { WalSync, WriteLock } from '../../../../adapters/sqlite/index.ts';
import { isProgramError, messageOf, TributaryError } from '../../../../core/errors.ts';
import { effectOfKnown, effectOfNew } from '../../effect.ts';
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
import type { ReceivedIds } from './received-ids.ts';

/** One open file. `close` of the states closes it. */
interface OpenFile {
  readonly database: DatabaseSync;
  readonly wal: WalSync;
  readonly lock: WriteLock;
  readonly receivedIds: ReceivedIds;
}

type Row = Record<string, SQLOutputValue>;

/** Keeps the states in one SQLite file. All deliveries of one call are one transaction, synced before the receipts are given. */
export class States implements OrderStates {
  readonly #database: DatabaseSync;
  readonly #lock: WriteLock;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #receivedIds: ReceivedIds;
  /** The statements of lists, by their filters. There are as many as combinations of filters. */
  readonly #lists = new Map<string, StatementSync>();
  readonly #wal: WalSync;
  #closed: Promise<void> | null = null;

  constructor({ database, wal, lock, receivedIds }: OpenFile) {
    this.#database = database;
    this.#wal = wal;
    this.#lock = lock;
    this.#receivedIds = receivedIds;
    this.#statements = prepare(database);
  }

  async receive(deliveries: readonly ReceivedDelivery[]): Promise<Receipt[]> {
    if (this.#wal.failure !== null) throw this.#wal.failure;
    const receipts = await this.#lock.take(() => {
      this.#statements.begin.run();
      return this.#commit(deliveries);
    });
    await this.#wal.sync();
    return receipts;
  }

  #commit(deliveries: readonly ReceivedDelivery[]): Receipt[] {
    try {
      this.#receivedIds.catchUp();
      const receipts = deliveries.map((delivery) => this.#receiveOne(delivery));
      this.#receivedIds.mergeSome();
      this.#statements.commit.run();
      return receipts;
    } catch (error) {
      this.#receivedIds.forget();
      // SQLite has already rolled back by itself after a full disk.
      if (this.#database.isOpen && this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw notStored(error);
    }
  }

  #receiveOne({ deliveryId, state, replaces = null, receivedAtMs }: ReceivedDelivery): Receipt {
    const payloadHash = payloadHashOf(state);
    const sequence = this.#receivedIds.sequenceOf(deliveryId);
    if (sequence !== undefined) return this.#receiveAgain(sequence, deliveryId, state, payloadHash);
    const effect = replaces === null ? this.#apply(state) : this.#repair(state, replaces);
    this.#statements.record.run(
      this.#receivedIds.add(deliveryId),
      deliveryId,
      state.order_id,
      state.version,
      payloadHash,
      effect,
      timestampOf(receivedAtMs),
    );
    return { effect, heldVersion: effect === 'applied' ? state.version : this.#heldVersion(state.order_id) };
  }

  #receiveAgain(sequence: number, deliveryId: string, state: OrderState, payloadHash: string): Receipt {
    const row = this.#statements.known.get(sequence, deliveryId);
    // Another program has changed the tables. The id is not taken for a new one, because it may have had its effect.
    if (row === undefined)
      throw new TributaryError(
        'store_refused',
        `the receipt of ${deliveryId} is not at sequence ${sequence}`,
      );
    const known = {
      payloadHash: String(row.payload_hash),
      effect: row.effect === 'applied' ? ('applied' as const) : ('ignored' as const),
    };
    const held = this.#read(state.order_id);
    const effect = effectOfKnown(state, payloadHash, known, held);
    if (effect !== 'repaired') return { effect, heldVersion: held?.version ?? null };
    this.#write(this.#statements.restore, state);
    this.#statements.repeat.run(this.#receivedIds.add(deliveryId), sequence);
    return { effect, heldVersion: state.version };
  }

  /** Does what `effectOfNew` says, by the condition of the statement itself. */
  #apply(state: OrderState): 'applied' | 'ignored' {
    return this.#write(this.#statements.apply, state) ? 'applied' : 'ignored';
  }

  #repair(state: OrderState, replaces: string): 'applied' | 'ignored' {
    const effect = effectOfNew(state, replaces, this.#read(state.order_id));
    if (effect === 'applied') this.#write(this.#statements.restore, state);
    return effect;
  }

  /** Answers whether the row was written. */
  #write(statement: StatementSync, state: OrderState): boolean {
    const { changes } = statement.run(
      state.order_id,
      state.order_status,
      state.payment_status,
      state.review_status,
      state.ready_to_send ? 1 : 0,
      state.version,
    );
    return changes === 1;
  }

  #heldVersion(orderId: string): number | null {
    const row = this.#statements.version.get(orderId);
    return row === undefined ? null : Number(row.version);
  }

  #read(orderId: string): OrderState | null {
    const row = this.#statements.order.get(orderId);
    return row === undefined ? null : stateOf(row);
  }

  async read(orderId: string): Promise<OrderState | null> {
    return this.#read(orderId);
  }

  async list({ after, limit, filters }: ListQuery): Promise<ListPage> {
    const from = after ?? '';
    const conditions = Object.entries(filters).filter(([, value]) => value !== undefined);
    const values = conditions.map(([, value]) => (typeof value === 'boolean' ? Number(value) : value));
    const horizon = conditions.length === 0 ? null : this.#statements.horizon.get(from, SCANNED_ROWS_MAX);
    if (horizon?.count === 0) return { states: [], next: null };
    const bound = horizon === null ? [] : [horizon?.last as string];
    const statement = this.#listStatement(conditions.map(([column]) => column));
    const states = statement.all(from, ...bound, ...values, limit + 1).map(stateOf);
    if (states.length > limit)
      return { states: states.slice(0, limit), next: states[limit - 1]?.order_id ?? null };
    return { states, next: horizon?.count === SCANNED_ROWS_MAX ? String(horizon.last) : null };
  }

  #listStatement(columns: readonly string[]): StatementSync {
    const where = columns.map((column) => ` AND ${column} IS ?`).join('');
    let statement = this.#lists.get(where);
    if (statement === undefined) {
      const bound = columns.length === 0 ? '' : ' AND order_id <= ?';
      statement = this.#database.prepare(
        `SELECT * FROM orders WHERE order_id > ?${bound}${where} ORDER BY order_id LIMIT ?`,
      );
      this.#lists.set(where, statement);
    }
    return statement;
  }

  async changesAfter(receiptNumber: number, limit: number): Promise<ChangePage> {
    const end = Math.min(await this.lastReceiptNumber(), receiptNumber + SCANNED_ROWS_MAX);
    const rows = this.#statements.changes.all(receiptNumber, end, limit);
    const changes = rows.map((row) => ({ receiptNumber: Number(row.sequence), state: stateOf(row) }));
    const isFull = changes.length === limit;
    return {
      changes,
      receiptNumber: (isFull ? changes.at(-1)?.receiptNumber : null) ?? Math.max(receiptNumber, end),
    };
  }

  async lastReceiptNumber(): Promise<number> {
    return Number(this.#statements.lastReceiptNumber.get()?.last);
  }

  async health(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }> {
    if (this.#wal.failure !== null) return { ok: false, reason: this.#wal.failure.message };
    try {
      this.#statements.order.get('');
      if (this.#lock.isHeld) await this.#lock.take(() => this.#database.exec('BEGIN IMMEDIATE; ROLLBACK'));
      return { ok: true };
    } catch (error) {
      if (error instanceof TributaryError) return { ok: false, reason: error.message };
      return { ok: false, reason: `The database does not answer: ${messageOf(error)}.` };
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#wal.close().then(() => this.#database.close());
    return this.#closed;
  }
}

/** A mistake of the program passes as it is: it says nothing about the database. */
function notStored(cause: unknown): unknown {
  if (isProgramError(cause)) return cause;
  return new TributaryError('store_failed', `The delivery could not be stored: ${messageOf(cause)}.`, {
    cause,
  });
}

const WRITE = `
  INSERT INTO orders (order_id, order_status, payment_status, review_status, ready_to_send, version)
  VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (order_id) DO UPDATE SET
    order_status = excluded.order_status, payment_status = excluded.payment_status,
    review_status = excluded.review_status, ready_to_send = excluded.ready_to_send, version = excluded.version`;

function prepare(database: DatabaseSync) {
  return {
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    record: database.prepare(
      `INSERT INTO delivery_receipts
         (sequence, delivery_id, order_id, version, payload_hash, effect, received_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    known: database.prepare(
      'SELECT payload_hash, effect FROM delivery_receipts WHERE sequence = ? AND delivery_id = ?',
    ),
    repeat: database.prepare(
      "UPDATE delivery_receipts SET effect = 'applied', sequence = ? WHERE sequence = ?",
    ),
    apply: database.prepare(`${WRITE} WHERE excluded.version > orders.version`),
    restore: database.prepare(WRITE),
    version: database.prepare('SELECT version FROM orders WHERE order_id = ?'),
    order: database.prepare('SELECT * FROM orders WHERE order_id = ?'),
    horizon: database.prepare(
      `SELECT MAX(order_id) AS last, COUNT(*) AS count
       FROM (SELECT order_id FROM orders WHERE order_id > ? ORDER BY order_id LIMIT ?)`,
    ),
    changes: database.prepare(
      `SELECT d.sequence, o.* FROM delivery_receipts d
       JOIN orders o ON o.order_id = d.order_id AND o.version = d.version
       WHERE d.sequence > ? AND d.sequence <= ? AND d.effect = 'applied' ORDER BY d.sequence LIMIT ?`,
    ),
    lastReceiptNumber: database.prepare('SELECT COALESCE(MAX(sequence), 0) AS last FROM delivery_receipts'),
  };
}

function stateOf(row: Row): OrderState {
  return {
    order_id: String(row.order_id),
    order_status: textOrNull(row.order_status),
    payment_status: textOrNull(row.payment_status),
    review_status: textOrNull(row.review_status),
    ready_to_send: row.ready_to_send === 1,
    version: Number(row.version),
  };
}

function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}

let stampedMs = Number.NaN;
let stamp = '';

/** RFC 3339 in UTC. The last text is kept, because many deliveries come in one millisecond and a date costs much to write. */
function timestampOf(timeMs: number): string {
  if (timeMs !== stampedMs) {
    stampedMs = timeMs;
    stamp = new Date(timeMs).toISOString();
  }
  return stamp;
}
