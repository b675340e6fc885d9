import type { Clock } from '../../../src/ports/clock.ts';
import type { OpenedStore } from '../../../src/ports/store.ts';
import type { StoreSession } from '../../../src/testing/memory-store/connection.ts';
import { MemoryDatabase } from '../../../src/testing/memory-store/database.ts';
import { ForeignTable } from '../../../src/testing/memory-store/foreign-table.ts';
import { openMemoryStore } from '../../../src/testing/memory-store/opened-store.ts';
import type { StoreHarness, StoreSettings } from '../../contract/store.ts';
import { runRawSql } from './raw-sql.ts';

/** The store in memory, on a database of its own for each `open`. */
export class MemoryHarness implements StoreHarness {
  readonly isSimulated = true;
  /** The time of the database server. */
  readonly #serverTime: Pick<Clock, 'now'>;
  readonly #makeSession: (() => StoreSession) | undefined;
  #database: MemoryDatabase | null = null;
  readonly #stores: OpenedStore[] = [];

  /** With `makeSession`, each store has a session of its own. */
  constructor(serverTime: Pick<Clock, 'now'>, makeSession?: () => StoreSession) {
    this.#serverTime = serverTime;
    this.#makeSession = makeSession;
  }

  get database(): MemoryDatabase {
    if (this.#database === null) throw new Error('Open a store first.');
    return this.#database;
  }

  async open(settings: StoreSettings): Promise<OpenedStore> {
    this.#database = new MemoryDatabase();
    return this.openAgain(settings);
  }

  async openAgain({ clock, targets, storeClock = clock }: StoreSettings): Promise<OpenedStore> {
    const time = storeClock === 'own' ? this.#serverTime : storeClock;
    const session = this.#makeSession?.();
    const options = { database: this.database, clock, targets, time };
    const store = openMemoryStore(session === undefined ? options : { ...options, session });
    this.#stores.push(store);
    return store;
  }

  async rawQuery(sql: string): Promise<Record<string, unknown>[]> {
    return runRawSql(this.database, sql);
  }

  async makeOriginalOrdersTable(rows: Parameters<StoreHarness['makeOriginalOrdersTable']>[0]): Promise<void> {
    runRawSql(
      this.database,
      'CREATE TABLE orders (order_id VARCHAR(255) PRIMARY KEY, order_status VARCHAR(50), payment_status VARCHAR(50), ' +
        'review_status VARCHAR(50), ready_to_send BOOLEAN DEFAULT FALSE)',
    );
    const table = this.database.tables.get('orders');
    if (!(table instanceof ForeignTable)) throw new Error('The table of the original program is missing.');
    for (const [order_id, order_status, payment_status, review_status, ready] of rows)
      table.rows.push({
        order_id,
        order_status,
        payment_status,
        review_status,
        ready_to_send: Number(ready),
      });
  }

  async cleanup(): Promise<void> {
    for (const store of this.#stores.splice(0)) await store.close();
    this.#database = null;
  }
}
