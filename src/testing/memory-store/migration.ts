import {
  type AdoptionReport,
  alteredNames,
  alteredNote,
  NO_ROWS,
  namesTaken,
  notAdoptable,
  type Situation,
  type Standing,
  situationOf,
  tablesDropped,
  tooManyAltered,
  type ViewShape,
} from '../../core/adoption/index.ts';
import { DefectError, TributaryError } from '../../core/errors.ts';
import { quoted } from '../../core/text.ts';
import { refuseOtherView } from '../../core/view-names.ts';
import type { MigrationOptions, MigrationReport } from '../../ports/migration.ts';
import { shapesOf } from '../../ports/view-rebuild.ts';
import { type Examined, examineTable, takeOver } from './adoption.ts';
import type { Connection } from './connection.ts';
import type { MemoryDatabase } from './database.ts';
import { ForeignTable } from './foreign-table.ts';
import { Schema } from './schema.ts';
import { newViewState, setViewState, stateRow } from './view-state.ts';
import { ViewTable } from './view-table.ts';

/** The version of the schema. A simulated database has no older one. */
export const SCHEMA_VERSION = 1;

/** The tables that a migrated database has, as the migrations of MySQL make them. */
export const OWN_TABLES: readonly string[] = [
  'journal_segments',
  'journal_places',
  'event_journal',
  'deliveries',
  'delivery_attempts',
  'quarantine',
  'checkpoints',
  'checkpoint_decisions',
  'sweeps',
  'parked_entities',
  'delivery_repairs',
  'delivery_senders',
  'journal_index',
  'fold_snapshots',
  'view_records',
  'store_identity',
  'group_decisions',
  'jobs',
  'audit_log',
  'holds',
  'view_states',
];

/** The tables that ingest writes, except the view. */
const INGEST_TABLES = ['checkpoints', 'deliveries', 'journal_segments', 'parked_entities', 'quarantine'];

/** What was found out about the view before anything was changed. */
interface ViewPlan {
  readonly situation: Situation;
  readonly report: AdoptionReport;
  readonly examined: Examined | null;
}

/** Finds out what is there. Changes nothing. */
function planView(database: MemoryDatabase, schema: Schema | null, options: MigrationOptions): ViewPlan {
  const { view } = options;
  const { tables } = database;
  const present = tables.get(view.table);
  const record = schema?.viewRecords.get(view.table) ?? null;
  const [other = null] = schema?.viewRecords.keys() ?? [];
  if (record === null) refuseOtherView(view.table, other);
  const original = `${view.table}_original`;
  const situation = situationOf({
    table: view.table,
    record,
    present: present === undefined ? null : standingOf(view, schema, present),
    hasOriginal: tables.has(record?.originalName ?? original),
    isJournaled: (schema?.journal.count ?? 0) > 0,
  });
  const report = { table: view.table, findings: [], notes: [], ...NO_ROWS } as const;
  const plan = { situation, examined: null };
  switch (situation.kind) {
    case 'refuse':
      return { ...plan, report: { ...report, verdict: 'refuse', findings: [situation.finding] } };
    case 'make':
      return { ...plan, report: { ...report, verdict: 'absent' } };
    case 'examine': {
      const needed = [original, `${view.table}_adopting`];
      const examined = examineTable(database, options, present as ForeignTable, needed);
      return { situation, report: examined.report, examined };
    }
    default:
      return { ...plan, report: { ...report, verdict: 'ours' } };
  }
}

function standingOf(view: ViewShape, schema: Schema | null, table: ViewTable | ForeignTable): Standing {
  if (table instanceof ForeignTable)
    return { isMarkedOurs: false, mismatch: 'it is a table of another program' };
  const shapes = shapesOf(view, schema?.viewStates.get(view.table)?.state ?? null);
  const mismatches = shapes.map((shape) => mismatchOf(shape, table));
  return { isMarkedOurs: true, mismatch: mismatches.includes(null) ? null : (mismatches.at(-1) ?? null) };
}

function mismatchOf({ keyColumn, columns }: ViewShape, table: ViewTable): string | null {
  if (table.keyColumn !== keyColumn) return `it has no column ${keyColumn}`;
  for (const { name, type } of columns) {
    const found = table.columns.find((column) => column.name === name);
    if (found === undefined) return `it has no column ${name}`;
    if (found.type !== type) return `its ${name} is a ${found.type}, not a ${type}`;
  }
  return null;
}

/**
 * The schema as it is recorded; null if there is none. Rejects if another program has tables with our names, if one of
 * ours was dropped, or if a later program made the schema.
 */
function recordedSchema({ schema, tables }: MemoryDatabase): Schema | null {
  const strangers = ['schema_migrations', ...OWN_TABLES].filter((name) => tables.has(name));
  if (strangers.length > 0) throw namesTaken(strangers);
  if (schema === null) return null;
  const missing = OWN_TABLES.filter((name) => schema.dropped.has(name));
  if (schema.dropped.has('schema_migrations')) {
    if (missing.length < OWN_TABLES.length)
      throw namesTaken(OWN_TABLES.filter((name) => !schema.dropped.has(name)));
    return null;
  }
  const version = versionOf(schema);
  if (version > SCHEMA_VERSION)
    throw new TributaryError(
      'schema_too_new',
      `The simulated database has schema version ${version}, this program knows ${SCHEMA_VERSION}.`,
    );
  if (missing.length > 0) throw tablesDropped(version, missing);
  return schema;
}

function versionOf({ migrations }: Schema): number {
  return Math.max(0, ...migrations.map(({ version }) => version));
}

export function examine(connection: Connection, options: MigrationOptions): Promise<AdoptionReport> {
  return connection.look('examine the view', (database) => {
    const schema = recordedSchema(database);
    return planView(database, schema, options).report;
  });
}

/** Brings the schema up to date in one step. */
export function migrate(connection: Connection, options: MigrationOptions): Promise<MigrationReport> {
  return connection.look('migrate', (database) => {
    const found = recordedSchema(database);
    const plan = planView(database, found, options);
    if (plan.report.verdict === 'refuse') throw notAdoptable(plan.report);
    const fromVersion = found === null ? 0 : versionOf(found);
    const schema = found ?? makeSchema(connection);
    database.schema = schema;
    if (fromVersion < SCHEMA_VERSION)
      schema.migrations.push({ version: SCHEMA_VERSION, name: '0001-simulated.sql' });
    const prepared = prepareView(database, schema, options, plan);
    noteView(schema, options, plan.situation);
    return { fromVersion, toVersion: SCHEMA_VERSION, ...prepared };
  });
}

function makeSchema({ clock, database }: Connection): Schema {
  return new Schema(clock.uuid(), database.nextIncarnation());
}

/** Makes the view what the plan says. */
function prepareView(
  database: MemoryDatabase,
  schema: Schema,
  options: MigrationOptions,
  { situation, report, examined }: ViewPlan,
): Pick<MigrationReport, 'adoptedRows' | 'viewIsEmpty' | 'notes'> {
  const { view } = options;
  const { tables } = database;
  const notes = report.notes.map((note) => `Of the table ${quoted(view.table)}: ${note}.`);
  const make = () => tables.set(view.table, new ViewTable(view.keyColumn, view.columns));
  const viewIsEmpty = schema.journal.count > 0;
  switch (situation.kind) {
    case 'keep':
      return { adoptedRows: 0, viewIsEmpty: false, notes };
    case 'make':
    case 'remake':
      schema.viewRecords.set(view.table, { state: 'finished', originalName: null });
      make();
      return { adoptedRows: 0, viewIsEmpty, notes };
    case 'replace': {
      const altered = alteredNames(view.table).find((name) => !tables.has(name));
      if (altered === undefined) throw tooManyAltered(view.table, situation.mismatch);
      tables.set(altered, database.viewTable(view.table));
      make();
      const note = alteredNote(view.table, situation.mismatch, altered);
      return { adoptedRows: 0, viewIsEmpty, notes: [note] };
    }
    default: {
      const from = tables.get(view.table);
      if (!(from instanceof ForeignTable) || examined?.reading == null)
        throw new DefectError('A simulated database takes a table over in one step.');
      const adoptedRows = takeOver(database, schema, options, examined.reading, from);
      return { adoptedRows, viewIsEmpty: false, notes };
    }
  }
}

/** Records by which fold and with which columns the rows are made. */
function noteView(
  schema: Schema,
  { view, foldVersion = 1 }: Pick<MigrationOptions, 'view' | 'foldVersion'>,
  { kind }: Situation,
): void {
  const known = schema.viewStates.get(view.table)?.state;
  const isMade = kind === 'make' || kind === 'remake' || kind === 'replace';
  if (known === undefined) {
    const state = newViewState(view, foldVersion);
    // The record is made first, and then says that the table was made anew.
    schema.viewStates.set(view.table, stateRow(isMade ? { ...state, epoch: 2 } : state));
    return;
  }
  if (!isMade) return;
  const parts = newViewState(view, foldVersion);
  setViewState(schema, view.table, { ...parts, epoch: known.epoch + 1, beat: known.beat });
}

/** Rejects with `store_refused` unless the schema has the version of this program. */
export function requireCurrentSchema(connection: Connection): Promise<void> {
  return connection.look('look at the schema', ({ schema }) => {
    const version = schema === null ? 0 : versionOf(schema);
    if (version === SCHEMA_VERSION) return;
    throw new TributaryError(
      'store_refused',
      `The simulated database has schema version ${version}, and this program needs version ${SCHEMA_VERSION}: run order-sync migrate.`,
    );
  });
}

export function incarnation(connection: Connection): Promise<string> {
  return connection.read('read the incarnation', incarnationOf);
}

function incarnationOf({ dropped, incarnation: text }: Schema): string {
  const missing = INGEST_TABLES.filter((table) => dropped.has(table));
  if (missing.length === 0) return text;
  throw new TributaryError('table_missing', `The simulated database lacks the tables ${missing.join(', ')}.`);
}

/** Makes the view's table if all other tables are there. Answers whether it was missing. */
export function remakeView(connection: Connection, view: ViewShape, foldVersion: number): Promise<boolean> {
  return connection.write('make the view again', ({ schema }) => {
    incarnationOf(schema);
    const { tables } = connection.database;
    if (tables.has(view.table)) return false;
    tables.set(view.table, new ViewTable(view.keyColumn, view.columns));
    noteView(schema, { view, foldVersion }, { kind: 'remake' });
    return true;
  });
}
