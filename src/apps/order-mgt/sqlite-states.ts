import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { hasWal, WalSync } from '../../adapters/sqlite/wal-sync.ts';
import { WriteLock } from '../../adapters/sqlite/write-lock.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { messageOf, TributaryError } from '../../core/errors.ts';
import { whoHolds } from '../shared/lock-holder.ts';
import { effectOfKnown, effectOfNew } from './effect.ts';
import { type OrderState, payloadHashOf } from './order-state.ts';
import { RECEIVED_IDS_LIMITS, ReceivedIds, type ReceivedIdsLimits } from './received-ids.ts';
import {
  type ChangePage,
  type ListPage,
  type ListQuery,
  type OrderStates,
  type Receipt,
  type ReceivedDelivery,
  SCANNED_ROWS_MAX,
} from './states.ts';

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
  // In the sequence of their receipt the rows are only ever added at the end, which costs far less than among
  // random ids; and the sequence says in which the orders changed.
  `CREATE TABLE deliveries_in_sequence (
     sequence     INTEGER PRIMARY KEY,
     delivery_id  TEXT NOT NULL UNIQUE,
     order_id     TEXT NOT NULL,
     version      INTEGER NOT NULL,
     payload_hash TEXT NOT NULL,
     effect       TEXT NOT NULL CHECK (effect IN ('applied', 'ignored')),
     received_at  TEXT NOT NULL
   ) STRICT;
   INSERT INTO deliveries_in_sequence (delivery_id, order_id, version, payload_hash, effect, received_at)
     SELECT delivery_id, order_id, version, payload_hash, effect, received_at
     FROM deliveries_received ORDER BY received_at, version;
   DROP TABLE deliveries_received;
   ALTER TABLE deliveries_in_sequence RENAME TO deliveries_received;`,
  // No receipt is written with an index of random ids any more: see received-ids.ts. The name stays, as a view, for
  // whoever looks from outside. And a program of the last schema that still has the file open would add an id a second
  // time now that no index forbids it: as it writes to that name, each of its statements fails.
  `CREATE TABLE delivery_receipts (
     sequence     INTEGER PRIMARY KEY,
     delivery_id  TEXT NOT NULL,
     order_id     TEXT NOT NULL,
     version      INTEGER NOT NULL,
     payload_hash TEXT NOT NULL,
     effect       TEXT NOT NULL CHECK (effect IN ('applied', 'ignored')),
     received_at  TEXT NOT NULL
   ) STRICT;
   INSERT INTO delivery_receipts (sequence, delivery_id, order_id, version, payload_hash, effect, received_at)
     SELECT sequence, delivery_id, order_id, version, payload_hash, effect, received_at
     FROM deliveries_received ORDER BY sequence;
   CREATE TABLE delivery_ids (
     delivery_id TEXT PRIMARY KEY NOT NULL,
     sequence    INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   INSERT INTO delivery_ids (delivery_id, sequence)
     SELECT delivery_id, sequence FROM deliveries_received ORDER BY delivery_id;
   -- The receipts up to this sequence have their ids in delivery_ids.
   CREATE TABLE delivery_ids_end (
     id       INTEGER PRIMARY KEY CHECK (id = 1),
     sequence INTEGER NOT NULL
   ) STRICT;
   INSERT INTO delivery_ids_end (id, sequence) SELECT 1, COALESCE(MAX(sequence), 0) FROM delivery_receipts;
   DROP TABLE deliveries_received;
   CREATE VIEW deliveries_received AS
     SELECT sequence, delivery_id, order_id, version, payload_hash, effect, received_at FROM delivery_receipts;`,
];

/**
 * Keeps the states in one SQLite file, which is made if it is missing.
 * Throws `store_unreachable` if the file cannot be opened, `schema_too_new` if a newer program wrote it.
 */
export function openSqliteStates(file: string, limits: ReceivedIdsLimits = RECEIVED_IDS_LIMITS): OrderStates {
  const database = open(file);
  try {
    return new SqliteStates(file, database, WalSync.of(database), limits);
  } catch (error) {
    database.close();
    throw error;
  }
}

/** While another process is at work on the file: at the start, */
const OPENING_LOCK_WAIT_MS = 5_000;
/** and later. This wait holds up the whole program; `WriteLock` waits longer, and holds up only the deliveries. */
const BLOCKING_LOCK_WAIT_MS = 2;

function open(file: string): DatabaseSync {
  let database: DatabaseSync;
  try {
    mkdirSync(dirname(file), { recursive: true });
    database = new DatabaseSync(file, { timeout: OPENING_LOCK_WAIT_MS });
    // WalSync waits for the disk before a receipt is given, so that a COMMIT need not.
    const answer = database.prepare('PRAGMA journal_mode = WAL').get();
    if (database.location() !== null && !hasWal(answer))
      throw new Error('it can have no write-ahead log there');
    database.exec(
      'PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16000; PRAGMA cache_size = -65536; PRAGMA wal_checkpoint(PASSIVE);',
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
    database.exec(`PRAGMA busy_timeout = ${BLOCKING_LOCK_WAIT_MS}`);
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

type Row = Record<string, SQLOutputValue>;

class SqliteStates implements OrderStates {
  readonly #database: DatabaseSync;
  readonly #lock: WriteLock;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #receivedIds: ReceivedIds;
  /** Lists of other filters are other statements; there are no more than the filters' combinations. */
  readonly #lists = new Map<string, StatementSync>();
  readonly #wal: WalSync;
  #closed: Promise<void> | null = null;

  constructor(file: string, database: DatabaseSync, wal: WalSync, limits: ReceivedIdsLimits) {
    this.#lock = new WriteLock(file, systemClock, whoHolds);
    this.#database = database;
    this.#statements = prepare(database);
    this.#receivedIds = new ReceivedIds(database, limits);
    this.#wal = wal;
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
      // After a full disk SQLite has rolled back by itself already.
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
    // Somebody else has been at the tables. To take the id for a new one might give it a second effect.
    if (row === undefined) throw new Error(`the receipt of ${deliveryId} is not at sequence ${sequence}`);
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

  /** As `effectOfNew` has it, by the statement's own condition. */
  #apply(state: OrderState): 'applied' | 'ignored' {
    return this.#write(this.#statements.apply, state) ? 'applied' : 'ignored';
  }

  #repair(state: OrderState, replaces: string): 'applied' | 'ignored' {
    const effect = effectOfNew(state, replaces, this.#read(state.order_id));
    if (effect === 'applied') this.#write(this.#statements.restore, state);
    return effect;
  }

  /** Says whether the row was written. */
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

  async changesAfter(position: number, limit: number): Promise<ChangePage> {
    const end = Math.min(await this.lastPosition(), position + SCANNED_ROWS_MAX);
    const rows = this.#statements.changes.all(position, end, limit);
    const changes = rows.map((row) => ({ position: Number(row.sequence), state: stateOf(row) }));
    const isFull = changes.length === limit;
    return { changes, position: (isFull ? changes.at(-1)?.position : null) ?? Math.max(position, end) };
  }

  async lastPosition(): Promise<number> {
    return Number(this.#statements.lastPosition.get()?.last);
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

function notStored(cause: unknown): TributaryError {
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
    lastPosition: database.prepare('SELECT COALESCE(MAX(sequence), 0) AS last FROM delivery_receipts'),
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

/** RFC 3339 in UTC. Many deliveries come in one millisecond, and a date is dear to write. */
function timestampOf(timeMs: number): string {
  if (timeMs !== stampedMs) {
    stampedMs = timeMs;
    stamp = new Date(timeMs).toISOString();
  }
  return stamp;
}
