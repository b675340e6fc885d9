import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreHarness } from './fixtures.ts';

/** The migrations that tests undo, the oldest first, with what each made. */
const MADE = [
  { name: 'view-records', tables: ['view_records'] },
  { name: 'store-identity', tables: ['store_identity', 'group_decisions'] },
  { name: 'quarantine-by-reason', index: 'quarantine_by_reason' },
  { name: 'jobs-and-audit', tables: ['jobs', 'audit_log'] },
  { name: 'redrive-jobs-moved', dropped: 'redrive_jobs' },
  {
    name: 'quarantine-settled',
    index: 'quarantine_open',
    columns: ['settled_as', 'settled_at', 'settled_by', 'settled_reason'],
    droppedIndex: 'quarantine_by_reason ON quarantine (topic, reason)',
  },
  { name: 'holds', tables: ['holds'] },
  { name: 'entity-versions', journal: ['event_journal_by_version', 'entity_version'] },
  { name: 'view-states', tables: ['view_states'] },
  { name: 'traces', added: ['event_journal.trace_parent', 'event_journal.trace_state', 'deliveries.trace'] },
] as const;

/** The columns of the table that had the jobs before there were several kinds, in both kinds of SQL. */
const REDRIVE_JOBS =
  'CREATE TABLE redrive_jobs (job_id VARCHAR(100) PRIMARY KEY, filter TEXT NOT NULL, is_dry_run INT NOT NULL, ' +
  'state VARCHAR(20) NOT NULL, matched INT NOT NULL, redriven INT NOT NULL, cursor_target VARCHAR(100), ' +
  'cursor_entity_id VARCHAR(255), requested_by VARCHAR(255) NOT NULL, created_at BIGINT NOT NULL, ' +
  'updated_at BIGINT NOT NULL, finished_at BIGINT, claimed_by VARCHAR(100), leased_until BIGINT NOT NULL)';

/** Undoes this migration and all later ones. Gives the version that the schema has then. */
export async function asBefore(
  harness: StoreHarness,
  migration: (typeof MADE)[number]['name'],
): Promise<number> {
  const applied = await harness.rawQuery('SELECT version, name FROM schema_migrations ORDER BY version');
  const files = applied.map(({ version, name }) => ({ version: Number(version), name: String(name) }));
  const first = files.findIndex(({ name }) => name.endsWith(`-${migration}.sql`));
  for (const { name } of files.slice(first).reverse()) {
    const made = MADE.find((known) => name.endsWith(`-${known.name}.sql`)) ?? { tables: tablesOf(name) };
    if ('dropped' in made) await harness.rawQuery(REDRIVE_JOBS);
    if ('droppedIndex' in made) await harness.rawQuery(`CREATE INDEX ${made.droppedIndex}`);
    if ('index' in made) await dropIndex(harness, made.index);
    if ('columns' in made)
      for (const column of made.columns)
        await harness.rawQuery(`ALTER TABLE quarantine DROP COLUMN ${column}`);
    if ('added' in made) for (const column of made.added) await dropColumn(harness, column);
    if ('journal' in made) await dropFromJournal(harness, ...made.journal);
    if ('tables' in made) for (const table of made.tables) await harness.rawQuery(`DROP TABLE ${table}`);
  }
  const version = files[first]?.version ?? 0;
  await harness.rawQuery(`DELETE FROM schema_migrations WHERE version >= ${version}`);
  return version - 1;
}

/** Does nothing for a column of event_journal on MySQL, where it is a view that a migration makes again. */
async function dropColumn(harness: StoreHarness, name: string): Promise<void> {
  const [table, column] = name.split('.');
  const drop = harness.rawQuery(`ALTER TABLE ${table} DROP COLUMN ${column}`);
  await (table === 'event_journal' ? drop.catch(() => null) : drop);
}

/** Does nothing on MySQL, whose journal keeps versions in its segments. */
async function dropFromJournal(harness: StoreHarness, index: string, column: string): Promise<void> {
  const dropped = await harness.rawQuery(`DROP INDEX ${index}`).catch(() => null);
  if (dropped !== null) await harness.rawQuery(`ALTER TABLE event_journal DROP COLUMN ${column}`);
}

/** The tables that a migration makes which is not listed above. Both kinds of schema number it in their own way. */
function tablesOf(name: string): string[] {
  const adapters = join(import.meta.dirname, '../../../src/adapters');
  const files = ['sqlite', 'mysql'].map((adapter) => join(adapters, adapter, 'migrations', name));
  const file = files.find((path) => existsSync(path));
  const sql = file === undefined ? '' : readFileSync(file, 'utf8');
  return [...sql.matchAll(/^CREATE TABLE (\w+)/gm)].map(([, table]) => table as string);
}

/** Tries the syntax of SQLite first, then that of MySQL. */
async function dropIndex(harness: StoreHarness, index: string): Promise<void> {
  const drop = `DROP INDEX ${index}`;
  await harness.rawQuery(drop).catch(() => harness.rawQuery(`${drop} ON quarantine`));
}
