import { hash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, TributaryError } from '../../core/errors.ts';
import type { OrderState } from './order-state.ts';
import type { OrderStates, Receipt, ReceivedDelivery } from './states.ts';

/** One step each; `user_version` counts those that have run. A step that was released is never changed. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE orders (
     order_id       TEXT PRIMARY KEY NOT NULL,
     order_status   TEXT,
     payment_status TEXT,
     review_status  TEXT,
     ready_to_send  INTEGER NOT NULL,
     version        INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   -- One row for each delivery id, for ever: the proof that each id had one effect.
   CREATE TABLE deliveries_received (
     delivery_id  TEXT PRIMARY KEY NOT NULL,
     order_id     TEXT NOT NULL,
     version      INTEGER NOT NULL,
     payload_hash TEXT NOT NULL,
     effect       TEXT NOT NULL CHECK (effect IN ('applied', 'ignored')),
     received_at  TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;`,
];

/**
 * Keeps the states in one SQLite file, which is made if it is missing. Several processes may use it at once.
 * Throws `store_unreachable` if the file cannot be opened, `schema_too_new` if a newer program wrote it.
 */
export function openSqliteStates(file: string): OrderStates {
  return new SqliteStates(open(file));
}

function open(file: string): DatabaseSync {
  let database: DatabaseSync;
  try {
    mkdirSync(dirname(file), { recursive: true });
    database = new DatabaseSync(file, { timeout: 5_000 });
    // FULL: a COMMIT is on disk before it is answered, so that not even a power cut takes back a receipt.
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -65536;',
    );
  } catch (error) {
    throw new TributaryError(
      'store_unreachable',
      `The database ${file} cannot be opened (${messageOf(error)}): check the folder and its permissions, or name another file by ORDER_MGT_DATABASE_URL.`,
      { cause: error },
    );
  }
  try {
    migrate(database, file);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function migrate(database: DatabaseSync, file: string): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    const found = Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
    if (found > MIGRATIONS.length) {
      throw new TributaryError(
        'schema_too_new',
        `The database ${file} has schema ${found}, and this program knows ${MIGRATIONS.length}: start the newer program.`,
      );
    }
    for (const step of MIGRATIONS.slice(found)) database.exec(step);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

class SqliteStates implements OrderStates {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepare>;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = prepare(database);
  }

  async receive(deliveries: readonly ReceivedDelivery[]): Promise<Receipt[]> {
    try {
      this.#statements.begin.run();
      const receipts = deliveries.map((delivery) => this.#receiveOne(delivery));
      this.#statements.commit.run();
      return receipts;
    } catch (error) {
      // After a full disk SQLite has rolled back by itself already.
      if (this.#database.isOpen && this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw new TributaryError('store_failed', `The delivery could not be stored: ${messageOf(error)}.`, {
        cause: error,
      });
    }
  }

  #receiveOne({ deliveryId, state, receivedAtMs }: ReceivedDelivery): Receipt {
    const { order_id: orderId, version } = state;
    const payloadHash = payloadHashOf(state);
    const receivedAt = new Date(receivedAtMs).toISOString();
    const isNew =
      this.#statements.record.run(deliveryId, orderId, version, payloadHash, orderId, version, receivedAt)
        .changes === 1;
    if (!isNew) {
      const known = this.#statements.payloadHash.get(deliveryId)?.payload_hash;
      const effect = known === payloadHash ? 'duplicate' : 'payload_differs';
      return { effect, heldVersion: this.#heldVersion(orderId) };
    }
    const { order_status, payment_status, review_status, ready_to_send } = state;
    const isApplied =
      this.#statements.apply.run(
        orderId,
        order_status,
        payment_status,
        review_status,
        ready_to_send ? 1 : 0,
        version,
      ).changes === 1;
    return isApplied
      ? { effect: 'applied', heldVersion: version }
      : { effect: 'ignored', heldVersion: this.#heldVersion(orderId) };
  }

  #heldVersion(orderId: string): number | null {
    const version = this.#statements.order.get(orderId)?.version;
    return version === undefined ? null : Number(version);
  }

  async read(orderId: string): Promise<OrderState | null> {
    const row = this.#statements.order.get(orderId);
    if (row === undefined) return null;
    return {
      order_id: String(row.order_id),
      order_status: textOrNull(row.order_status),
      payment_status: textOrNull(row.payment_status),
      review_status: textOrNull(row.review_status),
      ready_to_send: row.ready_to_send === 1,
      version: Number(row.version),
    };
  }

  async health(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }> {
    try {
      this.#statements.order.get('');
      return { ok: true };
    } catch (error) {
      return { ok: false, reason: `The database does not answer: ${messageOf(error)}.` };
    }
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
  }
}

function prepare(database: DatabaseSync) {
  return {
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    record: database.prepare(
      `INSERT INTO deliveries_received (delivery_id, order_id, version, payload_hash, effect, received_at)
       VALUES (?, ?, ?, ?,
         CASE WHEN EXISTS (SELECT 1 FROM orders WHERE order_id = ? AND version >= ?)
           THEN 'ignored' ELSE 'applied' END, ?)
       ON CONFLICT DO NOTHING`,
    ),
    payloadHash: database.prepare('SELECT payload_hash FROM deliveries_received WHERE delivery_id = ?'),
    apply: database.prepare(
      `INSERT INTO orders (order_id, order_status, payment_status, review_status, ready_to_send, version)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (order_id) DO UPDATE SET
         order_status = excluded.order_status, payment_status = excluded.payment_status,
         review_status = excluded.review_status, ready_to_send = excluded.ready_to_send,
         version = excluded.version
       WHERE excluded.version > orders.version`,
    ),
    order: database.prepare('SELECT * FROM orders WHERE order_id = ?'),
  };
}

/** Over what is acted upon, in one fixed form: other spacing or a new field is the same payload. */
export function payloadHashOf(state: OrderState): string {
  return hash(
    'sha256',
    JSON.stringify([
      state.order_id,
      state.order_status,
      state.payment_status,
      state.review_status,
      state.ready_to_send,
      state.version,
    ]),
    'hex',
  );
}

function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}
