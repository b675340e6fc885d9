import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { TributaryError } from '../../core/errors.ts';
import { text } from './journal.ts';
import { isRightMissing, type Remedies } from './refusals.ts';

type Right = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

/** The rights that a running program needs on one of its tables. */
export interface TableRights {
  readonly table: string;
  readonly rights: readonly Right[];
  /** Any column of it. */
  readonly column: string;
}

const ALL = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const;
const KEPT = ['SELECT', 'INSERT', 'UPDATE'] as const;
const ADDED = ['SELECT', 'INSERT'] as const;

/** What a running order-sync needs of each table but the view; `order-sync migrate` and the docs name the same. */
const TABLES: readonly TableRights[] = [
  { table: 'schema_migrations', rights: ['SELECT'], column: 'version' },
  { table: 'journal_segments', rights: ADDED, column: 'entity_id' },
  { table: 'checkpoints', rights: KEPT, column: 'topic' },
  { table: 'checkpoint_decisions', rights: ADDED, column: 'topic' },
  { table: 'quarantine', rights: KEPT, column: 'topic' },
  { table: 'parked_entities', rights: ALL, column: 'entity_id' },
  { table: 'journal_index', rights: ALL, column: 'entity_id' },
  { table: 'fold_snapshots', rights: ALL, column: 'entity_id' },
  { table: 'deliveries', rights: KEPT, column: 'target' },
  { table: 'delivery_attempts', rights: KEPT, column: 'target' },
  { table: 'delivery_repairs', rights: KEPT, column: 'target' },
  { table: 'delivery_senders', rights: ALL, column: 'target' },
  { table: 'redrive_jobs', rights: KEPT, column: 'job_id' },
  { table: 'sweeps', rights: KEPT, column: 'target' },
  { table: 'view_records', rights: ['SELECT'], column: 'view_name' },
  { table: 'store_identity', rights: ['SELECT'], column: 'store_id' },
  { table: 'group_decisions', rights: ADDED, column: 'group_name' },
];

type View = { readonly table: string; readonly keyColumn: string };

export function tableRights(view: View): TableRights[] {
  return [...TABLES, { table: view.table, rights: ALL, column: view.keyColumn }];
}

/** The statements that give `user` (as in `'sync'@'%'`) what a running program needs, one for each table. */
export function grantStatements(database: string, view: View, user: string): string[] {
  return grantsOn(database, tableRights(view), user);
}

/** The statements that give `user` these rights, one for each table. */
export function grantsOn(database: string, tables: readonly TableRights[], user: string): string[] {
  return tables.map(
    ({ table, rights }) => `GRANT ${rights.join(', ')} ON ${quoted(database)}.${quoted(table)} TO ${user};`,
  );
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/**
 * Looks, without changing anything, whether the user has every right that running needs, whether each table takes
 * part in transactions, and whether the server takes changes. Throws `store_refused` or `store_failed`.
 */
export async function checkTables(
  connection: PoolConnection,
  remedies: Remedies,
  database: string,
  tables: readonly TableRights[],
  program: string,
): Promise<void> {
  const missing: string[] = [];
  for (const { table, rights, column } of tables) {
    const lacking: Right[] = [];
    for (const right of rights) {
      try {
        await connection.query(`EXPLAIN ${probe(right, quoted(table), quoted(column))}`);
      } catch (error) {
        if (!isRightMissing(error)) throw error;
        lacking.push(right);
      }
    }
    if (lacking.length > 0) missing.push(`${lacking.join(', ')} on ${table}`);
  }
  if (missing.length > 0) {
    throw new TributaryError(
      'store_refused',
      `The user "${remedies.user}" lacks rights in "${database}": ${missing.join('; ')}. Grant them ` +
        `("${program} migrate --grants-for" prints the statements, docs/operations.md, "Users and grants").`,
    );
  }
  await checkEngines(connection, database, tables);
  const written = tables.find(({ rights }) => rights.includes('UPDATE'));
  // A server that is read-only refuses this; no row is touched.
  if (written !== undefined)
    await connection.query(probe('UPDATE', quoted(written.table), quoted(written.column)));
}

function probe(right: Right, table: string, column: string): string {
  switch (right) {
    case 'SELECT':
      return `SELECT ${column} FROM ${table} WHERE FALSE`;
    case 'INSERT':
      return `INSERT INTO ${table} SELECT * FROM ${table} WHERE FALSE`;
    case 'UPDATE':
      return `UPDATE ${table} SET ${column} = ${column} WHERE FALSE`;
    case 'DELETE':
      return `DELETE FROM ${table} WHERE FALSE`;
  }
}

/** Engines that roll nothing back. */
const WITHOUT_TRANSACTIONS = ['MyISAM', 'Aria', 'MEMORY', 'CSV', 'ARCHIVE', 'BLACKHOLE', 'MRG_MyISAM'];

async function checkEngines(
  connection: PoolConnection,
  database: string,
  tables: readonly TableRights[],
): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT table_name, engine FROM information_schema.tables WHERE table_schema = ? AND table_name IN (?) AND engine IN (?)',
    [
      database,
      tables.map(({ table }) => table).filter((table) => table !== 'schema_migrations'),
      WITHOUT_TRANSACTIONS,
    ],
  );
  if (rows.length === 0) return;
  const found = rows.map((row) => `${text(row[0])} (${text(row[1])})`).join(', ');
  throw new TributaryError(
    'store_refused',
    `These tables know no transactions: ${found}. Change each by ALTER TABLE ... ENGINE = InnoDB.`,
  );
}
