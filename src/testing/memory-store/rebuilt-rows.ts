import type { ViewColumn, ViewRow } from '../../core/domain.ts';
import { TributaryError } from '../../core/errors.ts';
import { compareUtf8 } from '../../core/text.ts';
import { commonColumns } from '../../core/view-columns.ts';
import type { StoredRow } from '../../ports/store.ts';
import type {
  OutdatedPage,
  RangePage,
  RebuiltRow,
  RebuiltRows,
  RowDifference,
  RowsPage,
  ViewState,
} from '../../ports/view-rebuild.ts';
import type { Connection } from './connection.ts';
import { tableLock } from './lock-names.ts';
import { changeViewState, lockViewState, viewStateOf } from './view-state.ts';
import type { ViewTable } from './view-table.ts';

/** The names of the tables beside the view's. */
export function namesBeside(table: string): { readonly rebuilt: string; readonly former: string } {
  return { rebuilt: `${table}_rebuilt`, former: `${table}_former` };
}

export function refused(message: string): TributaryError {
  return new TributaryError('rebuild_refused', message);
}

export function writeRebuilt(
  connection: Connection,
  name: string,
  { rebuildId, epoch, rows }: RebuiltRows,
): Promise<boolean> {
  return connection.transaction(async (transaction) => {
    const state = await lockViewState(transaction, name, epoch === null ? 'shared' : 'exclusive');
    if (!isUnderWay(state, rebuildId, epoch)) return false;
    if (epoch !== null) changeViewState(transaction, name, { beat: state.beat + 1 });
    await transaction.statement('write rebuilt rows');
    const { rebuilt } = namesBeside(name);
    await transaction.lock(tableLock(rebuilt), 'shared');
    const sorted = [...rows].sort((a, b) => compareUtf8(a.entityId, b.entityId));
    for (const { entityId } of sorted) await transaction.lock(`row of ${rebuilt} ${entityId}`);
    const present = connection.database.viewTable(name);
    const table = connection.database.viewTable(rebuilt);
    transaction.write(() => {
      for (const row of sorted) writeRow(table, present, row, epoch !== null);
    });
    return true;
  });
}

/** The version of a row that every catch-up makes again. */
const OUTDATED = 0;

/** Writes a row of the same or a later version, or of any if `isForced`. */
function writeRow(table: ViewTable, present: ViewTable, rebuilt: RebuiltRow, isForced: boolean): void {
  const { entityId, version, row } = rebuilt;
  if (row === null) {
    // An entity that cannot be folded keeps the columns that it has.
    const kept = present.get(entityId);
    if (kept === undefined) return;
    const values = [...table.emptyRow()];
    for (const { left, right } of commonColumns(present.columns, table.columns))
      values[right] = kept.row[left] ?? null;
    table.put(entityId, values, isForced ? version : OUTDATED);
    return;
  }
  if (isForced || version >= (table.get(entityId)?.version ?? 0)) table.put(entityId, row, version);
}

function isUnderWay({ rebuild, phase, epoch }: ViewState, rebuildId: string, asked: number | null): boolean {
  if (rebuild?.rebuildId !== rebuildId) return false;
  return asked === null ? phase === 'steady' : phase === 'switching' && epoch === asked;
}

export function listOutdated(
  connection: Connection,
  name: string,
  { after, limit }: RangePage,
): Promise<OutdatedPage> {
  return connection.read('compare versions', () => {
    const present = connection.database.viewTable(name);
    const rebuilt = connection.database.viewTable(namesBeside(name).rebuilt);
    const ids = present.ids.behind(after, limit);
    const entityIds = ids.filter((id) => rebuilt.get(id)?.version !== present.get(id)?.version);
    return { entityIds, through: ids.length < limit ? null : (ids.at(-1) ?? null) };
  });
}

export function compareRows(
  connection: Connection,
  name: string,
  tables: 'rebuilt' | 'former',
  { after, limit }: RangePage,
): Promise<RowsPage> {
  return connection.read('compare rows', (schema) => {
    if (viewStateOf(schema, name).rebuild === null) throw refused('No rebuild is under way.');
    const { database } = connection;
    const present = database.viewTable(name);
    const other = database.viewTable(namesBeside(name)[tables]);
    const [older, newer] = tables === 'rebuilt' ? [present, other] : [other, present];
    const page = pageOf(older, newer, after, limit);
    const differences: RowDifference[] = [];
    let equal = 0;
    for (const entityId of page.olderIds) {
      const before = older.get(entityId) as StoredRow;
      const next = newer.get(entityId) ?? null;
      if (next !== null && areEqual(older.columns, before.row, newer.columns, next.row)) equal++;
      else differences.push({ entityId, before, after: next });
    }
    for (const entityId of page.newerIds)
      if (older.get(entityId) === undefined)
        differences.push({ entityId, before: null, after: newer.get(entityId) ?? null });
    return { equal: tables === 'rebuilt' ? equal : 0, differences, through: page.through };
  });
}

/** The ids of both tables behind `after`, up to the last id of a page of the older one, or else of the newer one. */
function pageOf(older: ViewTable, newer: ViewTable, after: string | null, limit: number) {
  const page = older.ids.behind(after, limit);
  const newerPage = page.length === limit ? null : newer.ids.behind(after, limit);
  const isEnd = newerPage !== null && newerPage.length < limit;
  const through = isEnd ? null : ((newerPage ?? page).at(-1) ?? null);
  const idsOf = ({ ids }: ViewTable) =>
    ids.list.slice(ids.indexBehind(after), through === null ? ids.list.length : ids.indexBehind(through));
  return { olderIds: idsOf(older), newerIds: idsOf(newer), through };
}

/** Whether the columns are equal that both have. */
function areEqual(
  columns: readonly ViewColumn[],
  row: ViewRow,
  otherColumns: readonly ViewColumn[],
  otherRow: ViewRow,
): boolean {
  return commonColumns(columns, otherColumns).every(({ left, right }) => row[left] === otherRow[right]);
}
