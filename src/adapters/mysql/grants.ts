import type { PoolConnection } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import { TributaryError } from '../../core/errors.ts';
import type { StoreNaming, TableNames } from '../../core/table-names.ts';
import { ViewNames } from '../../core/view-names.ts';
import { tableStatuses } from './catalog.ts';
import { identifier } from './identifier.ts';
import { isRightMissing, type Remedies } from './refusals.ts';
import { tableNames } from './table-names.ts';

type Right = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

/** The rights that a running program needs on one of its tables. */
export interface TableRights {
  readonly table: string;
  readonly rights: readonly Right[];
  /** The name of any of its columns. */
  readonly column: string;
}

const ALL = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const;
const KEPT = ['SELECT', 'INSERT', 'UPDATE'] as const;
const ADDED = ['SELECT', 'INSERT'] as const;
const ADDED_AND_REMOVED = ['SELECT', 'INSERT', 'DELETE'] as const;

/** The rights that a running order-sync needs on each table except the view. The docs name the same. */
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
  { table: 'jobs', rights: KEPT, column: 'job_id' },
  { table: 'audit_log', rights: ADDED, column: 'audit_id' },
  { table: 'sweeps', rights: KEPT, column: 'target' },
  { table: 'holds', rights: ADDED_AND_REMOVED, column: 'kind' },
  { table: 'view_records', rights: ['SELECT'], column: 'view_name' },
  { table: 'view_states', rights: KEPT, column: 'view_name' },
  { table: 'store_identity', rights: ['SELECT'], column: 'store_id' },
  { table: 'group_decisions', rights: ADDED, column: 'group_name' },
];

type View = { readonly table: string; readonly keyColumn: string };

/** The rights on the tables by their names in the database. `view`: as the store keeps it. */
export function tableRights(view: View, names: TableNames): TableRights[] {
  const own = TABLES.map((rights) => ({ ...rights, table: names.of(rights.table) }));
  return [...own, { table: view.table, rights: ALL, column: view.keyColumn }];
}

/** The GRANT statements that give `user` (as in `'sync'@'%'`) the rights of a running program, one for each table. */
export function grantStatements(
  database: string,
  view: ViewShape,
  user: string,
  naming: StoreNaming = {},
): string[] {
  const stored = new ViewNames(naming).stored(view);
  return grantsOn(database, tableRights(stored, tableNames(naming.tablePrefix)), user);
}

/** The GRANT statements that give `user` these rights, one for each table. */
export function grantsOn(database: string, tables: readonly TableRights[], user: string): string[] {
  return tables.map(
    ({ table, rights }) =>
      `GRANT ${rights.join(', ')} ON ${identifier(database)}.${identifier(table)} TO ${user};`,
  );
}

/**
 * Checks without changing anything that the user has every right of a running program, that each table takes part in
 * transactions, and that the server accepts changes. Throws `store_refused` or `store_failed`.
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
        await connection.query(`EXPLAIN ${probe(right, identifier(table), identifier(column))}`);
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
  await checkEngines(connection, tables);
  const written = tables.find(({ rights }) => rights.includes('UPDATE'));
  // A read-only server refuses this statement, which touches no row.
  if (written !== undefined)
    await connection.query(probe('UPDATE', identifier(written.table), identifier(written.column)));
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

/** The engines that cannot roll back. */
const WITHOUT_TRANSACTIONS = ['MyISAM', 'Aria', 'MEMORY', 'CSV', 'ARCHIVE', 'BLACKHOLE', 'MRG_MyISAM'];

async function checkEngines(connection: PoolConnection, tables: readonly TableRights[]): Promise<void> {
  const statuses = await tableStatuses(connection);
  const found = tables
    .filter(({ table }) => !table.endsWith('schema_migrations'))
    .map(({ table }) => ({ table, engine: statuses.get(table)?.engine ?? '' }))
    .filter(({ engine }) => WITHOUT_TRANSACTIONS.includes(engine))
    .map(({ table, engine }) => `${table} (${engine})`)
    .sort();
  if (found.length === 0) return;
  throw new TributaryError(
    'store_refused',
    `These tables know no transactions: ${found.join(', ')}. Change each by ALTER TABLE ... ENGINE = InnoDB.`,
  );
}
