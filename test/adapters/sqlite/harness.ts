import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import { MachineTime, type StoreTime } from '../../../src/adapters/sqlite/store-time.ts';
import { tableNames } from '../../../src/adapters/sqlite/table-names.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { OpenedStore } from '../../../src/ports/store.ts';
import type { StoreHarness, StoreSettings } from '../../contract/store.ts';

/** This clock in place of the machine's, so that a test moves the leases too. */
export function timeBy(clock: Pick<Clock, 'now'>): StoreTime {
  return { now: () => clock.now(), shown: (_, atMs) => atMs, leaseNow: () => clock.now(), fix: () => {} };
}

/** Gives all stores of the file one time: processes that share a file are on one machine with one clock. */
function timeOf({ clock, storeClock = clock }: StoreSettings): StoreTime {
  return storeClock === 'own' ? new MachineTime(systemClock) : timeBy(storeClock);
}

/** The SQLite store in a temporary folder of its own for each `open`. */
export class SqliteHarness implements StoreHarness {
  #folder: string | null = null;
  readonly #folders: string[] = [];
  readonly #stores: OpenedStore[] = [];
  readonly #prefix: string;

  readonly #threadEvents: number | undefined;

  /**
   * `prefix`: stands in front of the tables' names. Raw statements are written without it. `threadEvents`: as in the options
   * of the store.
   */
  constructor(prefix = '', threadEvents?: number) {
    this.#prefix = prefix;
    this.#threadEvents = threadEvents;
  }

  tableName(plain: string): string {
    return `${this.#prefix}${plain}`;
  }

  async open(settings: StoreSettings): Promise<OpenedStore> {
    this.#folder = await mkdtemp(join(tmpdir(), 'tributary-store-'));
    this.#folders.push(this.#folder);
    return this.openAgain(settings);
  }

  async openAgain(settings: StoreSettings): Promise<OpenedStore> {
    const naming = { tablePrefix: this.#prefix };
    const own = { file: this.file, time: timeOf(settings), naming, threadEvents: this.#threadEvents };
    const store = openSqliteStore({ ...own, ...settings });
    this.#stores.push(store);
    return store;
  }

  get file(): string {
    if (this.#folder === null) throw new Error('Open a store first.');
    return join(this.#folder, 'store.db');
  }

  async rawQuery(sql: string): Promise<Record<string, unknown>[]> {
    const named = tableNames(this.#prefix).in(sql);
    return this.#withDatabase((database) => database.prepare(named).all());
  }

  async makeOriginalOrdersTable(rows: Parameters<StoreHarness['makeOriginalOrdersTable']>[0]): Promise<void> {
    this.#withDatabase((database) => {
      database.exec(`
        CREATE TABLE orders (
            order_id VARCHAR(255) PRIMARY KEY,
            order_status VARCHAR(50),
            payment_status VARCHAR(50),
            review_status VARCHAR(50),
            ready_to_send BOOLEAN DEFAULT FALSE
        );`);
      const insert = database.prepare('INSERT INTO orders VALUES (?, ?, ?, ?, ?)');
      database.exec('BEGIN');
      for (const [id, order, payment, review, ready] of rows)
        insert.run(id, order, payment, review, Number(ready));
      database.exec('COMMIT');
    });
  }

  async cleanup(): Promise<void> {
    for (const store of this.#stores.splice(0)) await store.close();
    for (const folder of this.#folders.splice(0)) await rm(folder, { recursive: true, force: true });
    this.#folder = null;
  }

  #withDatabase<T>(work: (database: DatabaseSync) => T): T {
    const database = new DatabaseSync(this.file, { timeout: 1_000 });
    try {
      return work(database);
    } finally {
      database.close();
    }
  }
}
