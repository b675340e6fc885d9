/** Gives each table a database of its own, and access to it by plain SQL. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { createDatabase } from '../../services/index.ts';

export type Row = Readonly<Record<string, unknown>>;

export interface Place {
  /** The value for DATABASE_URL. */
  readonly url: string;
  run(sql: string): Promise<void>;
  ask(sql: string): Promise<Row[]>;
  /** Returns the catalog and the rows of every table as one text, for comparisons. */
  snapshot(): Promise<string>;
  drop(): Promise<void>;
}

export async function serverPlace(serverUrl: string): Promise<Place> {
  const database = await createDatabase(serverUrl);
  const connection = await createConnection({
    uri: database.url,
    multipleStatements: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    charset: 'utf8mb4',
  });
  const ask = async (sql: string): Promise<Row[]> => (await connection.query<RowDataPacket[]>(sql))[0];
  return {
    url: database.url,
    async run(sql) {
      await connection.query(sql);
    },
    ask,
    async snapshot() {
      return JSON.stringify([await definitions(connection, ask), await serverRows(ask)]);
    },
    async drop() {
      await connection.end();
      await database.drop();
    },
  };
}

async function definitions(connection: Connection, ask: Place['ask']): Promise<unknown[]> {
  const found: unknown[] = [];
  const tables = await ask('SHOW FULL TABLES');
  for (const row of tables) {
    const [name] = Object.values(row);
    const [[shown]] = await connection.query<RowDataPacket[]>(`SHOW CREATE TABLE \`${name}\``);
    // The next number of an AUTO_INCREMENT column may change.
    found.push(Object.values(shown ?? {}).map((value) => String(value).replace(/ AUTO_INCREMENT=\d+/, '')));
  }
  for (const sql of ['SHOW TRIGGERS', 'SHOW EVENTS', 'SHOW PROCEDURE STATUS WHERE Db = DATABASE()'])
    found.push((await ask(sql)).map((row) => Object.values(row).map(String)));
  return found;
}

async function serverRows(ask: Place['ask']): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const row of await ask("SHOW FULL TABLES WHERE Table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')")) {
    const [name] = Object.values(row);
    const rows = (await ask(`SELECT * FROM \`${name}\``)).map((one) =>
      JSON.stringify(
        Object.values(one).map((value) => (Buffer.isBuffer(value) ? value.toString('hex') : value)),
      ),
    );
    found.push([name, rows.sort()]);
  }
  return found;
}

export function sqlitePlace(folder: string, name: string): Place {
  const file = join(folder, `${name}.db`);
  const open = <T>(work: (database: DatabaseSync) => T): T => {
    const database = new DatabaseSync(file, { timeout: 5_000, enableForeignKeyConstraints: false });
    try {
      return work(database);
    } finally {
      database.close();
    }
  };
  const ask = async (sql: string): Promise<Row[]> =>
    open((database) => {
      const statement = database.prepare(sql);
      statement.setReadBigInts(true);
      return statement.all();
    });
  return {
    url: `sqlite:${file}`,
    async run(sql) {
      open((database) => database.exec(sql));
    },
    ask,
    async snapshot() {
      const objects = await ask('SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name');
      const rows: unknown[] = [];
      for (const { name: table } of objects.filter(({ type }) => type === 'table'))
        rows.push([table, await ask(`SELECT * FROM "${table}"`)]);
      return JSON.stringify([objects, rows], (_, value) => {
        if (typeof value === 'bigint') return String(value);
        return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
      });
    },
    async drop() {
      for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
    },
  };
}
