import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import {
  type AdoptionReport,
  alteredNames,
  alteredNote,
  isSameName,
  NO_ROWS,
  notAdoptable,
  type Situation,
  type Standing,
  situationOf,
  tooManyAltered,
  VIEW_MARK,
  type ViewRecord,
  type ViewShape,
} from '../../core/adoption/index.ts';
import { DefectError, isRetryable, TributaryError } from '../../core/errors.ts';
import { quoted } from '../../core/text.ts';
import { refuseOtherView } from '../../core/view-names.ts';
import type { MigrationOptions, MigrationReport } from '../../ports/migration.ts';
import { shapesOf } from '../../ports/view-rebuild.ts';
import { copyRows, type Examined, examineTable } from './adoption.ts';
import { findTables, type TableFacts } from './catalog.ts';
import { namesOf } from './connection-names.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { identifier } from './identifier.ts';
import { textOf } from './values.ts';
import { findViewState } from './view-state.ts';
import { createView, standingOf } from './view-table.ts';

/** Seconds that renaming the original table waits for transactions that use it. */
const RENAME_WAIT_SECONDS = 30;

/** What was found out about the view before anything was changed. `prepareView` acts on it. */
export interface ViewPlan {
  readonly situation: Situation;
  /** The record that an older version would have written, if it had written records. */
  readonly legacyRecord: ViewRecord | null;
  readonly report: AdoptionReport;
  readonly examined: Examined | null;
  /** Whether an earlier attempt left a copy behind, which has to be removed. */
  readonly hasOldCopy: boolean;
}

interface Names {
  readonly present: string;
  /** The table into which another program's rows are copied. */
  readonly adopting: string;
  /** The new name of the other program's table. */
  readonly original: string;
}

function besides(table: string): Names {
  return {
    present: table,
    adopting: `${table}_adopting`,
    original: `${table}_original`,
  };
}

/** Finds out what is there. Changes nothing. `fromVersion` is the present version of the schema. */
export async function planView(
  pool: ConnectionPool,
  connection: PoolConnection,
  options: MigrationOptions,
  fromVersion: number,
): Promise<ViewPlan> {
  const { view } = options;
  const names = besides(view.table);
  const own = namesOf(connection);
  const [records, states, segments] = [
    own.of('view_records'),
    own.of('view_states'),
    own.of('journal_segments'),
  ];
  const tables = await findTables(connection, [...Object.values(names), records, states, segments]);
  const facts = tables.get(names.present);
  const state = tables.has(states) ? await findViewState(connection, view.table) : null;
  const present = await standingOfAny(connection, view, shapesOf(view, state), facts);
  const isJournaled = tables.has(segments) && (await hasRows(connection, segments));
  const stored = tables.has(records) ? await readRecord(connection, view.table) : null;
  if (tables.has(records) && stored === null)
    refuseOtherView(view.table, await otherView(connection, view.table));
  const isOlder = fromVersion > 0 && !tables.has(records);
  const copy = isOlder ? await standingOf(connection, view, tables.get(names.adopting)) : null;
  const isCopied = copy?.mismatch === null && (await hasRows(connection, names.adopting));
  const legacyRecord = isOlder ? recordOfOlderVersion(present, isCopied, isJournaled) : null;
  const record = stored ?? legacyRecord;
  const situation = situationOf({
    table: view.table,
    record,
    present,
    hasOriginal: tables.has(record?.originalName ?? names.original),
    isJournaled,
  });
  const report = { table: view.table, findings: [], notes: [], ...NO_ROWS } as const;
  const hasOldCopy = record?.state === 'adopting' || (copy?.mismatch === null && !isCopied);
  const plan = { situation, legacyRecord, examined: null, hasOldCopy };
  switch (situation.kind) {
    case 'refuse':
      return { ...plan, report: { ...report, verdict: 'refuse', findings: [situation.finding] } };
    case 'make':
      return {
        ...plan,
        report: { ...report, verdict: 'absent', notes: await otherSpellings(connection, view.table) },
      };
    case 'examine': {
      // A copy of an earlier attempt may be removed. Another program's table of this name has to be moved by its owner.
      const needed = hasOldCopy ? [names.original] : [names.original, names.adopting];
      const examined = await examineTable(pool, connection, options, facts as TableFacts, needed);
      return { ...plan, report: examined.report, examined };
    }
    case 'begin_again': {
      const original = tables.get(record?.originalName ?? names.original) as TableFacts;
      const examined = await examineTable(pool, connection, options, original, []);
      return { ...plan, report: examined.report, examined };
    }
    default:
      return { ...plan, report: { ...report, verdict: 'ours' } };
  }
}

/** The table fits if it has one of these shapes; if it has none, it is compared with the last. */
async function standingOfAny(
  connection: PoolConnection,
  view: ViewShape,
  shapes: readonly ViewShape[],
  facts: TableFacts | undefined,
): Promise<Standing | null> {
  let standing = await standingOf(connection, shapes[0] ?? view, facts);
  for (const shape of shapes.slice(1)) {
    if (standing === null || standing.mismatch === null) break;
    standing = await standingOf(connection, shape, facts);
  }
  return standing;
}

/**
 * The record of a view that an older version made, which wrote no records. The evidence is a table of our layout or, if
 * that version ended between copying and renaming, the finished copy.
 */
function recordOfOlderVersion(
  present: Standing | null,
  isCopied: boolean,
  isJournaled: boolean,
): ViewRecord | null {
  if (present?.mismatch === null) return { state: 'finished', originalName: null };
  if (!isJournaled) return null;
  // That version renamed both tables in one statement, so the original still has its own name.
  return { state: isCopied ? 'copied' : 'finished', originalName: null };
}

/** Makes the view what the plan says. */
export async function prepareView(
  pool: ConnectionPool,
  connection: PoolConnection,
  options: MigrationOptions,
  plan: ViewPlan,
): Promise<Pick<MigrationReport, 'adoptedRows' | 'viewIsEmpty' | 'notes'>> {
  const { situation, legacyRecord, report } = plan;
  if (report.verdict === 'refuse') throw notAdoptable(report);
  const { view } = options;
  const names = besides(view.table);
  const segments = namesOf(connection).of('journal_segments');
  const write = (record: ViewRecord, adoptedRows = 0) =>
    writeRecord(connection, view.table, record, adoptedRows, options.nowMs);
  const finished: ViewRecord = { state: 'finished', originalName: null };
  const notes = report.notes.map((note) => `Of the table ${quoted(view.table)}: ${note}.`);
  switch (situation.kind) {
    case 'keep':
      if (legacyRecord !== null) {
        await write(legacyRecord);
        await markView(connection, names.present);
      }
      return { adoptedRows: 0, viewIsEmpty: false, notes };
    case 'make':
    case 'remake':
      await write(finished);
      await createView(connection, view, names.present);
      return { adoptedRows: 0, viewIsEmpty: await hasRows(connection, segments), notes };
    case 'replace': {
      const taken = await findTables(connection, alteredNames(view.table));
      const altered = alteredNames(view.table).find((name) => !taken.has(name));
      if (altered === undefined) throw tooManyAltered(view.table, situation.mismatch);
      await connection.query(`RENAME TABLE ${identifier(names.present)} TO ${identifier(altered)}`);
      if (legacyRecord !== null) await write(legacyRecord);
      await createView(connection, view, names.present);
      return {
        adoptedRows: 0,
        viewIsEmpty: await hasRows(connection, segments),
        notes: [alteredNote(view.table, situation.mismatch, altered)],
      };
    }
    case 'finish':
      return { adoptedRows: await finishNames(connection, options, names), viewIsEmpty: false, notes };
    case 'examine':
    case 'begin_again':
      return {
        adoptedRows: await adopt(pool, connection, options, names, plan),
        viewIsEmpty: false,
        notes,
      };
    case 'refuse':
      throw notAdoptable(report);
  }
}

/**
 * Takes another program's table over. Renames it first, so that its program cannot write to it any more and the copy is
 * complete. Removes a copy of an earlier attempt, which nobody has used.
 */
async function adopt(
  pool: ConnectionPool,
  connection: PoolConnection,
  options: MigrationOptions,
  names: Names,
  { situation, examined, hasOldCopy }: ViewPlan,
): Promise<number> {
  const reading = examined?.reading ?? null;
  if (reading === null) throw new DefectError('A table whose rows cannot be read is never taken over.');
  const { view } = options;
  const { original, adopting, present } = names;
  const write = (record: ViewRecord, adoptedRows: number) =>
    writeRecord(connection, view.table, record, adoptedRows, options.nowMs);
  await write({ state: 'adopting', originalName: original }, 0);
  if (situation.kind === 'begin_again') await throwAwayCopy(connection, adopting);
  else {
    if (hasOldCopy) await connection.query(`DROP TABLE IF EXISTS ${identifier(adopting)}`);
    await renamePatiently(connection, present, original);
  }
  await createView(connection, view, adopting);
  let rows: number;
  try {
    rows = await copyRows(pool, options, reading, original, adopting);
  } catch (error) {
    // A row has changed between the examination and the renaming. After a retryable error the adoption goes on later
    // from where it stands.
    if (!isRetryable(error)) {
      await throwAwayCopy(connection, adopting);
      await connection.query(`RENAME TABLE ${identifier(original)} TO ${identifier(present)}`);
      await connection.query('DELETE FROM view_records WHERE view_name = ?', [view.table]);
    }
    throw error;
  }
  await write({ state: 'copied', originalName: original }, rows);
  await connection.query(`RENAME TABLE ${identifier(adopting)} TO ${identifier(present)}`);
  await write({ state: 'finished', originalName: original }, rows);
  return rows;
}

async function renamePatiently(connection: PoolConnection, from: string, to: string): Promise<void> {
  await connection.query(`SET SESSION lock_wait_timeout = ${RENAME_WAIT_SECONDS}`);
  try {
    await connection.query(`RENAME TABLE ${identifier(from)} TO ${identifier(to)}`);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ER_LOCK_WAIT_TIMEOUT') throw error;
    throw new TributaryError(
      'store_busy',
      `The table ${quoted(from)} is to be taken over, and another program has a transaction open that uses it: stop that program.`,
    );
  } finally {
    await connection.query('SET SESSION lock_wait_timeout = DEFAULT');
  }
}

/** Empties the journal and the ledger too, because both were empty when the adoption began. */
async function throwAwayCopy(connection: PoolConnection, adopting: string): Promise<void> {
  await connection.query(`DROP TABLE IF EXISTS ${identifier(adopting)}`);
  for (const name of ['journal_segments', 'deliveries']) {
    const table = namesOf(connection).of(name);
    if (await hasRows(connection, table)) await connection.query(`TRUNCATE TABLE ${table}`);
  }
}

async function finishNames(
  connection: PoolConnection,
  { view, nowMs }: MigrationOptions,
  { present, adopting, original }: Names,
): Promise<number> {
  const tables = await findTables(connection, [present, adopting]);
  const renamings = [[adopting, present]];
  if (tables.has(adopting)) {
    // An older version left the original table its own name.
    if (tables.has(present)) renamings.unshift([present, original]);
    const list = renamings.map(
      ([from, to]) => `${identifier(from as string)} TO ${identifier(to as string)}`,
    );
    await connection.query(`RENAME TABLE ${list.join(', ')}`);
    await markView(connection, present);
  }
  const [[row]] = await connection.query<RowDataPacket[]>(`SELECT COUNT(*) FROM ${identifier(present)}`);
  const rows = Number(row?.[0]);
  await writeRecord(connection, view.table, { state: 'finished', originalName: original }, rows, nowMs);
  return rows;
}

/** Another view that these tables belong to; null if there is none. */
async function otherView(connection: PoolConnection, table: string): Promise<string | null> {
  const [[row]] = await connection.query<RowDataPacket[]>(
    'SELECT view_name FROM view_records WHERE view_name <> ? LIMIT 1',
    [table],
  );
  return row === undefined ? null : textOf(row[0]);
}

async function readRecord(connection: PoolConnection, table: string): Promise<ViewRecord | null> {
  const [[row]] = await connection.query<RowDataPacket[]>(
    'SELECT state, original_name FROM view_records WHERE view_name = ?',
    [table],
  );
  if (row === undefined) return null;
  return {
    // The column's type allows these three words only.
    state: textOf(row[0]) as ViewRecord['state'],
    originalName: row[1] === null ? null : textOf(row[1]),
  };
}

async function writeRecord(
  connection: PoolConnection,
  table: string,
  { state, originalName }: ViewRecord,
  adoptedRows: number,
  nowMs: number,
): Promise<void> {
  await connection.query(
    'INSERT INTO view_records (view_name, state, original_name, adopted_rows, since) VALUES (?, ?, ?, ?, ?) ' +
      'ON DUPLICATE KEY UPDATE state = VALUES(state), original_name = VALUES(original_name), ' +
      'adopted_rows = VALUES(adopted_rows), since = VALUES(since)',
    [table, state, originalName, adoptedRows, nowMs],
  );
}

async function hasRows(connection: PoolConnection, table: string): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>(`SELECT 1 FROM ${identifier(table)} LIMIT 1`);
  return rows.length > 0;
}

/**
 * Notes on tables whose names differ from the view's only in case. On a server that distinguishes them, they are left
 * alone.
 */
async function otherSpellings(connection: PoolConnection, table: string): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>('SHOW TABLES');
  return rows
    .map((row) => textOf(row[0]))
    .filter((name) => name !== table && isSameName(name, table))
    .map((name) => `there is a table ${quoted(name)}, which on this server is another one: it is left alone`);
}

/** Marks a table as ours that an older version made without the mark. */
async function markView(connection: PoolConnection, table: string): Promise<void> {
  await connection.query(`ALTER TABLE ${identifier(table)} COMMENT = '${VIEW_MARK}'`);
}
