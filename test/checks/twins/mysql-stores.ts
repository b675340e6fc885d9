import mysql, { type RowDataPacket } from 'mysql2/promise';
import { openMysqlStore } from '../../../src/adapters/mysql/index.ts';
import type { OpenedStore } from '../../../src/ports/store.ts';
import { mysqlServer } from '../../helpers/mysql-server.ts';
import { createDatabase, type TestDatabase } from '../../services/databases.ts';
import type { HistoryClock } from './store-caller.ts';
import { TARGETS, VIEW } from './store-caller.ts';
import type { RealStores } from './stores.ts';

/** Tables whose rows a migration writes, and that histories do not change. */
const CONSTANT = ['schema_migrations', 'journal_places', 'store_identity'];
/** Tables whose rows a migration writes, and that a rebuild changes. */
const RECORDS = ['view_records', 'view_states'];
const CONNECTIONS = 4;

/** A migrated database on a server. Between two histories its rows are deleted, which is faster than making tables. */
export class MysqlStores implements RealStores {
  readonly #database: TestDatabase;
  readonly #connection: mysql.Connection;
  #migrated: { readonly viewSql: string; readonly records: ReadonlyMap<string, string> } | null = null;

  private constructor(database: TestDatabase, connection: mysql.Connection) {
    this.#database = database;
    this.#connection = connection;
  }

  static async create(serverUrl: string): Promise<MysqlStores> {
    const database = await createDatabase(serverUrl);
    const connection = await mysql.createConnection({ uri: database.url, multipleStatements: true });
    return new MysqlStores(database, connection);
  }

  async open(clock: HistoryClock, isAnother: boolean): Promise<OpenedStore> {
    if (this.#migrated === null) await this.#migrate(clock);
    else if (!isAnother) await this.#empty(this.#migrated.viewSql, this.#migrated.records);
    return this.#openStore(clock);
  }

  async removeRow(entityId: string): Promise<void> {
    await this.#connection.query(`DELETE FROM ${VIEW.table} WHERE ${VIEW.keyColumn} = ?`, [
      Buffer.from(entityId),
    ]);
  }

  async release(): Promise<void> {}

  async close(): Promise<void> {
    await this.#connection.end();
    await this.#database.drop();
  }

  #openStore(clock: HistoryClock): OpenedStore {
    return openMysqlStore({
      ...mysqlServer(this.#database.url),
      clock,
      logger: () => {},
      targets: TARGETS,
      connections: CONNECTIONS,
      time: {
        get sql() {
          return String(clock.now());
        },
        now: () => clock.now(),
        heard: Number,
      },
    });
  }

  async #migrate(clock: HistoryClock): Promise<void> {
    const store = this.#openStore(clock);
    await store.migrate({ view: VIEW, targets: TARGETS, adopt: null, nowMs: clock.now() });
    await store.close();
    // The triggers protect the journal from the emptying, too.
    for (const { name } of await this.#rows(
      'SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_schema = DATABASE()',
    ))
      await this.#connection.query(`DROP TRIGGER \`${name}\``);
    const [made] = await this.#rows(`SHOW CREATE TABLE ${VIEW.table}`);
    const records = new Map<string, string>();
    for (const table of RECORDS) records.set(table, await this.#insertOf(table));
    this.#migrated = { viewSql: String(made?.['Create Table']), records };
  }

  /** The statement that writes a table's rows again. */
  async #insertOf(table: string): Promise<string> {
    const rows = await this.#rows(`SELECT * FROM ${table}`);
    return rows.length === 0
      ? ''
      : mysql.format(`INSERT INTO ${table} VALUES ?`, [rows.map((row) => Object.values(row))]);
  }

  async #empty(viewSql: string, records: ReadonlyMap<string, string>): Promise<void> {
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
