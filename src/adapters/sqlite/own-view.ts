import {
  type AdoptionReport,
  alteredNames,
  alteredNote,
  NO_ROWS,
  notAdoptable,
  type Situation,
  situationOf,
  tooManyAltered,
  type ViewRecord,
} from '../../core/adoption/index.ts';
import { DefectError } from '../../core/errors.ts';
import { quoted } from '../../core/text.ts';
import { refuseOtherView } from '../../core/view-names.ts';
import type { MigrationOptions, MigrationReport } from '../../ports/migration.ts';
import { shapesOf } from '../../ports/view-rebuild.ts';
import { copyRows, type Examined, examineTable } from './adoption.ts';
import { findTables, type TableFacts } from './catalog.ts';
import type { Connection } from './database.ts';
import { rename } from './rename.ts';
import { nullOr, textOf } from './values.ts';
import { findViewState } from './view-state.ts';
import { createView, standingOf } from './view-table.ts';

/** What was found out about the view before anything was changed. `prepareView` acts on it. */
export interface ViewPlan {
  readonly situation: Situation;
  /** Whether the view is ours although it has no record, because an older version made it that wrote none. */
  readonly isUnrecorded: boolean;
  readonly report: AdoptionReport;
  readonly examined: Examined | null;
}

/** Finds out what is there. Changes nothing. `fromVersion` is the present version of the schema. */
export async function planView(
  connection: Connection,
  options: MigrationOptions,
  fromVersion: number,
): Promise<ViewPlan> {
  const { view } = options;
  const { table } = view;
  const { names } = connection;
  const [records, states] = [names.of('view_records'), names.of('view_states')];
  const tables = findTables(connection, [table, records, states]);
  const present = tables.get(table);
  const state = tables.has(states) ? findViewState(connection, table) : null;
  // The exchange of the tables and its record are one transaction here, so the first shape is the table's.
  const [shape = view] = shapesOf(view, state);
  const standing = standingOf(connection, shape, present);
  const hasRecords = tables.has(records);
  const isJournaled = isAnyJournaled(connection);
  const stored = hasRecords ? readRecord(connection, table) : null;
  if (hasRecords && stored === null) refuseOtherView(table, otherView(connection, table));
  const isOurs = standing?.mismatch === null || isJournaled;
  const isUnrecorded = !hasRecords && fromVersion > 0 && isOurs;
  const record: ViewRecord | null = isUnrecorded ? { state: 'finished', originalName: null } : stored;
  const situation = situationOf({
    table,
    record,
    present: standing,
    hasOriginal: false,
    isJournaled,
  });
  const report = { table, findings: [], notes: [], ...NO_ROWS } as const;
  const plan = { situation, isUnrecorded, examined: null };
  switch (situation.kind) {
    case 'refuse':
      return { ...plan, report: { ...report, verdict: 'refuse', findings: [situation.finding] } };
    case 'make':
      return { ...plan, report: { ...report, verdict: 'absent' } };
    case 'examine': {
      const examined = await examineTable(connection, options, present as TableFacts, [`${table}_original`]);
      return { ...plan, report: examined.report, examined };
    }
    default:
      return { ...plan, report: { ...report, verdict: 'ours' } };
  }
}

/** Makes the view what the plan says, in the transaction of the migration. */
export async function prepareView(
  writer: Connection,
  options: MigrationOptions,
  { situation, isUnrecorded, report, examined }: ViewPlan,
): Promise<Pick<MigrationReport, 'adoptedRows' | 'viewIsEmpty' | 'notes'>> {
  if (report.verdict === 'refuse') throw notAdoptable(report);
  const { view } = options;
  const { table } = view;
  const notes = report.notes.map((note) => `Of the table ${quoted(table)}: ${note}.`);
  const write = (originalName: string | null, adoptedRows: number) =>
    writeRecord(writer, table, originalName, adoptedRows, options.nowMs);
  switch (situation.kind) {
    case 'keep':
      if (isUnrecorded) write(null, 0);
      return { adoptedRows: 0, viewIsEmpty: false, notes };
    case 'replace': {
      const taken = findTables(writer, alteredNames(table));
      const altered = alteredNames(table).find((name) => !taken.has(name));
      if (altered === undefined) throw tooManyAltered(table, situation.mismatch);
      rename(writer, table, altered);
      createView(writer, view);
      if (isUnrecorded) write(null, 0);
      return {
        adoptedRows: 0,
        viewIsEmpty: isAnyJournaled(writer),
        notes: [alteredNote(table, situation.mismatch, altered)],
      };
    }
    case 'examine': {
      const reading = examined?.reading ?? null;
      if (reading === null) throw new DefectError('A table whose rows cannot be read is never taken over.');
      const original = `${table}_original`;
      rename(writer, reading.found.name, original);
      createView(writer, view);
      const adoptedRows = await copyRows(writer, options, reading, original);
      write(original, adoptedRows);
      return { adoptedRows, viewIsEmpty: false, notes };
    }
    default:
      createView(writer, view);
      write(null, 0);
      return { adoptedRows: 0, viewIsEmpty: isAnyJournaled(writer), notes };
  }
}

function isAnyJournaled(connection: Connection): boolean {
  if (findTables(connection, [connection.names.of('event_journal')]).size === 0) return false;
  return connection.statement('SELECT 1 FROM event_journal LIMIT 1').get() !== undefined;
}

/** Another view that these tables belong to; null if there is none. */
function otherView(connection: Connection, table: string): string | null {
  const row = connection
    .statement('SELECT view_name FROM view_records WHERE view_name <> ? LIMIT 1')
    .get(table);
  return nullOr(row?.view_name, textOf);
}

function readRecord(connection: Connection, table: string): ViewRecord | null {
  const row = connection.statement('SELECT original_name FROM view_records WHERE view_name = ?').get(table);
  return row === undefined ? null : { state: 'finished', originalName: nullOr(row.original_name, textOf) };
}

function writeRecord(
  writer: Connection,
  table: string,
  originalName: string | null,
  adoptedRows: number,
  nowMs: number,
): void {
  writer
    .statement(
      `INSERT INTO view_records (view_name, original_name, adopted_rows, since) VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET original_name = excluded.original_name, adopted_rows = excluded.adopted_rows,
        since = excluded.since`,
    )
    .run(table, originalName, adoptedRows, nowMs);
}
