import type { PoolConnection } from 'mysql2/promise';
import {
  type AdoptionReport,
  namesTaken,
  notAdoptable,
  tablesDropped,
  type ViewShape,
} from '../../core/adoption/index.ts';
import { TributaryError } from '../../core/errors.ts';
import { refuseReservedNames } from '../../core/view-names.ts';
import type { Logger } from '../../ports/logger.ts';
import type { MigrationOptions, MigrationReport } from '../../ports/migration.ts';
import { databaseName, findTables, showColumns, tableStatuses } from './catalog.ts';
import { MIGRATION_DEADLINE_MS, withConnection } from './connection.ts';
import { namesOf } from './connection-names.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { checkTables, tableRights } from './grants.ts';
import { protectJournal, warnOfUnprotected } from './journal-protection.ts';
import { lockName, withMigrationLock } from './migration-lock.ts';
import { Migrations } from './migrations.ts';
import { planView, prepareView, type ViewPlan } from './own-view.ts';
import { isRightMissing, type Remedies } from './refusals.ts';
import { checkAnswers, checkServer, type ServerNeeds } from './server-checks.ts';
import { noteView, noteViewMade } from './view-state.ts';
import { createView } from './view-table.ts';

const MIGRATIONS = new Migrations({
  program: 'order-sync',
  folder: new URL('./migrations/', import.meta.url),
  table: 'schema_migrations',
  columns:
    'version INT NOT NULL PRIMARY KEY, name VARCHAR(200) NOT NULL, applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP',
  hasNames: true,
});

/**
 * If the schema is current and the view is there, checks that the user has the rights of a running program, and changes
 * nothing. Otherwise, and whenever a command asks for it, brings the schema up to date, one process at a time by a
 * named lock of the server. MySQL commits each CREATE and RENAME by itself, so a start may find a step half done, and
 * does it again.
 */
export async function migrate(
  pool: ConnectionPool,
  options: MigrationOptions,
  logger: Logger,
  needs: ServerNeeds,
): Promise<MigrationReport> {
  const work = async (connection: PoolConnection): Promise<MigrationReport> => {
    const database = await databaseName(connection);
    await checkServer(connection, pool.remedies, needs, logger);
    const report =
      (options.asCommand === true ? null : await currentReport(pool, connection, options)) ??
      (await changeSchema(pool, connection, database, options, logger));
    if (options.asCommand === true) return report;
    await checkTables(
      connection,
      pool.remedies,
      database,
      tableRights(options.view, namesOf(connection)),
      'order-sync',
    );
    await checkAnswers(connection, pool.remedies, options.view.table);
    await warnOfUnprotected(connection, logger);
    return report;
  };
  return withConnection(pool, work, { deadlineMs: MIGRATION_DEADLINE_MS });
}

/** Reports what `migrate` would do about the view. Changes nothing. */
export async function examine(pool: ConnectionPool, options: MigrationOptions): Promise<AdoptionReport> {
  const { report } = await withConnection(pool, (connection) => lookAt(pool, connection, options), {
    deadlineMs: MIGRATION_DEADLINE_MS,
  });
  return report;
}

/** Rejects with `store_refused` unless the schema has the version of this program. */
export async function requireCurrentSchema(connection: PoolConnection): Promise<void> {
  const version = await MIGRATIONS.recordedVersion(connection);
  if (version === MIGRATIONS.newestVersion) return;
  const found = version === null ? 'no tables of order-sync' : `schema version ${version}`;
  throw new TributaryError(
    'store_refused',
    `The database has ${found}, and this program needs version ${MIGRATIONS.newestVersion}: start order-sync of this ` +
      'version on it once, or run order-sync migrate.',
  );
}

/** The report of a start that has nothing to change; null if it has something to change. */
async function currentReport(
  pool: ConnectionPool,
  connection: PoolConnection,
  options: MigrationOptions,
): Promise<MigrationReport | null> {
  const version = await MIGRATIONS.recordedVersion(connection);
  if (version !== MIGRATIONS.newestVersion) return null;
  await checkOwnTables(connection);
  const { situation, legacyRecord } = await planView(pool, connection, options, version);
  if (situation.kind !== 'keep' || legacyRecord !== null) return null;
  await noteView(connection, options.view, options.foldVersion ?? 1);
  return { fromVersion: version, toVersion: version, adoptedRows: 0, viewIsEmpty: false, notes: [] };
}

async function changeSchema(
  pool: ConnectionPool,
  connection: PoolConnection,
  database: string,
  options: MigrationOptions,
  logger: Logger,
): Promise<MigrationReport> {
  const before = await MIGRATIONS.recordedVersion(connection);
  return withMigrationLock(pool, connection, lockName(connection, 'tributary:', database), async () => {
    try {
      const plan = await lookAt(pool, connection, options);
      if (plan.report.verdict === 'refuse') throw notAdoptable(plan.report);
      const { fromVersion, toVersion, viewsRefused } = await MIGRATIONS.run(connection);
      if (viewsRefused.length > 0) logger('warn', viewsMissing(viewsRefused));
      const prepared = await prepareView(pool, connection, options, plan);
      const note = areRowsAnew(plan) ? noteViewMade : noteView;
      await noteView(connection, options.view, options.foldVersion ?? 1);
      await note(connection, options.view, options.foldVersion ?? 1);
      await protectJournal(connection, logger);
      return { fromVersion, toVersion, ...prepared };
    } catch (error) {
      if (!isRightMissing(error)) throw error;
      const what =
        before === null
          ? `"${database}" has no tables of order-sync, or the user may not see them`
          : before === MIGRATIONS.newestVersion
            ? `The table ${options.view.table} has to be made or taken over`
            : `The schema of "${database}" has version ${before}, and this program needs ${MIGRATIONS.newestVersion}`;
      throw MIGRATIONS.needed(what, pool.remedies, error);
    }
  });
}

function viewsMissing(views: readonly string[]): string {
  return (
    `The server makes no view of tables that it distributes, so ${views.join(', ')} is missing, which only people read: make ` +
    'it on each database server (docs/scaling.md).'
  );
}

/** Whether the view's table is made anew, so that today's program makes its rows. */
function areRowsAnew({ situation }: ViewPlan): boolean {
  return situation.kind === 'make' || situation.kind === 'remake' || situation.kind === 'replace';
}

/** Checks everything before anything is changed. Rejects if another program has tables with our names. */
async function lookAt(
  pool: ConnectionPool,
  connection: PoolConnection,
  options: MigrationOptions,
): Promise<ViewPlan> {
  refuseReservedNames(options.view, namesOf(connection));
  const fromVersion = await checkOwnTables(connection);
  return planView(pool, connection, options, fromVersion);
}

/** Only statements of the schema itself use these, so a user who runs the program may not be able to see them. */
const UNSEEN = ['journal_places', 'event_journal'];

/**
 * The version of the schema; 0 if there is none. Rejects if another program has tables with our names, or if one of our
 * tables was dropped.
 */
async function checkOwnTables(connection: PoolConnection): Promise<number> {
  const names = namesOf(connection);
  const migrations = names.of('schema_migrations');
  const used = MIGRATIONS.namesUsed().map((name) => names.of(name));
  const found = await findTables(connection, [migrations, ...used]);
  if (!found.has(migrations)) {
    if (found.size > 0) throw namesTaken([...found.keys()]);
    return 0;
  }
  const columns = await showColumns(connection, migrations);
  const columnNames = columns.map(({ name }) => name).sort();
  if (columnNames.join() !== 'applied_at,name,version') throw namesTaken([migrations]);
  const version = (await MIGRATIONS.recordedVersion(connection)) ?? 0;
  const missing = MIGRATIONS.tablesMade(version)
    .filter((name) => !UNSEEN.includes(name))
    .map((name) => names.of(name))
    .filter((name) => !found.has(name));
  if (missing.length > 0) throw tablesDropped(version, missing);
  return version;
}

/** The tables that ingest writes, except the view. */
const INGEST_TABLES = ['checkpoints', 'deliveries', 'journal_segments', 'parked_entities', 'quarantine'];

/** Names each table with the time when it was made. */
export async function incarnation(connection: PoolConnection): Promise<string> {
  const tables = INGEST_TABLES.map((name) => namesOf(connection).of(name));
  const statuses = await tableStatuses(connection);
  const missing = tables.filter((table) => !statuses.has(table));
  if (missing.length > 0)
    throw new TributaryError('table_missing', `The database lacks the tables ${missing.join(', ')}.`);
  return tables.map((table) => `${table} ${statuses.get(table)?.createdAt}`).join(', ');
}

/** Makes the view's table if all other tables are there. Answers whether it was missing. */
export async function remakeView(
  connection: PoolConnection,
  view: ViewShape,
  foldVersion: number,
  remedies: Remedies,
): Promise<boolean> {
  await incarnation(connection);
  if ((await findTables(connection, [view.table])).size > 0) return false;
  try {
    await createView(connection, view, view.table);
    await noteViewMade(connection, view, foldVersion);
  } catch (error) {
    if (isRightMissing(error)) throw MIGRATIONS.needed(`The table ${view.table} is missing`, remedies, error);
    throw error;
  }
  return true;
}
