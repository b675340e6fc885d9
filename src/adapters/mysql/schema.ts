import { readdirSync, readFileSync } from 'node:fs';
import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import {
  type AdoptionReport,
  namesTaken,
  notAdoptable,
  tablesDropped,
  type ViewShape,
} from '../../core/adoption/index.ts';
import { messageOf, TributaryError } from '../../core/errors.ts';
import type { Logger } from '../../ports/logger.ts';
import type { MigrationOptions, MigrationReport } from '../../ports/store.ts';
import { databaseName, findTables } from './catalog.ts';
import { MIGRATION_DEADLINE_MS, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { text } from './journal.ts';
import { planView, prepareView, type ViewPlan } from './own-view.ts';
import { createView } from './view-table.ts';

const LOCK_TIMEOUT_SECONDS = 60;

/**
 * Brings the schema up to date, one process at a time (a named lock of the server). MySQL commits at every
 * CREATE and RENAME, so each step here may be found half done by the next start, and is then done again.
 */
export async function migrate(
  pool: ConnectionPool,
  options: MigrationOptions,
  log: Logger,
): Promise<MigrationReport> {
  const work = async (connection: PoolConnection): Promise<MigrationReport> => {
    const database = await databaseName(connection);
    const lock = `tributary:${database}`.slice(0, 64);
    const [[locked]] = await connection.query<RowDataPacket[]>('SELECT GET_LOCK(?, ?)', [
      lock,
      LOCK_TIMEOUT_SECONDS,
    ]);
    if (Number(locked?.[0]) !== 1) {
      throw new TributaryError(
        'store_busy',
        `Another process has been migrating this database for ${LOCK_TIMEOUT_SECONDS} s; try again when it is done.`,
      );
    }
    try {
      const plan = await lookAt(pool, connection, options);
      if (plan.report.verdict === 'refuse') throw notAdoptable(plan.report);
      const { fromVersion, toVersion } = await runMigrations(connection);
      const prepared = await prepareView(pool, connection, options, plan);
      await protectJournal(connection, log);
      return { fromVersion, toVersion, ...prepared };
    } finally {
      // If this fails the connection is closed, and the lock goes with it.
      await connection.query('SELECT RELEASE_LOCK(?)', [lock]).catch(() => undefined);
    }
  };
  return withConnection(pool, work, { deadlineMs: MIGRATION_DEADLINE_MS });
}

/** What `migrate` would do about the view; changes nothing. */
export async function examine(pool: ConnectionPool, options: MigrationOptions): Promise<AdoptionReport> {
  const { report } = await withConnection(pool, (connection) => lookAt(pool, connection, options), {
    deadlineMs: MIGRATION_DEADLINE_MS,
  });
  return report;
}

/** Everything is looked at before anything is touched. Rejects if the names of our tables are not ours to use. */
async function lookAt(
  pool: ConnectionPool,
  connection: PoolConnection,
  options: MigrationOptions,
): Promise<ViewPlan> {
  const fromVersion = await checkOwnTables(connection);
  return planView(pool, connection, options, fromVersion);
}

/** What the migrations up to a version have made. */
function tablesMade(upTo: number): string[] {
  return readMigrations()
    .filter(({ version }) => version <= upTo)
    .flatMap(({ statements }) => statements)
    .map((statement) => /^CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW) (\w+)/.exec(statement)?.[1])
    .filter((name) => name !== undefined);
}

const ALL_VERSIONS = Number.POSITIVE_INFINITY;

/** The version of the schema, 0 for none; rejects if other programs have tables of our names, or have dropped ours. */
async function checkOwnTables(connection: PoolConnection): Promise<number> {
  const found = await findTables(connection, ['schema_migrations', ...tablesMade(ALL_VERSIONS)]);
  if (!found.has('schema_migrations')) {
    if (found.size > 0) throw namesTaken([...found.keys()]);
    return 0;
  }
  const [columns] = await connection.query<RowDataPacket[]>(
    "SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = 'schema_migrations'",
    [await databaseName(connection)],
  );
  const names = columns.map((row) => text(row[0])).sort();
  if (names.join() !== 'applied_at,name,version') throw namesTaken(['schema_migrations']);
  const [[row]] = await connection.query<RowDataPacket[]>(
    'SELECT COALESCE(MAX(version), 0) FROM schema_migrations',
  );
  const version = Number(row?.[0]);
  const missing = tablesMade(version).filter((name) => !found.has(name));
  if (missing.length > 0) throw tablesDropped(version, missing);
  return version;
}

async function runMigrations(
  connection: PoolConnection,
): Promise<{ fromVersion: number; toVersion: number }> {
  await connection.query(
    'CREATE TABLE IF NOT EXISTS schema_migrations (version INT NOT NULL PRIMARY KEY, name VARCHAR(200) NOT NULL, ' +
      'applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)',
  );
  const [[row]] = await connection.query<RowDataPacket[]>(
    'SELECT COALESCE(MAX(version), 0) FROM schema_migrations',
  );
  const fromVersion = Number(row?.[0]);
  const migrations = readMigrations();
  const newest = migrations.at(-1)?.version ?? 0;
  if (fromVersion > newest) {
    throw new TributaryError(
      'schema_too_new',
      `The database has schema version ${fromVersion}, this program knows ${newest}: start the newer program.`,
    );
  }
  for (const { version, name, statements } of migrations) {
    if (version <= fromVersion) continue;
    for (const statement of statements) await runStatement(connection, statement);
    await connection.query('INSERT INTO schema_migrations (version, name) VALUES (?, ?)', [version, name]);
  }
  return { fromVersion, toVersion: newest };
}

const DUPLICATE_COLUMN = 1060;

/** A column that is there already was added by a start that ended before it could note the migration as done. */
async function runStatement(connection: PoolConnection, statement: string): Promise<void> {
  try {
    await connection.query(statement);
  } catch (error) {
    const isDone = /^ALTER TABLE \w+ ADD COLUMN [^,]*$/.test(statement);
    if (!isDone || (error as { errno?: number }).errno !== DUPLICATE_COLUMN) throw error;
  }
}

/** Not to be had without the right to make triggers, on some servers with a binary log, or on TiDB. */
const NO_TRIGGERS = /TRIGGER|SUPER|not supported|log_bin_trust/i;

/**
 * The journal is never changed: the server itself refuses, where it lets us say so. Where it does not, the
 * user's grants should (INSERT and SELECT only).
 */
async function protectJournal(connection: PoolConnection, log: Logger): Promise<void> {
  const database = await databaseName(connection);
  for (const verb of ['UPDATE', 'DELETE']) {
    const name = `journal_segments_no_${verb.toLowerCase()}`;
    const [[found]] = await connection.query<RowDataPacket[]>(
      'SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = ? AND trigger_name = ?',
      [database, name],
    );
    if (Number(found?.[0]) > 0) continue;
    try {
      await connection.query(
        `CREATE TRIGGER ${name} BEFORE ${verb} ON journal_segments FOR EACH ROW ` +
          "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'The journal is immutable: events are only ever added.'",
      );
    } catch (error) {
      if (!NO_TRIGGERS.test(messageOf(error))) throw error;
      log(
        'warn',
        'The server lets us make no triggers, so only grants keep journal_segments from being changed.',
      );
      return;
    }
  }
}

/** The numbered files beside this one; a statement ends with a semicolon at the end of a line. */
function readMigrations(): { version: number; name: string; statements: string[] }[] {
  const folder = new URL('./migrations/', import.meta.url);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({
      version: Number.parseInt(name, 10),
      name,
      statements: readFileSync(new URL(name, folder), 'utf8')
        .replace(/^--.*$/gm, '')
        .split(/;\s*$/m)
        .map((statement) => statement.trim().replace(/^CREATE TABLE (?!IF)/, 'CREATE TABLE IF NOT EXISTS '))
        .filter((statement) => statement !== ''),
    }));
}

/** The tables that ingest writes, but for the view. */
const INGEST_TABLES = ['checkpoints', 'deliveries', 'journal_segments', 'parked_entities', 'quarantine'];

/** When each of the tables was made. */
export async function incarnation(connection: PoolConnection): Promise<string> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT table_name, create_time FROM information_schema.tables WHERE table_schema = ? AND table_name IN (?) ' +
      'ORDER BY table_name',
    [await databaseName(connection), INGEST_TABLES],
  );
  const missing = INGEST_TABLES.filter((table) => !rows.some((row) => text(row[0]) === table));
  if (missing.length > 0)
    throw new TributaryError('table_missing', `The database lacks the tables ${missing.join(', ')}.`);
  return rows
    .map((row) => `${text(row[0])} ${row[1] instanceof Date ? row[1].toISOString() : row[1]}`)
    .join(', ');
}

/** Makes the view's table if all others are there; answers whether it was missing. */
export async function remakeView(connection: PoolConnection, view: ViewShape): Promise<boolean> {
  await incarnation(connection);
  if ((await findTables(connection, [view.table])).size > 0) return false;
  await createView(connection, view, view.table);
  return true;
}
