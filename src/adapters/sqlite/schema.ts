import {
  type AdoptionReport,
  namesTaken,
  notAdoptable,
  tablesDropped,
  type ViewShape,
} from '../../core/adoption/index.ts';
import { TributaryError } from '../../core/errors.ts';
import type { TableNames } from '../../core/table-names.ts';
import { refuseReservedNames } from '../../core/view-names.ts';
import type { MigrationOptions, MigrationReport } from '../../ports/migration.ts';
import { columnsOf, findTables } from './catalog.ts';
import { Connection, type Database, openReadOnly } from './database.ts';
import { storeError } from './errors.ts';
import { type Migration, Migrations } from './migrations.ts';
import { planView, prepareView, type ViewPlan } from './own-view.ts';
import { numberOf, textOf } from './values.ts';
import { noteView, noteViewMade } from './view-state.ts';
import { createView } from './view-table.ts';

const MIGRATIONS = new Migrations(new URL('./migrations/', import.meta.url));

/**
 * Brings the schema up to date and makes the view's table or takes it over, in one transaction. If several processes
 * start at once, one does the work and the others find it done.
 */
export async function migrate(database: Database, options: MigrationOptions): Promise<MigrationReport> {
  return database.write(async (writer) => {
    const plan = await lookAt(writer, options);
    if (plan.report.verdict === 'refuse') throw notAdoptable(plan.report);
    const versions = runMigrations(writer, options.nowMs);
    const prepared = await prepareView(writer, options, plan);
    const { view, foldVersion = 1 } = options;
    noteView(writer, view, foldVersion);
    if (areRowsAnew(plan)) noteViewMade(writer, view, foldVersion);
    return { ...versions, ...prepared };
  });
}

/** Whether the view's table is made anew, so that today's program makes its rows. */
function areRowsAnew({ situation }: ViewPlan): boolean {
  return situation.kind === 'make' || situation.kind === 'remake' || situation.kind === 'replace';
}

/** Rejects with `store_refused` unless the schema has the version of this program. The file must have our tables. */
export function requireCurrentSchema(reader: Connection): void {
  const version = schemaVersion(reader);
  if (MIGRATIONS.after(version, 'The store').length > 0)
    throw new TributaryError(
      'store_refused',
      `The store has schema version ${version}, and this program needs ${MIGRATIONS.newestVersion}: start order-sync of ` +
        'this version on it once, or run order-sync migrate.',
    );
}

/** Runs the migrations that the file lacks, inside the transaction of `writer`. */
function runMigrations(
  writer: Connection,
  nowMs: number,
): { readonly fromVersion: number; readonly toVersion: number } {
  writer.execute(
    'CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)',
  );
  const fromVersion = schemaVersion(writer);
  for (const migration of MIGRATIONS.after(fromVersion, 'The store')) apply(writer, migration, nowMs);
  return { fromVersion, toVersion: MIGRATIONS.newestVersion };
}

function apply(writer: Connection, { version, name, sql }: Migration, nowMs: number): void {
  writer.execute(sql);
  writer
    .statement('INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)')
    .run(version, name, new Date(nowMs).toISOString());
}

/** The version of the file's schema; 0 if no migration has run. The table `schema_migrations` must exist. */
function schemaVersion(connection: Connection): number {
  return numberOf(
    connection.statement('SELECT coalesce(max(version), 0) AS newest FROM schema_migrations').get()?.newest,
  );
}

/**
 * Reports what `migrate` would do about the view. Reads on a connection of its own, so that a file that is no store of
 * ours stays as it is to the byte.
 */
export async function examine(
  file: string,
  options: MigrationOptions,
  names: TableNames,
): Promise<AdoptionReport> {
  const connection = openReadOnly(file, names) ?? new Connection(':memory:', false, names);
  try {
    return (await lookAt(connection, options)).report;
  } catch (error) {
    throw storeError(error, file);
  } finally {
    connection.close();
  }
}

/** Checks everything before anything is changed. Rejects if another program has tables with our names. */
async function lookAt(connection: Connection, options: MigrationOptions): Promise<ViewPlan> {
  refuseReservedNames(options.view, connection.names);
  return planView(connection, options, checkOwnTables(connection));
}

/**
 * The version of the schema; 0 if there is none. Rejects if another program has tables with our names, or if one of our
 * tables was dropped.
 */
function checkOwnTables(connection: Connection): number {
  const { names } = connection;
  const migrations = names.of('schema_migrations');
  const found = findTables(connection, [migrations, ...MIGRATIONS.namesUsed().map((name) => names.of(name))]);
  if (!found.has(migrations)) {
    if (found.size > 0) throw namesTaken([...found.keys()]);
    return 0;
  }
  const columns = columnsOf(connection, migrations).map(({ name }) => name);
  if (columns.sort().join() !== 'applied_at,name,version') throw namesTaken([migrations]);
  const version = schemaVersion(connection);
  const missing = MIGRATIONS.tablesMade(version)
    .map((name) => names.of(name))
    .filter((name) => !found.has(name));
  if (missing.length > 0) throw tablesDropped(version, missing);
  return version;
}

/** The tables that ingest writes, except the view. */
const INGEST_TABLES = ['checkpoints', 'deliveries', 'event_journal', 'parked_entities', 'quarantine'];

/** The names of the tables. A backup replaces the whole file, so no table is ever older than the others. */
export function incarnation(reader: Connection): string {
  const names = INGEST_TABLES.map((name) => reader.names.of(name));
  const found = reader
    .statement(
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name IN (${names.map(() => '?').join(', ')})`,
    )
    .all(...names)
    .map(({ name }) => textOf(name));
  const missing = names.filter((name) => !found.includes(name));
  if (missing.length === 0) return names.join(', ');
  throw new TributaryError('table_missing', `The store lacks the tables ${missing.join(', ')}.`);
}

/** Makes the view's table if all other tables are there. Answers whether it was missing. */
export function remakeView(writer: Connection, view: ViewShape, foldVersion: number): boolean {
  incarnation(writer);
  if (findTables(writer, [view.table]).size > 0) return false;
  createView(writer, view);
  noteViewMade(writer, view, foldVersion);
  return true;
}
