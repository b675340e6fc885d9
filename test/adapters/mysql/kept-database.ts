import mysql, { type RowDataPacket } from 'mysql2/promise';
import type { TestDatabase } from '../../services/context.ts';

/** Tables whose rows a migration writes. They have to be as they were, or the database is not kept. */
const CONSTANT = ['schema_migrations', 'journal_places', 'store_identity', 'view_records', 'view_states'];

/**
 * A migrated database that several tests use one after the other. Emptying its tables takes a fraction of the time in which
 * a server makes some twenty tables and drops them again.
 */
export class KeptDatabase {
  readonly database: TestDatabase;
  readonly #shape: string;

  private constructor(database: TestDatabase, shape: string) {
    this.database = database;
    this.#shape = shape;
  }

  /** Keeps the database as it is now: migrated, and with no other rows. */
  static async keep(database: TestDatabase): Promise<KeptDatabase> {
    return withConnection(database, async (connection) => {
      return new KeptDatabase(database, await shapeOf(connection));
    });
  }

  /** Empties the tables. Resolves with false if a test has changed the schema, or what a migration has written. */
  async empty(): Promise<boolean> {
    return withConnection(this.database, async (connection) => {
      if ((await shapeOf(connection)) !== this.#shape) return false;
      const tables = (await tablesOf(connection)).filter(
        (table) => !CONSTANT.some((name) => table.endsWith(name)),
      );
      const looks = tables.map(
        (table) => `SELECT '${table}' AS name FROM DUAL WHERE EXISTS (SELECT 1 FROM \`${table}\`)`,
      );
      const [filled] = await connection.query<RowDataPacket[]>(looks.join(' UNION ALL '));
      for (const { name } of filled) await connection.query(`TRUNCATE TABLE \`${name}\``);
      return true;
    });
  }
}

async function withConnection<Result>(
  { url }: TestDatabase,
  work: (connection: mysql.Connection) => Promise<Result>,
): Promise<Result> {
  const connection = await mysql.createConnection({ uri: url });
  try {
    // Some tests run on servers whose sessions inherit odd defaults.
    await connection.query(
      "SET sql_mode = '', sql_select_limit = 18446744073709551615, sql_safe_updates = 0, autocommit = 1",
    );
    return await work(connection);
  } finally {
    await connection.end();
  }
}

async function tablesOf(connection: mysql.Connection): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'");
  return rows.map((row) => String(Object.values(row)[0])).sort();
}

/** All columns, indexes, views and triggers, and the rows of the constant tables, as one text. */
async function shapeOf(connection: mysql.Connection): Promise<string> {
  const tables = await tablesOf(connection);
  const read = async (sql: string) => (await connection.query<RowDataPacket[]>(sql))[0];
  const shape = [
    await read(
      'SELECT table_name, column_name, column_type, is_nullable, column_default FROM information_schema.columns ' +
        'WHERE table_schema = DATABASE() ORDER BY 1, 2',
    ),
    await read(
      'SELECT table_name, index_name, column_name, seq_in_index FROM information_schema.statistics ' +
        'WHERE table_schema = DATABASE() ORDER BY 1, 2, 4',
    ),
    await read(
      'SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1',
    ),
  ];
  for (const table of CONSTANT.filter((name) => tables.includes(name)))
    shape.push(await read(`SELECT * FROM \`${table}\` ORDER BY 1`));
  return JSON.stringify(shape);
}
