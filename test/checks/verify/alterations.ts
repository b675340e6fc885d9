/** Alters rows, entries of the ledger and states of the target by plain SQL, as a person would. */
import { DatabaseSync } from 'node:sqlite';
import mysql from 'mysql2/promise';

type Row = Readonly<Record<string, unknown>>;

const LOCK_PATIENCE_MS = 20_000;
const TARGET = 'order-mgt';

/** A database of order-sync or of order-mgt, and SQL in its dialect. */
export class Sql {
  readonly #sqlite: DatabaseSync | null;
  readonly #mysql: mysql.Pool | null;

  /** `url` is `mysql://...` or `sqlite:file`. */
  constructor(url: string) {
    const isSqlite = url.startsWith('sqlite:');
    this.#sqlite = isSqlite
      ? new DatabaseSync(url.slice('sqlite:'.length), { timeout: LOCK_PATIENCE_MS })
      : null;
    this.#mysql = isSqlite ? null : mysql.createPool({ uri: url, charset: 'utf8mb4', connectionLimit: 1 });
  }

  async run(sql: string): Promise<void> {
    if (this.#sqlite !== null) this.#sqlite.exec(sql);
    else await this.#mysql?.query(sql);
  }

  async rows(sql: string): Promise<readonly Row[]> {
    if (this.#sqlite !== null) return this.#sqlite.prepare(sql).all();
    const [rows] = (await this.#mysql?.query<mysql.RowDataPacket[]>(sql)) ?? [[]];
    return rows;
  }

  async close(): Promise<void> {
    this.#sqlite?.close();
    await this.#mysql?.end();
  }
}

type Alteration = (id: string) => string;

const setRow =
  (set: string): Alteration =>
  (id) =>
    `UPDATE orders SET ${set} WHERE order_id = '${id}'`;
const setEntry =
  (set: string): Alteration =>
  (id) =>
    `UPDATE deliveries SET ${set} WHERE target = '${TARGET}' AND entity_id = '${id}'`;

/** What is done to rows, one after the other. Each order is ready and delivered. */
const ROWS: readonly Alteration[] = [
  setRow('order_status = NULL'),
  setRow("payment_status = 'PAYMENT_AUTHORISED'"),
  setRow("review_status = 'DECLINED'"),
  setRow('ready_to_send = 0'),
  setRow('version = version + 3'),
  setRow('version = version - 1'),
  (id) => `DELETE FROM orders WHERE order_id = '${id}'`,
  (id) =>
    `INSERT INTO orders (order_id, order_status, ready_to_send, version) VALUES ('extra-${id}', 'CREATED', 0, 7)`,
];

const ENTRIES: readonly Alteration[] = [
  (id) => `DELETE FROM deliveries WHERE target = '${TARGET}' AND entity_id = '${id}'`,
  setEntry('due_version = due_version + 1'),
  setEntry('due_version = due_version - 1'),
  setEntry('delivered_version = delivered_version + 5'),
  setEntry('delivered_version = delivered_version - 1'),
  setEntry('due_version = due_version + 1, delivered_version = delivered_version + 1'),
  setEntry("status = 'pending'"),
  setEntry("status = 'dead'"),
];

/** `orders` is the table of order-mgt on SQLite. */
const STATES: readonly Alteration[] = [
  (id) => `DELETE FROM orders WHERE order_id = '${id}'`,
  setRow('version = version - 1'),
  setRow("payment_status = 'AUTHORIZATION_REVIEW_DECLINED'"),
  setRow('ready_to_send = 0'),
  setRow('order_status = NULL'),
];

export interface Altered {
  readonly rows: number;
  readonly entries: number;
  readonly states: number;
}

/** Alters one thing of each order: of the first ones rows, then entries, then states of the target. */
export async function alter(store: Sql, target: Sql, ids: readonly string[]): Promise<Altered> {
  const rows = ids.slice(0, Math.ceil(ids.length * 0.4));
  const entries = ids.slice(rows.length, rows.length + Math.ceil(ids.length * 0.3));
  const states = ids.slice(rows.length + entries.length);
  const each = async (sql: Sql, some: readonly string[], alterations: readonly Alteration[]) => {
    for (const [index, id] of some.entries()) {
      const alteration = alterations[index % alterations.length];
      if (alteration !== undefined) await sql.run(alteration(id));
    }
  };
  await each(store, rows, ROWS);
  await each(store, entries, ENTRIES);
  await each(target, states, STATES);
  return { rows: rows.length, entries: entries.length, states: states.length };
}

/** What store and target say of each of these orders, as one line of text. */
export async function statesOf(
  store: Sql,
  target: Sql,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const list = ids.map((id) => `'${id}'`).join(', ');
  const found = new Map<string, string>();
  const add = (id: string, words: readonly unknown[]) =>
    found.set(
      id,
      `${found.get(id) ?? ''}${words.map((word) => (word === null ? '-' : text(word))).join(' ')}\n`,
    );
  const columns = 'order_id, order_status, payment_status, review_status, ready_to_send, version';
  const states = `SELECT ${columns} FROM orders WHERE order_id IN (${list})`;
  for (const sql of [store, target])
    for (const row of await sql.rows(states)) add(text(row.order_id), Object.values(row).slice(1));
  const entries = await store.rows(
    `SELECT entity_id, status, due_version, delivered_version FROM deliveries WHERE target = '${TARGET}' AND entity_id IN (${list})`,
  );
  for (const row of entries) add(text(row.entity_id), Object.values(row).slice(1));
  return found;
}

function text(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value);
}
