import mysql, { type RowDataPacket } from 'mysql2/promise';
import { openMysqlStore } from '../../../src/adapters/mysql/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Store } from '../../../src/ports/store.ts';
import { mysqlServer } from '../../helpers/mysql-server.ts';
import { createDatabase, type TestDatabase } from '../../services/databases.ts';
import { HistoryClock, migrationAt, PROCESSES, TARGETS, VIEW } from './store-caller.ts';
import type { RealStores } from './stores.ts';

/** Tables whose rows a migration writes, and that histories do not change. */
const CONSTANT = ['schema_migrations', 'journal_places', 'store_identity'];
/** Tables whose rows a migration writes, and that a rebuild changes. */
const RECORDS = ['view_records', 'view_states'];
const CONNECTIONS = 4;
/**
 * After this many histories the processes open their stores anew. In between they keep their connections, because a
 * migration makes more statements than most histories.
 */
const HISTORIES_PER_OPENING = 20;

/** What a migration has made, besides empty tables. */
interface Migrated {
  readonly viewSql: string;
  /** The statement that writes the rows of a table again. */
  readonly records: ReadonlyMap<string, string>;
}

/** A migrated database on a server. Between two histories its rows are deleted, which is faster than making tables. */
export class MysqlStores implements RealStores {
  readonly #database: TestDatabase;
  readonly #connection: mysql.Connection;
  /** The clock of the history that is played. */
  #clock = new HistoryClock();
  #migrated: Migrated | null = null;
  #stores: readonly Store[] = [];
  #histories = 0;

  private constructor(database: TestDatabase, connection: mysql.Connection) {
    this.#database = database;
    this.#connection = connection;
  }

  static async create(serverUrl: string): Promise<MysqlStores> {
    const database = await createDatabase(serverUrl);
    const connection = await mysql.createConnection({ uri: database.url, multipleStatements: true });
    return new MysqlStores(database, connection);
  }

  async open(clock: HistoryClock): Promise<readonly Store[]> {
    this.#clock = clock;
    if (this.#migrated === null) this.#migrated = await this.#migrate();
    else await this.#empty(this.#migrated);
    if (this.#histories++ % HISTORIES_PER_OPENING === 0) {
      await this.#closeStores();
      this.#stores = [];
      for (let process = 0; process < PROCESSES; process++)
        this.#stores = [...this.#stores, await this.#openStore()];
    }
    return this.#stores;
  }

  async removeRow(entityId: string): Promise<void> {
    await this.#connection.query(`DELETE FROM ${VIEW.table} WHERE ${VIEW.keyColumn} = ?`, [
      Buffer.from(entityId),
    ]);
  }

  async release(): Promise<void> {}

  async close(): Promise<void> {
    await this.#closeStores();
    await this.#connection.end();
    await this.#database.drop();
  }

  async #closeStores(): Promise<void> {
    for (const store of this.#stores) await store.close();
  }

  async #openStore(): Promise<Store> {
    const now = () => this.#clock.now();
    const clock: Clock = {
      now,
      monotonicMs: () => systemClock.monotonicMs(),
      sleep: (ms, signal) => systemClock.sleep(ms, signal),
      random: () => systemClock.random(),
      uuid: () => systemClock.uuid(),
    };
    const opened = openMysqlStore({
      ...mysqlServer(this.#database.url),
      clock,
      logger: () => {},
      targets: TARGETS,
      connections: CONNECTIONS,
      time: {
        get sql() {
          return String(now());
        },
        now,
        heard: Number,
      },
    });
    return (await opened.migrate(migrationAt(this.#clock))).store;
  }

  async #migrate(): Promise<Migrated> {
    const store = await this.#openStore();
    await store.close();
    // The triggers protect the journal from the emptying, too.
    for (const { name } of await this.#rows(
      'SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_schema = DATABASE()',
    ))
      await this.#connection.query(`DROP TRIGGER \`${name}\``);
    const [made] = await this.#rows(`SHOW CREATE TABLE ${VIEW.table}`);
    const records = new Map<string, string>();
    for (const table of RECORDS) records.set(table, await this.#insertOf(table));
    return { viewSql: String(made?.['Create Table']), records };
  }

  /** The statement that writes a table's rows again. */
  async #insertOf(table: string): Promise<string> {
    const rows = await this.#rows(`SELECT * FROM ${table}`);
    return rows.length === 0
      ? ''
      : mysql.format(`INSERT INTO ${table} VALUES ?`, [rows.map((row) => Object.values(row))]);
  }

  async #empty({ viewSql, records }: Migrated): Promise<void> {
    const tables = (await this.#rows("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'"))
      .map((row) => String(Object.values(row)[0]))
      .filter((table) => !CONSTANT.includes(table));
    const statements: string[] = [];
    const hasRebuilt = [...(await this.#changedRecords(records))].length > 0;
    if (hasRebuilt || tables.some((table) => isOfRebuild(table))) {
      const gone = tables.filter((table) => table === VIEW.table || isOfRebuild(table));
      statements.push(...gone.map((table) => `DROP TABLE \`${table}\``), viewSql);
      for (const [table, insert] of records) statements.push(`DELETE FROM ${table}`, insert);
    }
    const kept = tables.filter((table) => !isOfRebuild(table) && !RECORDS.includes(table));
    const looks = kept.map(
      (table) => `SELECT '${table}' AS name FROM DUAL WHERE EXISTS (SELECT 1 FROM \`${table}\`)`,
    );
    const filled = await this.#rows(looks.join(' UNION ALL '));
    statements.unshift(...filled.map(({ name }) => `DELETE FROM \`${name}\``));
    const wanted = statements.filter((statement) => statement !== '');
    if (wanted.length > 0) await this.#connection.query(wanted.join('; '));
  }

  async #changedRecords(records: ReadonlyMap<string, string>): Promise<string[]> {
    const changed: string[] = [];
    for (const [table, insert] of records) if ((await this.#insertOf(table)) !== insert) changed.push(table);
    return changed;
  }

  async #rows(sql: string): Promise<RowDataPacket[]> {
    const [rows] = await this.#connection.query<RowDataPacket[]>(sql);
    return rows;
  }
}

function isOfRebuild(table: string): boolean {
  return table.startsWith(`${VIEW.table}_`);
}
