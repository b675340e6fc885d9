import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import type { ViewColumn } from '../../core/domain.ts';
import { TributaryError } from '../../core/errors.ts';
import { columnsFromText, columnsText } from '../../core/view-columns.ts';
import type { JsonObject } from '../../ports/jobs.ts';
import type { RebuildState, ViewState } from '../../ports/view-rebuild.ts';
import { identifier } from './identifier.ts';
import { textOf } from './values.ts';

const SELECT =
  'SELECT epoch, phase, fold_version, awaited_fold, view_columns, beat, rebuild_id, rebuild_fold, rebuild_columns, ' +
  'former_columns, report FROM view_states WHERE view_name = ?';

/**
 * Reads the record of the view. `FOR UPDATE` and `LOCK IN SHARE MODE` lock it until the transaction ends. Null if there is
 * none.
 */
export async function findViewState(
  connection: PoolConnection,
  table: string,
  lock: '' | 'FOR UPDATE' | 'LOCK IN SHARE MODE' = '',
): Promise<ViewState | null> {
  const [[row]] = await connection.execute<RowDataPacket[]>(`${SELECT} ${lock}`, [table]);
  if (row === undefined) return null;
  return {
    epoch: Number(row[0]),
    // The column's type allows these three words only.
    phase: textOf(row[1]) as ViewState['phase'],
    foldVersion: Number(row[2]),
    awaitedFold: row[3] === null ? null : Number(row[3]),
    columns: columnsFromText(textOf(row[4])),
    beat: Number(row[5]),
    rebuild: row[6] === null ? null : rebuildOf(row),
  };
}

function rebuildOf(row: RowDataPacket): RebuildState {
  return {
    rebuildId: textOf(row[6]),
    foldVersion: Number(row[7]),
    columns: columnsFromText(textOf(row[8])),
    formerColumns: row[9] === null ? null : columnsFromText(textOf(row[9])),
    report: row[10] === null ? null : (JSON.parse(textOf(row[10])) as JsonObject),
  };
}

/** As `findViewState`. Rejects with `table_missing` if there is no record. */
export async function readViewState(
  connection: PoolConnection,
  table: string,
  lock: '' | 'FOR UPDATE' | 'LOCK IN SHARE MODE' = '',
): Promise<ViewState> {
  const state = await findViewState(connection, table, lock);
  if (state === null)
    throw new TributaryError('table_missing', `The table view_states has no row of the view ${table}.`);
  return state;
}

/** Records by which fold and with which columns the view's rows are made, unless that is recorded. */
export async function noteView(
  connection: PoolConnection,
  view: ViewShape,
  foldVersion: number,
): Promise<void> {
  if ((await findViewState(connection, view.table)) !== null) return;
  await connection.execute(
    'INSERT IGNORE INTO view_states (view_name, fold_version, view_columns, phase, epoch, beat) ' +
      "VALUES (?, ?, ?, 'steady', 1, 0)",
    [view.table, foldVersion, columnsText(view.columns)],
  );
}

/** Records that the view's table was made anew, so that all of its rows are made by this fold. Forgets a rebuild. */
export async function noteViewMade(
  connection: PoolConnection,
  view: ViewShape,
  foldVersion: number,
): Promise<void> {
  await connection.execute(
    "UPDATE view_states SET fold_version = ?, awaited_fold = NULL, view_columns = ?, phase = 'steady', " +
      'epoch = epoch + 1, rebuild_id = NULL, rebuild_fold = NULL, rebuild_columns = NULL, former_columns = NULL, ' +
      'report = NULL WHERE view_name = ?',
    [foldVersion, columnsText(view.columns), view.table],
  );
}

/**
 * Whether the view is not being exchanged, and has this epoch if one is given. Runs inside a transaction, and keeps the
 * view so until the transaction ends.
 */
export async function isViewAt(
  connection: PoolConnection,
  table: string,
  epoch: number | undefined,
): Promise<boolean> {
  const [[row]] = await connection.execute<RowDataPacket[]>(
    'SELECT phase, epoch FROM view_states WHERE view_name = ? LOCK IN SHARE MODE',
    [table],
  );
  if (row === undefined || textOf(row[0]) === 'switching') return false;
  return epoch === undefined || Number(row[1]) === epoch;
}

/** The view's epoch, as a subquery with two parameters: the table and the text of its columns. NULL if no delivery may be claimed. */
export const CLAIMABLE =
  "(SELECT s.epoch FROM view_states s WHERE s.view_name = ? AND s.phase = 'steady' AND s.view_columns = ?)";

/** Raises the epochs of the view and of all checkpoints, so that no process can commit before it has read both again. */
export async function fenceAll(connection: PoolConnection, table: string): Promise<void> {
  await connection.execute('UPDATE view_states SET epoch = epoch + 1 WHERE view_name = ?', [table]);
  await connection.query('UPDATE checkpoints SET epoch = epoch + 1 ORDER BY topic, partition_id');
}

/** Rejects with `view_switching` while the view's tables are exchanged. Runs inside a transaction. */
export async function refuseWhileSwitching(connection: PoolConnection, table: string): Promise<void> {
  if (await isViewAt(connection, table, undefined)) return;
  throw new TributaryError(
    'view_switching',
    `The table ${table} is being exchanged for a rebuilt one. This takes seconds, and reading goes on by itself.`,
  );
}

export async function awaitFold(
  connection: PoolConnection,
  table: string,
  foldVersion: number,
): Promise<void> {
  const state = await readViewState(connection, table, 'FOR UPDATE');
  if (state.awaitedFold !== null && state.awaitedFold >= foldVersion) return;
  await connection.execute('UPDATE view_states SET awaited_fold = ? WHERE view_name = ?', [
    foldVersion,
    table,
  ]);
  await fenceAll(connection, table);
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

  /** The program's columns as `alias.name`. A column that the table lacks is NULL. */
  selected(alias: string): string[] {
    return this.view.columns.map(({ name }) =>
      this.#lacking.has(name) ? 'NULL' : `${alias}.${identifier(name)}`,
    );
  }
}
