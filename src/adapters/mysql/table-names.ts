import type { PoolConnection } from 'mysql2/promise';
import { TableNames } from '../../core/table-names.ts';

/** The plain names of all our tables, and of the view that shows the journal. */
const OWN = [
  'audit_log',
  'checkpoint_decisions',
  'checkpoints',
  'deliveries',
  'delivery_attempts',
  'delivery_repairs',
  'delivery_senders',
  'event_journal',
  'fold_snapshots',
  'group_decisions',
  'holds',
  'jobs',
  'journal_index',
  'journal_places',
  'journal_segments',
  'parked_entities',
  'quarantine',
  'redrive_jobs',
  'schema_migrations',
  'store_identity',
  'sweeps',
  'view_records',
  'view_states',
];

/** The tables of a program that has no pipeline, and whose statements name them as they are. */
export const PLAIN_NAMES = new TableNames([]);

/** The names of one pipeline's tables. */
export function tableNames(prefix = ''): TableNames {
  return new TableNames(OWN, prefix);
}

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
