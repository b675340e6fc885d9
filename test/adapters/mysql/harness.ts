import mysql, { type RowDataPacket } from 'mysql2/promise';
import { openMysqlStore } from '../../../src/adapters/mysql/index.ts';
import type { StoreTime } from '../../../src/adapters/mysql/store-time.ts';
import { tableNames } from '../../../src/adapters/mysql/table-names.ts';
import type { OpenedStore } from '../../../src/ports/store.ts';
import type { StoreHarness, StoreSettings } from '../../contract/store.ts';
import { mysqlServer } from '../../helpers/mysql-server.ts';
import { createDatabase, type TestDatabase } from '../../services/context.ts';
import { KeptDatabase } from './kept-database.ts';

/** The store on one database server, in a database of its own for each `open`. */
export class MysqlHarness implements StoreHarness {
  readonly #serverUrl: () => string;
  readonly #prefix: string;
  #database: TestDatabase | null = null;
  #kept: KeptDatabase | null = null;
  readonly #stores: OpenedStore[] = [];

  /** The test's clock in place of the server's. */
  static timeOf({ clock, storeClock = clock }: StoreSettings): StoreTime | undefined {
    if (storeClock === 'own') return undefined;
    return {
      get sql() {
        return String(storeClock.now());
      },
      now: () => storeClock.now(),
      heard: Number,
    };
  }

  /**
   * `serverUrl` is called only when a test runs, because the services are not known before. `prefix` stands in front of the
   * tables' names; raw statements are written without it.
   */
  constructor(serverUrl: () => string, prefix = '') {
    this.#serverUrl = serverUrl;
    this.#prefix = prefix;
  }

  tableName(plain: string): string {
    return `${this.#prefix}${plain}`;
  }

  async open(settings: StoreSettings): Promise<OpenedStore> {
    this.#database = await createDatabase(this.#serverUrl());
    return this.openAgain(settings);
  }

  async openEmptied(settings: StoreSettings): Promise<OpenedStore> {
    if (this.#kept !== null && !(await this.#kept.empty())) await this.dropKept();
    this.#database = this.#kept?.database ?? (await createDatabase(this.#serverUrl()));
    return this.openAgain(settings);
  }

  async keep(): Promise<void> {
    if (this.#database !== null) this.#kept ??= await KeptDatabase.keep(this.#database);
  }

  async dropKept(): Promise<void> {
    await this.#kept?.database.drop();
    this.#kept = null;
  }

  async openAgain(settings: StoreSettings): Promise<OpenedStore> {
    const store = openMysqlStore({
      ...mysqlServer(this.url),
      logger: () => {},
      connections: 6,
      naming: { tablePrefix: this.#prefix },
      time: MysqlHarness.timeOf(settings),
      ...settings,
    });
    this.#stores.push(store);
    return store;
  }

  /** Registers a store that `cleanup` closes as well. */
  protected alsoClose(store: OpenedStore): void {
    this.#stores.push(store);
  }

  get url(): string {
    if (this.#database === null) throw new Error('Open a store first.');
    return this.#database.url;
  }

  async rawQuery(sql: string): Promise<Record<string, unknown>[]> {
    const connection = await mysql.createConnection({
      uri: this.url,
      timezone: 'Z',
      supportBigNumbers: true,
    });
    try {
      const [rows] = await connection.query<RowDataPacket[]>(tableNames(this.#prefix).in(sql));
      return rows;
    } finally {
      await connection.end();
    }
  }

  async makeOriginalOrdersTable(rows: Parameters<StoreHarness['makeOriginalOrdersTable']>[0]): Promise<void> {
    const connection = await mysql.createConnection({ uri: this.url });
    try {
      await connection.query(`
        CREATE TABLE orders (
            order_id VARCHAR(255) PRIMARY KEY,
            order_status VARCHAR(50),
            payment_status VARCHAR(50),
            review_status VARCHAR(50),
            ready_to_send BOOLEAN DEFAULT FALSE
        );`);
      if (rows.length > 0) await connection.query('INSERT INTO orders VALUES ?', [rows]);
    } finally {
      await connection.end();
    }
  }

  async cleanup(): Promise<void> {
    for (const store of this.#stores.splice(0)) await store.close();
    if (this.#database !== this.#kept?.database) await this.#database?.drop();
    this.#database = null;
  }
}
