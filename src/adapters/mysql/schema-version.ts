import { readdirSync, readFileSync } from 'node:fs';
import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { TributaryError } from '../../core/errors.ts';
import { isRightMissing } from './refusals.ts';

/** The version that this program brings a database to. */
export function newestVersion(): number {
  return readMigrations().at(-1)?.version ?? 0;
}

/**
 * The version of the database; null if it has no schema, or if this user may not see it. Throws `schema_too_new` if a
 * later program made it.
 */
export async function schemaVersion(connection: PoolConnection): Promise<number | null> {
  try {
    const [[row]] = await connection.query<RowDataPacket[]>('SELECT MAX(version) FROM schema_migrations');
    return row?.[0] === null ? null : known(Number(row?.[0]));
  } catch (error) {
    if (isRightMissing(error) || (error as { errno?: number }).errno === NO_SUCH_TABLE) return null;
    throw error;
  }
}

const NO_SUCH_TABLE = 1146;

function known(version: number): number {
  if (version <= newestVersion()) return version;
  throw new TributaryError(
    'schema_too_new',
    `The database has schema version ${version}, this program knows ${newestVersion()}: start the newer program.`,
  );
}

/** Brings the tables to the newest version. Only one process at a time may call it. */
export async function runMigrations(
  connection: PoolConnection,
): Promise<{ fromVersion: number; toVersion: number }> {
  await connection.query(
    'CREATE TABLE IF NOT EXISTS schema_migrations (version INT NOT NULL PRIMARY KEY, name VARCHAR(200) NOT NULL, ' +
      'applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE = InnoDB',
  );
  const [[row]] = await connection.query<RowDataPacket[]>(
    'SELECT COALESCE(MAX(version), 0) FROM schema_migrations',
  );
  const fromVersion = known(Number(row?.[0]));
  const migrations = readMigrations();
  for (const { version, name, statements } of migrations) {
    if (version <= fromVersion) continue;
    for (const statement of statements) await runStatement(connection, statement);
    await connection.query('INSERT INTO schema_migrations (version, name) VALUES (?, ?)', [version, name]);
  }
  return { fromVersion, toVersion: newestVersion() };
}

/** The names of the tables and views that the migrations up to this version make. */
export function tablesMade(upTo: number): string[] {
  return readMigrations()
    .filter(({ version }) => version <= upTo)
    .flatMap(({ statements }) => statements)
    .map((statement) => /^CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW) (\w+)/.exec(statement)?.[1])
    .filter((name) => name !== undefined);
}

const DUPLICATE_COLUMN = 1060;
const DUPLICATE_INDEX = 1061;

/**
 * Runs a statement of a migration. A column or an index that exists already was added by a start that ended before it
 * could record the migration.
 */
async function runStatement(connection: PoolConnection, statement: string): Promise<void> {
  try {
    await connection.query(statement);
  } catch (error) {
    const { errno } = error as { errno?: number };
    const isColumn = /^ALTER TABLE \w+ ADD COLUMN [^,]*$/.test(statement);
    const isIndex = /^ALTER TABLE \w+ ADD INDEX \w+ \([^)]*\)$/.test(statement);
    if (isColumn && errno === DUPLICATE_COLUMN) return;
    if (isIndex && errno === DUPLICATE_INDEX) return;
    throw error;
  }
}

/** Reads the numbered SQL files of the folder `migrations`. A semicolon at the end of a line ends a statement. */
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
