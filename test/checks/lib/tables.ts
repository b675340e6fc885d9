/** Reads the product's tables in MySQL, MariaDB or SQLite with plain SQL. Shares no code with the product. */
import { DatabaseSync } from 'node:sqlite';
import mysql from 'mysql2';

export interface JournalRow {
  readonly entityId: string;
  readonly eventId: string;
  /** The content hash in hexadecimal digits. */
  readonly contentHash: string;
  readonly eventType: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly data: string;
}

export interface OrderRow {
  readonly orderId: string;
  readonly orderStatus: string | null;
  readonly paymentStatus: string | null;
  readonly reviewStatus: string | null;
  readonly readyToSend: boolean | null;
  readonly version: number;
}

const QUERIES = {
  journal:
    'SELECT entity_id, event_id, content_hash, event_type, topic, partition_id, record_offset, data FROM event_journal',
  orders: 'SELECT order_id, order_status, payment_status, review_status, ready_to_send, version FROM orders',
  quarantine: 'SELECT topic, partition_id, record_offset, reason FROM quarantine WHERE settled_as IS NULL',
  refusals:
    'SELECT topic, partition_id, record_offset, reason, detail FROM quarantine WHERE settled_as IS NULL',
  checkpoints: 'SELECT topic, partition_id, next_offset FROM checkpoints',
  parked: 'SELECT entity_id, reason, detail FROM parked_entities',
  pendingDeliveries: "SELECT COUNT(*) FROM deliveries WHERE status = 'pending'",
  deadDeliveries: "SELECT COUNT(*) FROM deliveries WHERE status = 'dead'",
} as const;

export class Tables {
  readonly #source: Source;
  readonly #journals: readonly Source[];
  readonly #ordersTable: string;

  /**
   * `databaseUrl` is `mysql://...` or `sqlite:file`. `orders()` reads `ordersTable`. `journal()` reads the servers of
   * `journalUrls`, if a proxy in front of them does not show the journal.
   */
  constructor(databaseUrl: string, ordersTable = 'orders', journalUrls: readonly string[] = []) {
    this.#ordersTable = ordersTable;
    this.#source = databaseUrl.startsWith('sqlite:')
      ? new SqliteSource(databaseUrl.slice('sqlite:'.length))
      : new MysqlSource(databaseUrl);
    this.#journals =
      journalUrls.length === 0 ? [this.#source] : journalUrls.map((url) => new MysqlSource(url));
  }

  async *journal(): AsyncGenerator<JournalRow> {
    for (const source of this.#journals) yield* this.#journalOf(source);
  }

  async *#journalOf(source: Source): AsyncGenerator<JournalRow> {
    for await (const row of source.rows(QUERIES.journal)) {
      const [entityId, eventId, contentHash, eventType, topic, partition, offset, data] = row;
      yield {
        entityId: text(entityId),
        eventId: text(eventId),
        contentHash:
          contentHash instanceof Uint8Array ? Buffer.from(contentHash).toString('hex') : text(contentHash),
        eventType: text(eventType),
        topic: text(topic),
        partition: Number(partition),
        offset: BigInt(offset as number),
        data: text(data),
      };
    }
  }

  async *orders(): AsyncGenerator<OrderRow> {
    for await (const row of this.#source.rows(
      QUERIES.orders.replace('FROM orders', `FROM ${this.#ordersTable}`),
    )) {
      const [orderId, orderStatus, paymentStatus, reviewStatus, readyToSend, version] = row;
      yield {
        orderId: text(orderId),
        orderStatus: textOrNull(orderStatus),
        paymentStatus: textOrNull(paymentStatus),
        reviewStatus: textOrNull(reviewStatus),
        readyToSend: readyToSend === null ? null : Number(readyToSend) === 1,
        version: Number(version),
      };
    }
  }

  /** Returns the reason of each open record in quarantine, by its place as `placeName` writes it. */
  async quarantine(): Promise<Map<string, string>> {
    const places = new Map<string, string>();
    for await (const [topic, partition, offset, reason] of this.#source.rows(QUERIES.quarantine)) {
      places.set(`${text(topic)}/${partition}@${offset}`, text(reason));
    }
    return places;
  }

  /** Returns the reason and the detail of each open record in quarantine, by its place as `placeName` writes it. */
  async refusals(): Promise<Map<string, string>> {
    const places = new Map<string, string>();
    for await (const [topic, partition, offset, reason, detail] of this.#source.rows(QUERIES.refusals)) {
      places.set(`${text(topic)}/${partition}@${offset}`, `${text(reason)}: ${text(detail)}`);
    }
    return places;
  }

  /** Returns the next offset of each partition, by `topic/partition`; empty while the table does not exist. */
  async checkpoints(): Promise<Map<string, bigint>> {
    const offsets = new Map<string, bigint>();
    try {
      for await (const [topic, partition, offset] of this.#source.rows(QUERIES.checkpoints)) {
        offsets.set(`${text(topic)}/${partition}`, BigInt(offset as number));
      }
    } catch (error) {
      if (!isMissingTable(error)) throw error;
    }
    return offsets;
  }

  /** Returns the parked entities; none while the table does not exist. */
  async parkedEntities(): Promise<{ readonly orderId: string; readonly reason: string }[]> {
    const parked: { readonly orderId: string; readonly reason: string }[] = [];
    try {
      for await (const [orderId, reason, detail] of this.#source.rows(QUERIES.parked)) {
        parked.push({ orderId: text(orderId), reason: `${text(reason)}: ${text(detail)}` });
      }
    } catch (error) {
      if (!isMissingTable(error)) throw error;
    }
    return parked;
  }

  async pendingDeliveries(): Promise<number> {
    return this.#count(QUERIES.pendingDeliveries);
  }

  /** Describes each pending delivery in a line: its attempts, when the next one is due, and its last error. */
  async pendingLines(): Promise<readonly string[]> {
    const lines: string[] = [];
    const sql =
      "SELECT entity_id, attempts, next_attempt_at, last_error FROM deliveries WHERE status = 'pending' ORDER BY entity_id";
    for await (const [entityId, attempts, next, error] of this.#source.rows(sql))
      lines.push(
        `${text(entityId)}: ${attempts} attempts, next at ${next}, last error ${error === null ? 'none' : text(error)}`,
      );
    return lines;
  }

  async deadDeliveries(): Promise<number> {
    return this.#count(QUERIES.deadDeliveries);
  }

  async count(table: 'event_journal' | 'orders'): Promise<number> {
    return this.#count(`SELECT COUNT(*) FROM ${table}`);
  }

  /** Yields the entity of each attempt at a delivery since this moment. */
  async *attemptedSince(sinceMs: number): AsyncGenerator<string> {
    const sql = `SELECT entity_id FROM delivery_attempts WHERE attempted_at >= ${Math.floor(sinceMs)}`;
    for await (const [entityId] of this.#source.rows(sql)) yield text(entityId);
  }

  /** Returns the phase of the view: steady, switching or settling. */
  async viewPhase(): Promise<string> {
    for await (const [phase] of this.#source.rows('SELECT phase FROM view_states')) return text(phase);
    throw new Error('The table view_states has no row');
  }

  async #count(sql: string): Promise<number> {
    for await (const [count] of this.#source.rows(sql)) return Number(count);
    throw new Error(`${sql} returned no row`);
  }

  async close(): Promise<void> {
    for (const source of new Set([this.#source, ...this.#journals])) await source.close();
  }
}

/** Opens the tables of an order-mgt. On MySQL and MariaDB its table of orders has another name. */
export function targetTables(databaseUrl: string): Tables {
  return new Tables(databaseUrl, databaseUrl.startsWith('sqlite:') ? 'orders' : 'orders_received');
}

interface Source {
  rows(sql: string): AsyncIterable<unknown[]>;
  close(): Promise<void>;
}

class MysqlSource implements Source {
  readonly #pool: mysql.Pool;

  constructor(url: string) {
    this.#pool = mysql.createPool({ uri: url, connectionLimit: 2, rowsAsArray: true, charset: 'utf8mb4' });
  }

  rows(sql: string): AsyncIterable<unknown[]> {
    return this.#pool.query({ sql, rowsAsArray: true }).stream({ highWaterMark: 1_000 });
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pool.end((error) => (error === null || error === undefined ? resolve() : reject(error)));
    });
  }
}

class SqliteSource implements Source {
  readonly #file: string;
  #database: DatabaseSync | null = null;

  constructor(file: string) {
    this.#file = file;
  }

  async *rows(sql: string): AsyncGenerator<unknown[]> {
    this.#database ??= new DatabaseSync(this.#file, { readOnly: true, timeout: 10_000 });
    const statement = this.#database.prepare(sql);
    statement.setReadBigInts(true);
    for (const row of statement.iterate()) yield Object.values(row);
  }

  async close(): Promise<void> {
    this.#database?.close();
    this.#database = null;
  }
}

function isMissingTable(error: unknown): boolean {
  const message = error instanceof Error ? error.message : '';
  return /doesn't exist|no such table|unable to open database file/.test(message);
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  throw new Error(`A column holds ${value === null ? 'NULL' : typeof value} instead of a text`);
}

function textOrNull(value: unknown): string | null {
  return value === null ? null : text(value);
}
