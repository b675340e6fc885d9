import type { ViewShape } from '../../core/adoption/index.ts';
import { TributaryError } from '../../core/errors.ts';
import { columnsText } from '../../core/view-columns.ts';
import type { ViewState } from '../../ports/view-rebuild.ts';
import type { Transaction } from './connection.ts';
import { stateLock } from './lock-names.ts';
import type { LockMode } from './locks.ts';
import type { Schema, ViewStateRow } from './schema.ts';
import type { ViewLayout } from './view-table.ts';

export function stateRow(state: ViewState): ViewStateRow {
  return { state, columnsText: columnsText(state.columns) };
}

/** The state of the view. Rejects with `table_missing` if there is none. */
export function viewStateOf(schema: Schema, table: string): ViewState {
  const row = schema.viewStates.get(table);
  if (row !== undefined) return row.state;
  throw new TributaryError('table_missing', `The table view_states has no row of the view ${table}.`);
}

/** As `viewStateOf`, and locks the state until the transaction ends. */
export async function lockViewState(
  transaction: Transaction,
  table: string,
  mode: LockMode = 'exclusive',
): Promise<ViewState> {
  await transaction.statement('lock the state of the view');
  await transaction.lock(stateLock(table), mode);
  return viewStateOf(transaction.schema, table);
}

/** Sets parts of the state at COMMIT. */
export function changeViewState(transaction: Transaction, table: string, parts: Partial<ViewState>): void {
  const { schema } = transaction;
  transaction.write(() => setViewState(schema, table, parts));
}

export function setViewState(schema: Schema, table: string, parts: Partial<ViewState>): void {
  schema.viewStates.set(table, stateRow({ ...viewStateOf(schema, table), ...parts }));
}

/** The state of a view whose table was made by this fold and has these columns. */
export function newViewState({ columns }: Pick<ViewShape, 'columns'>, foldVersion: number): ViewState {
  const known = { epoch: 1, phase: 'steady', beat: 0, rebuild: null } as const;
  return { ...known, foldVersion, awaitedFold: null, columns };
}

/**
 * Whether the view is not being exchanged, and has this epoch if one is given. Keeps the view so until the transaction
 * ends.
 */
export async function isViewAt(
  transaction: Transaction,
  table: string,
  epoch: number | undefined,
): Promise<boolean> {
  const sent = transaction.statement('look at the state of the view');
  if (sent !== undefined) await sent;
  const locked = transaction.lock(stateLock(table), 'shared');
  if (locked !== undefined) await locked;
  const state = transaction.schema.viewStates.get(table)?.state;
  if (state === undefined || state.phase === 'switching') return false;
  return epoch === undefined || state.epoch === epoch;
}

/** Rejects with `view_switching` while the view's tables are exchanged. */
export async function refuseWhileSwitching(transaction: Transaction, table: string): Promise<void> {
  if (await isViewAt(transaction, table, undefined)) return;
  throw new TributaryError(
    'view_switching',
    `The table ${table} is being exchanged for a rebuilt one. This takes seconds, and reading goes on by itself.`,
  );
}

/** The view's epoch; null if no delivery may be claimed by a program with these columns. */
export function claimableEpoch(schema: Schema, { view, columnsText: ours }: ViewLayout): number | null {
  const row = schema.viewStates.get(view.table);
  if (row === undefined || row.state.phase !== 'steady' || row.columnsText !== ours) return null;
  return row.state.epoch;
}
