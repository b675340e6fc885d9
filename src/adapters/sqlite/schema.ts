import { namesTaken, notAdoptable, tablesDropped } from '../../core/adoption/index.ts';
import { TributaryError } from '../../core/errors.ts';
import type { MigrationOptions, MigrationReport } from '../../ports/store.ts';
import { columnsOf, findTable } from './catalog.ts';
import { type Connection, type Database, numberOf, textOf } from './connection.ts';
import { type Migration, Migrations } from './migrations.ts';
import type { ViewDefinition } from './options.ts';
import { planView, prepareView, type ViewPlan } from './own-view.ts';
import type { ViewTable } from './view-table.ts';

const MIGRATIONS = new Migrations(new URL('./migrations/', import.meta.url));

/**
 * Brings the schema up to date and makes or takes over the view's table, all in one transaction, so that of
 * several processes that start at once one does the work and the others find it done.
 */
export async function migrate(
  database: Database,
  view: ViewTable,
  options: MigrationOptions,
): Promise<MigrationReport> {
  return database.write(async (writer) => {
    const plan = await lookAt(writer, view, options);
    if (plan.report.verdict === 'refuse') throw notAdoptable(plan.report);
    makeMigrationsTable(writer);
    const fromVersion = schemaVersion(writer);
    for (const migration of MIGRATIONS.after(fromVersion, 'The store'))
      apply(writer, migration, options.nowMs);
    const toVersion = MIGRATIONS.newestVersion;
    return { fromVersion, toVersion, ...(await prepareView(writer, view, options, plan)) };
  });
}

function makeMigrationsTable(writer: Connection): void {
  writer.execute(
    'CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)',
  );
}

function schemaVersion(writer: Connection): number {
  return numberOf(
    writer.statement('SELECT coalesce(max(version), 0) AS newest FROM schema_migrations').get()?.newest,
  );
}

function apply(writer: Connection, migration: Migration, nowMs: number): void {
  writer.execute(migration.sql);
  writer
    .statement('INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)')
    .run(migration.version, migration.name, new Date(nowMs).toISOString());
}

/** Everything is looked at before anything is touched. Rejects if the names of our tables are not ours to use. */
export async function lookAt(
  connection: Connection,
  view: ViewTable,
  options: MigrationOptions,
): Promise<ViewPlan> {
  refuseReservedNames(view.definition);
  return planView(connection, view, options, checkOwnTables(connection));
}

/** The version of the schema, 0 for none; rejects if other programs have tables of our names, or have dropped ours. */
function checkOwnTables(connection: Connection): number {
  const isThere = (name: string) => findTable(connection, name) !== null;
  const all = MIGRATIONS.tablesMade(Number.POSITIVE_INFINITY);
  if (!isThere('schema_migrations')) {
    const taken = all.filter(isThere);
    if (taken.length > 0) throw namesTaken(taken);
    return 0;
  }
  const names = columnsOf(connection, 'schema_migrations').map(({ name }) => name);
  if (names.sort().join() !== 'applied_at,name,version') throw namesTaken(['schema_migrations']);
  const version = schemaVersion(connection);
  const missing = MIGRATIONS.tablesMade(version).filter((name) => !isThere(name));
  if (missing.length > 0) throw tablesDropped(version, missing);
  return version;
}

const OWN_TABLES = [
  'event_journal',
  'deliveries',
  'delivery_attempts',
  'delivery_repairs',
  'delivery_senders',
  'redrive_jobs',
  'sweeps',
  'store_time',
  'store_identity',
  'group_decisions',
  'parked_entities',
  'journal_index',
  'fold_snapshots',
  'quarantine',
  'checkpoints',
  'checkpoint_decisions',
  'schema_migrations',
  'view_records',
];

/** The tables that ingest writes, but for the view. */
const INGEST_TABLES = ['checkpoints', 'deliveries', 'event_journal', 'parked_entities', 'quarantine'];

/** Their names: a backup takes the place of all of them at once, so none is ever older than the others. */
export function incarnation(reader: Connection): string {
  const names = INGEST_TABLES.map((name) => `'${name}'`).join(', ');
  const found = reader
    .statement(`SELECT name FROM sqlite_master WHERE type = 'table' AND name IN (${names})`)
    .all()
    .map(({ name }) => textOf(name));
  const missing = INGEST_TABLES.filter((name) => !found.includes(name));
  if (missing.length === 0) return INGEST_TABLES.join(', ');
  throw new TributaryError('table_missing', `The store lacks the tables ${missing.join(', ')}.`);
}

/** Makes the view's table if all others are there; answers whether it was missing. */
export function remakeView(writer: Connection, view: ViewTable): boolean {
  incarnation(writer);
  if (findTable(writer, view.definition.table) !== null) return false;
  view.create(writer);
  return true;
}

/** SQLite compares names without regard to case. */
function refuseReservedNames({ table, keyColumn, columns }: ViewDefinition): void {
  if (OWN_TABLES.includes(table.toLowerCase())) {
    throw new TributaryError(
      'domain_invalid',
      `The view cannot be called ${table}: the store has a table of that name.`,
    );
  }
  const names = [keyColumn, ...columns.map((column) => column.name)].map((name) => name.toLowerCase());
  const clash = names.find((name, index) => name === 'version' || names.indexOf(name) !== index);
  if (clash !== undefined) {
    throw new TributaryError(
      'domain_invalid',
      `The view ${table} cannot have a second column called ${clash}.`,
    );
  }
}
