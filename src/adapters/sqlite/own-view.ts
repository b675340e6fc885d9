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
import type { MigrationOptions, MigrationReport } from '../../ports/store.ts';
import { copyRows, type Examined, examineTable } from './adoption.ts';
import { findTable, type TableFacts } from './catalog.ts';
import { type Connection, nullOr, textOf } from './connection.ts';
import { quoteName, type ViewTable } from './view-table.ts';

/** What was found out about the view before anything was touched, and is then done by `prepareView`. */
export interface ViewPlan {
  readonly situation: Situation;
  /** Whether the view is ours by the evidence of an older version, which could write no record. */
  readonly isUnrecorded: boolean;
  readonly report: AdoptionReport;
  readonly examined: Examined | null;
}

/** Looks at what is there, and changes nothing. `fromVersion` is that of the schema as it is. */
export async function planView(
  connection: Connection,
  view: ViewTable,
  options: MigrationOptions,
  fromVersion: number,
): Promise<ViewPlan> {
  const { table } = view.definition;
  const present = findTable(connection, table);
  const standing = present === null ? null : view.standing(connection, present);
  const hasRecords = findTable(connection, 'view_records') !== null;
  const isJournaled = isAnyJournaled(connection);
  const stored = hasRecords ? readRecord(connection, table) : null;
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

/** Makes the view what the plan says it has to be: part of the migration's transaction. */
export async function prepareView(
  writer: Connection,
  view: ViewTable,
  options: MigrationOptions,
  { situation, isUnrecorded, report, examined }: ViewPlan,
): Promise<Pick<MigrationReport, 'adoptedRows' | 'viewIsEmpty' | 'notes'>> {
  if (report.verdict === 'refuse') throw notAdoptable(report);
  const { table } = view.definition;
  const notes = report.notes.map((note) => `Of the table ${quoted(table)}: ${note}.`);
  const write = (originalName: string | null, adoptedRows: number) =>
    writeRecord(writer, table, originalName, adoptedRows, options.nowMs);
  switch (situation.kind) {
    case 'keep':
      if (isUnrecorded) write(null, 0);
      return { adoptedRows: 0, viewIsEmpty: false, notes };
    case 'replace': {
      const altered = alteredNames(table).find((name) => findTable(writer, name) === null);
      if (altered === undefined) throw tooManyAltered(table, situation.mismatch);
      rename(writer, table, altered);
      view.create(writer);
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
      view.create(writer);
      const adoptedRows = await copyRows(writer, view, options, reading, original);
      write(original, adoptedRows);
      return { adoptedRows, viewIsEmpty: false, notes };
    }
    default:
      view.create(writer);
      write(null, 0);
      return { adoptedRows: 0, viewIsEmpty: isAnyJournaled(writer), notes };
  }
}

/** Nothing else in the schema is changed with it, or looked at: a view that names a missing table would be an error. */
function rename(writer: Connection, from: string, to: string): void {
  writer.execute('PRAGMA legacy_alter_table = ON');
  try {
    writer.execute(`ALTER TABLE ${quoteName(from)} RENAME TO ${quoteName(to)}`);
  } finally {
    writer.execute('PRAGMA legacy_alter_table = OFF');
  }
}

function isAnyJournaled(connection: Connection): boolean {
  if (findTable(connection, 'event_journal') === null) return false;
  return connection.statement('SELECT 1 FROM event_journal LIMIT 1').get() !== undefined;
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
