import type { ViewShape } from '../../core/adoption/index.ts';
import type { ViewColumn } from '../../core/domain.ts';
import { TributaryError } from '../../core/errors.ts';
import { columnsFromText, columnsText } from '../../core/view-columns.ts';
import type { JsonObject } from '../../ports/jobs.ts';
import type { RebuildState, ViewState } from '../../ports/view-rebuild.ts';
import type { Connection } from './database.ts';
import { nullOr, numberOf, type SqliteRow, textOf } from './values.ts';

/** Reads the record of the view; null if there is none. */
export function findViewState(connection: Connection, table: string): ViewState | null {
  const row = connection
    .statement(`
      SELECT epoch, phase, fold_version, awaited_fold, view_columns, beat, rebuild_id, rebuild_fold, rebuild_columns,
        former_columns, report
      FROM view_states WHERE view_name = ?`)
    .get(table);
  if (row === undefined) return null;
  return {
    epoch: numberOf(row.epoch),
    // The table's CHECK allows these three words only.
    phase: textOf(row.phase) as ViewState['phase'],
    foldVersion: numberOf(row.fold_version),
    awaitedFold: nullOr(row.awaited_fold, numberOf),
    columns: columnsFromText(textOf(row.view_columns)),
    beat: numberOf(row.beat),
    rebuild: row.rebuild_id === null ? null : rebuildOf(row),
  };
}

function rebuildOf(row: SqliteRow): RebuildState {
  return {
    rebuildId: textOf(row.rebuild_id),
    foldVersion: numberOf(row.rebuild_fold),
    columns: columnsFromText(textOf(row.rebuild_columns)),
    formerColumns: nullOr(row.former_columns, (text) => columnsFromText(textOf(text))),
    report: nullOr(row.report, (text) => JSON.parse(textOf(text)) as JsonObject),
  };
}

/** As `findViewState`. Throws `table_missing` if there is no record. */
export function readViewState(connection: Connection, table: string): ViewState {
  const state = findViewState(connection, table);
  if (state === null)
    throw new TributaryError('table_missing', `The table view_states has no row of the view ${table}.`);
  return state;
}

/** Records by which fold and with which columns the view's rows are made, unless that is recorded. */
export function noteView(writer: Connection, view: ViewShape, foldVersion: number): void {
  writer
    .statement(`
      INSERT INTO view_states (view_name, fold_version, view_columns, phase, epoch, beat)
      VALUES (?, ?, ?, 'steady', 1, 0) ON CONFLICT DO NOTHING`)
    .run(view.table, foldVersion, columnsText(view.columns));
}

/** Records that the view's table was made anew, so that all of its rows are made by this fold. Forgets a rebuild. */
export function noteViewMade(writer: Connection, view: ViewShape, foldVersion: number): void {
  writer
    .statement(`
      UPDATE view_states SET fold_version = ?, awaited_fold = NULL, view_columns = ?, phase = 'steady',
        epoch = epoch + 1, rebuild_id = NULL, rebuild_fold = NULL, rebuild_columns = NULL, former_columns = NULL,
        report = NULL
      WHERE view_name = ?`)
    .run(foldVersion, columnsText(view.columns), view.table);
}

/**
 * Whether the view is not being exchanged, and has this epoch if one is given. Within a transaction, the view stays so until
 * the transaction ends.
 */
export function isViewAt(connection: Connection, table: string, epoch: number | undefined): boolean {
  const row = connection.statement('SELECT phase, epoch FROM view_states WHERE view_name = ?').get(table);
  if (row === undefined || row.phase === 'switching') return false;
  return epoch === undefined || numberOf(row.epoch) === epoch;
}

/** Finds the view's row if deliveries may be claimed. Parameters: the table, and the text of its columns. */
export const CLAIMABLE =
  "SELECT 1 FROM view_states WHERE view_name = ? AND phase = 'steady' AND view_columns = ?";

/** Raises the epochs of the view and of all checkpoints, so that no process can commit before it has read both again. */
export function fenceAll(writer: Connection, table: string): void {
  writer.statement('UPDATE view_states SET epoch = epoch + 1 WHERE view_name = ?').run(table);
  writer.statement('UPDATE checkpoints SET epoch = epoch + 1').run();
}

/** Throws `view_switching` while the view's tables are exchanged. */
export function refuseWhileSwitching(writer: Connection, table: string): void {
  if (isViewAt(writer, table, undefined)) return;
  throw new TributaryError(
    'view_switching',
    `The table ${table} is being exchanged for a rebuilt one. This takes seconds, and reading goes on by itself.`,
  );
}

export function awaitFold(writer: Connection, table: string, foldVersion: number): void {
  const { awaitedFold } = readViewState(writer, table);
  if (awaitedFold !== null && awaitedFold >= foldVersion) return;
  writer.statement('UPDATE view_states SET awaited_fold = ? WHERE view_name = ?').run(foldVersion, table);
  fenceAll(writer, table);
}

/** Which of the program's columns the view's table has. */
export class ViewLayout {
  readonly view: ViewShape;
  readonly columnsText: string;
  #lacking: ReadonlySet<string> = new Set();

  constructor(view: ViewShape) {
    this.view = view;
    this.columnsText = columnsText(view.columns);
  }

  /** Called with the columns that the table has by its record. */
  learn(columns: readonly ViewColumn[]): void {
    const names = new Set(columns.map(({ name }) => name));
    this.#lacking = new Set(this.view.columns.map(({ name }) => name).filter((name) => !names.has(name)));
  }

  get isWhole(): boolean {
    return this.#lacking.size === 0;
  }

  lacks(name: string): boolean {
    return this.#lacking.has(name);
  }
}
