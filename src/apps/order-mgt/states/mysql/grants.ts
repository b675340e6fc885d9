import {
  type ConnectionPool,
  checkTables,
  databaseName,
  grantsOn,
  type TableRights,
  withConnection,
} from '../../../../adapters/mysql/index.ts';

/** What a running order-mgt needs. `SELECT ... FOR UPDATE` needs the right to change the row that it locks. */
const TABLES: readonly TableRights[] = [
  { table: 'order_mgt_schema', rights: ['SELECT'], column: 'version' },
  { table: 'orders_received', rights: ['SELECT', 'INSERT', 'UPDATE'], column: 'version' },
  { table: 'deliveries_received', rights: ['SELECT', 'INSERT', 'UPDATE'], column: 'version' },
  { table: 'receiving_lock', rights: ['SELECT', 'UPDATE'], column: 'id' },
];

/** The statements that give `user` (as in `'mgt'@'%'`) what a running order-mgt needs, one for each table. */
export function grantStatements(database: string, user: string): string[] {
  return grantsOn(database, TABLES, user);
}

/** Rejects with `store_refused` if the user lacks a right, and with `store_failed` if the server takes no changes. */
export function checkRights(pool: ConnectionPool): Promise<void> {
  return withConnection(pool, async (connection) =>
    checkTables(connection, pool.remedies, await databaseName(connection), TABLES, 'order-mgt'),
  );
}
