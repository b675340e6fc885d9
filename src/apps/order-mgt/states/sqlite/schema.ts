import type { DatabaseSync } from 'node:sqlite';
import { Migrations } from '../../../../adapters/sqlite/index.ts';

/** The file's `user_version` is the number of the last migration that has run. */
const MIGRATIONS = new Migrations(new URL('./migrations/', import.meta.url));

/** Brings the schema up to date in one transaction. Throws `schema_too_new` and SQLite's own errors. */
export function updateSchema(database: DatabaseSync, file: string): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    const version = Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
    for (const { sql } of MIGRATIONS.after(version, `The database ${file}`)) database.exec(sql);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.newestVersion}`);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
