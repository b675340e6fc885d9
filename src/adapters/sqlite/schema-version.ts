import { readdirSync, readFileSync } from 'node:fs';
import { TributaryError } from '../../core/errors.ts';
import type { Connection } from './database.ts';
import { numberOf } from './values.ts';

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** The version that this program brings a database to. */
export function newestVersion(): number {
  return readMigrations().at(-1)?.version ?? 0;
}

/** The version of the database; 0 if no migration has run. The table `schema_migrations` must exist. */
export function schemaVersion(writer: Connection): number {
  return numberOf(
    writer.statement('SELECT coalesce(max(version), 0) AS newest FROM schema_migrations').get()?.newest,
  );
}

/**
 * Brings the tables to the newest version, inside a transaction. Throws `schema_too_new` if a later program made them.
 */
export function runMigrations(
  writer: Connection,
  nowMs: number,
): { readonly fromVersion: number; readonly toVersion: number } {
  const toVersion = newestVersion();
  writer.execute(
    'CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)',
  );
  const fromVersion = schemaVersion(writer);
  if (fromVersion > toVersion) {
    throw new TributaryError(
      'schema_too_new',
      `The store has schema version ${fromVersion}, this program knows ${toVersion}: start the newer program.`,
    );
  }
  for (const migration of readMigrations()) {
    if (migration.version > fromVersion) apply(writer, migration, nowMs);
  }
  return { fromVersion, toVersion };
}

function apply(writer: Connection, migration: Migration, nowMs: number): void {
  writer.execute(migration.sql);
  writer
    .statement('INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)')
    .run(migration.version, migration.name, new Date(nowMs).toISOString());
}

/** The names of the tables that the migrations up to this version make. */
export function tablesMade(upTo: number): string[] {
  return readMigrations()
    .filter(({ version }) => version <= upTo)
    .flatMap(({ sql }) => [...sql.matchAll(/^CREATE TABLE (\w+)/gm)].map(([, name]) => name as string));
}

/** Reads the numbered SQL files of the folder `migrations`. */
function readMigrations(): Migration[] {
  const folder = new URL('./migrations/', import.meta.url);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({
      version: Number.parseInt(name, 10),
      name,
      sql: readFileSync(new URL(name, folder), 'utf8'),
    }));
}
