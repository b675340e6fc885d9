import { readFileSync } from 'node:fs';
import mysql, { type RowDataPacket } from 'mysql2/promise';
import { openMysqlStore } from '../../../src/adapters/mysql/index.ts';
import type { OpenedStore } from '../../../src/ports/store.ts';
import type { StoreHarness, StoreSettings } from '../../contract/store.ts';
import { mysqlServer } from '../../helpers/mysql-server.ts';
import type { ShardedDatabase } from '../../services/shardingsphere.ts';
import { MysqlHarness } from './harness.ts';
import { KeptDatabase } from './kept-database.ts';

/** The view that people read, which users make on each server. */
const VIEW = readFileSync(new URL('../../../docs/shardingsphere/event_journal.sql', import.meta.url), 'utf8');

/** The store on two MySQL servers behind a proxy. All tests share one schema, because the proxy's rules name it. */
export class ShardedHarness implements StoreHarness {
  readonly isDistributed = true;
  readonly #sharded: () => ShardedDatabase;
  #kept: readonly KeptDatabase[] = [];
  readonly #stores: OpenedStore[] = [];

  /** `sharded` is called only when a test runs, because the servers are not known before. */
  constructor(sharded: () => ShardedDatabase) {
    this.#sharded = sharded;
  }

  async open(settings: StoreSettings): Promise<OpenedStore> {
    this.#kept = [];
    await this.#sharded().empty();
    return this.openAgain(settings);
  }

  async openEmptied(settings: StoreSettings): Promise<OpenedStore> {
    const emptied = await Promise.all(this.#kept.map((kept) => kept.empty()));
    if (emptied.length > 0 && emptied.every(Boolean)) return this.openAgain(settings);
    return this.open(settings);
  }

  async keep(): Promise<void> {
    if (this.#kept.length > 0) return;
    await this.#sharded().onEachServer(VIEW);
    this.#kept = await Promise.all(
      this.#sharded().servers.map((url) => KeptDatabase.keep({ name: '', url, drop: async () => {} })),
    );
  }

  async openAgain(settings: StoreSettings): Promise<OpenedStore> {
    const store = openMysqlStore({
      ...mysqlServer(this.#sharded().url),
      logger: () => {},
      connections: 6,
      time: MysqlHarness.timeOf(settings),
      ...settings,
    });
    this.#stores.push(store);
    return store;
  }

  /** People ask each server for the view event_journal, which the proxy does not know, and for rows sorted by bytes. */
  async rawQuery(sql: string): Promise<Record<string, unknown>[]> {
    const { url, servers } = this.#sharded();
    const urls = /\bevent_journal\b|ORDER BY target, entity_id/.test(sql) ? servers : [url];
    const found: Record<string, unknown>[] = [];
    for (const uri of urls) {
      const connection = await mysql.createConnection({ uri, timezone: 'Z', supportBigNumbers: true });
      try {
        const [rows] = await connection.query<RowDataPacket[]>(sql);
        if (Array.isArray(rows)) found.push(...rows);
      } finally {
        await connection.end();
      }
    }
    return found;
  }

  makeOriginalOrdersTable(): never {
    throw new Error('Another program’s table is not taken over behind a proxy.');
  }

  async cleanup(): Promise<void> {
    for (const store of this.#stores.splice(0)) await store.close();
  }
}
