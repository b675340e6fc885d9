import { readdirSync, readFileSync } from 'node:fs';
import { TributaryError } from '../../core/errors.ts';
import type { MigrationOptions, MigrationReport } from '../../ports/store.ts';
import { adoptTable, notAdoptable } from './adoption.ts';
import { type Connection, type Database, numberOf, textOf } from './connection.ts';
import type { ViewDefinition } from './options.ts';
import type { ViewTable } from './view-table.ts';

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/**
 * Brings the schema up to date and makes or takes over the view's table, all in one transaction, so that of
 * several processes that start at once one does the work and the others find it done.
 */
export async function migrate(
  database: Database,
  view: ViewTable,
  options: MigrationOptions,
): Promise<MigrationReport> {
  refuseReservedNames(view.definition);
  const migrations = readMigrations();
  const toVersion = migrations.at(-1)?.version ?? 0;
  return database.write(async (writer) => {
    const fromVersion = schemaVersion(writer);
    if (fromVersion > toVersion) {
      throw new TributaryError(
        'schema_too_new',
        `The store has schema version ${fromVersion}, this program knows ${toVersion}: start the newer program.`,
      );
    }
    for (const migration of migrations) {
      if (migration.version > fromVersion) apply(writer, migration, options.nowMs);
    }
    return { fromVersion, toVersion, ...(await prepareView(writer, view, options)) };
  });
}

function schemaVersion(writer: Connection): number {
  writer.execute(
    'CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)',
  );
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

/** The numbered files beside this one. */
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

/** Makes the view's table, or takes over the one that another program made. */
async function prepareView(
  writer: Connection,
  view: ViewTable,
  options: MigrationOptions,
): Promise<Pick<MigrationReport, 'adoptedRows' | 'viewIsEmpty'>> {
  const existing = view.existingColumns(writer);
  if (existing.length === 0) {
    view.create(writer);
    const isAnyJournaled = writer.statement('SELECT 1 FROM event_journal LIMIT 1').get() !== undefined;
    return { adoptedRows: 0, viewIsEmpty: isAnyJournaled };
  }
  if (!existing.includes('version'))
    return { adoptedRows: await adoptTable(writer, view, existing, options), viewIsEmpty: false };

  const { table, keyColumn, columns } = view.definition;
  const expected = [keyColumn, ...columns.map((column) => column.name), 'version'];
  if (existing.join() !== expected.join()) {
    throw notAdoptable(
      table,
      `it has the columns ${existing.join(', ')}, where ${expected.join(', ')} are expected`,
    );
  }
  return { adoptedRows: 0, viewIsEmpty: false };
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
  if (view.existingColumns(writer).length > 0) return false;
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
