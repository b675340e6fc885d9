import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import {
  type ConnectionPool,
  checkServer,
  isRightMissing,
  PREPARED_MAX,
  withConnection,
} from '../../../../adapters/mysql/index.ts';
import { messageOf, TributaryError } from '../../../../core/errors.ts';
import type { Clock } from '../../../../ports/clock.ts';
import type { Logger } from '../../../../ports/logger.ts';
import type { OrderStates } from '../../states.ts';
import { type MysqlServer, openPool, select } from './connection.ts';
import { MysqlStates } from './states.ts';

/**
 * One step each; `order_mgt_schema` counts those that have run. A step that was released is never changed. MySQL
 * commits each statement by itself, so each has to bear being run again after a crash.
 *
 * Ids and statuses are bytes: no collation makes two of them equal, nor pads one with blanks. The names are not
 * those of order-sync's tables, so that both may share a database.
 */
const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE IF NOT EXISTS orders_received (
       order_id        VARBINARY(255) NOT NULL PRIMARY KEY,
       order_status    VARBINARY(1020) NULL,
       payment_status  VARBINARY(1020) NULL,
       review_status   VARBINARY(1020) NULL,
       ready_to_send   BOOLEAN NOT NULL,
       version         BIGINT UNSIGNED NOT NULL
     ) ENGINE = InnoDB`,
    `CREATE TABLE IF NOT EXISTS deliveries_received (
       sequence     BIGINT UNSIGNED NOT NULL PRIMARY KEY,
       delivery_id  VARBINARY(255) NOT NULL UNIQUE,
       order_id     VARBINARY(255) NOT NULL,
       version      BIGINT UNSIGNED NOT NULL,
       payload_hash BINARY(64) NOT NULL,
       effect       ENUM('applied', 'ignored') NOT NULL,
       received_at  DATETIME(3) NOT NULL
     ) ENGINE = InnoDB`,
    'CREATE TABLE IF NOT EXISTS receiving_lock (id TINYINT NOT NULL PRIMARY KEY) ENGINE = InnoDB',
    'INSERT IGNORE INTO receiving_lock (id) VALUES (1)',
  ],
];

/** Another program that starts may hold the lock for a minute. */
const MIGRATION_DEADLINE_MS = 120_000;
/** Of 256 rows of the longest ids and statuses. */
const PACKET_BYTES = 1024 * 1024;
const NO_SUCH_TABLE = 1146;

/** What a running order-mgt needs of each table. `FOR UPDATE` needs the right to change the lock's row. */
const TABLES = [
  { table: 'order_mgt_schema', rights: 'SELECT' },
  { table: 'orders_received', rights: 'SELECT, INSERT, UPDATE' },
  { table: 'deliveries_received', rights: 'SELECT, INSERT, UPDATE' },
  { table: 'receiving_lock', rights: 'SELECT, UPDATE' },
] as const;

/** The statements that give `user` (as in `'mgt'@'%'`) what a running program needs, one for each table. */
export function mgtGrantStatements(database: string, user: string): string[] {
  const name = database.replaceAll('`', '``');
  return TABLES.map(({ table, rights }) => `GRANT ${rights} ON \`${name}\`.\`${table}\` TO ${user};`);
}

/**
 * Keeps the states in a database of MySQL 8, MariaDB 10.6 or later, or what speaks as they do; its tables are
 * made if they are missing and the user may make them. Rejects with `store_unreachable`, `store_refused`,
 * `schema_too_new`.
 */
export async function openMysqlStates(server: MysqlServer, clock: Clock, log: Logger): Promise<OrderStates> {
  const pool = openPool(server, clock);
  try {
    await migratePool(pool, log, checkWrites);
    return new MysqlStates(pool);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** Makes the tables or brings them up to date, by a user that need not be the one that runs. Rejects likewise. */
export async function migrateMysqlStates(server: MysqlServer, clock: Clock, log: Logger): Promise<void> {
  const pool = openPool(server, clock);
  try {
    await migratePool(pool, log, async () => {});
  } finally {
    await pool.close();
  }
}

/** Where the schema is current it is looked at and left alone. */
async function migratePool(
  pool: ConnectionPool,
  log: Logger,
  check: (connection: PoolConnection) => Promise<void>,
): Promise<void> {
  const { connections } = pool.options;
  const needs = {
    connections,
    preparedStatements: PREPARED_MAX,
    packetBytes: PACKET_BYTES,
    packetSetting: '',
  };
  const work = async (connection: PoolConnection) => {
    await checkServer(connection, pool.remedies, needs, log);
    if ((await schemaVersion(connection)) < MIGRATIONS.length) {
      await changeSchema(connection).catch((error: unknown) => {
        if (!isRightMissing(error)) throw error;
        throw new TributaryError(
          'store_refused',
          `The tables of order-mgt are missing or old in "${pool.remedies.database}", and the user ` +
            `"${pool.remedies.user}" may not change the schema: run "order-mgt migrate" once with a user that may ` +
            '(docs/operations.md, "Users and grants").',
          { cause: new Error(messageOf(error).replace(/'[^']*'/g, "'...'")) },
        );
      });
    }
    await check(connection);
  };
  await withConnection(pool, work, { deadlineMs: MIGRATION_DEADLINE_MS });
}

/** 0 where nothing was set up, or this user may not see it. */
async function schemaVersion(connection: PoolConnection): Promise<number> {
  let found: number;
  try {
    const [rows] = await connection.query<RowDataPacket[]>(
      'SELECT MAX(version) AS version FROM order_mgt_schema',
    );
    found = Number(rows[0]?.version ?? 0);
  } catch (error) {
    if (isRightMissing(error) || (error as { errno?: number }).errno === NO_SUCH_TABLE) return 0;
    throw error;
  }
  if (found <= MIGRATIONS.length) return found;
  throw new TributaryError(
    'schema_too_new',
    `The database has schema ${found} of order-mgt, and this program knows ${MIGRATIONS.length}: start the newer program.`,
  );
}

async function changeSchema(connection: PoolConnection): Promise<void> {
  try {
    // Several programs may start at once.
    await connection.query("SELECT GET_LOCK(CONCAT('order_mgt.', MD5(DATABASE())), 60)");
    await connection.query(
      'CREATE TABLE IF NOT EXISTS order_mgt_schema (version INT NOT NULL PRIMARY KEY) ENGINE = InnoDB',
    );
    const found = await schemaVersion(connection);
    for (const [index, statements] of MIGRATIONS.entries()) {
      if (index < found) continue;
      for (const statement of statements) await connection.query(statement);
      await connection.query('INSERT INTO order_mgt_schema (version) VALUES (?)', [index + 1]);
    }
  } finally {
    // If this fails the connection is closed, and the lock goes with it.
    await connection
      .query("SELECT RELEASE_LOCK(CONCAT('order_mgt.', MD5(DATABASE())))")
      .catch(() => undefined);
  }
}

/** Refused by the server for want of a right, or because it is read-only; no row is touched. */
async function checkWrites(connection: PoolConnection): Promise<void> {
  await select(connection, 'SELECT id FROM receiving_lock WHERE FALSE FOR UPDATE');
  await connection.query('INSERT INTO orders_received SELECT * FROM orders_received WHERE FALSE');
  await connection.query('INSERT INTO deliveries_received SELECT * FROM deliveries_received WHERE FALSE');
  await connection.query('UPDATE orders_received SET version = version WHERE FALSE');
  await connection.query('UPDATE deliveries_received SET version = version WHERE FALSE');
}
