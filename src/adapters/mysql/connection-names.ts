import type { PoolConnection } from 'mysql2/promise';
import { PLAIN_NAMES, type TableNames } from '../../core/table-names.ts';

/** What we use of the driver's own connection. Its pool and its promises send every text by these methods. */
interface CoreConnection {
  query(sql: unknown, ...rest: unknown[]): unknown;
  execute(sql: unknown, ...rest: unknown[]): unknown;
  prepare(sql: unknown, ...rest: unknown[]): unknown;
}

const NAMES = new WeakMap<object, TableNames>();

/** Gives the tables in the connection's statements their names in the database. Without a prefix it changes nothing. */
export function nameTables(connection: object, names: TableNames): void {
  NAMES.set(connection, names);
  if (names.prefix === '') return;
  const core = connection as CoreConnection;
  for (const method of ['query', 'execute', 'prepare'] as const) {
    const send = core[method].bind(core);
    core[method] = (sql, ...rest) => send(typeof sql === 'string' ? names.in(sql) : sql, ...rest);
  }
}

/** The names of the tables that this connection's statements use, for names that are values or stand in quotes. */
export function namesOf(connection: PoolConnection): TableNames {
  return NAMES.get(connection.connection) ?? PLAIN_NAMES;
}
