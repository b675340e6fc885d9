import {
  createColumnHelper,
  type RowSelectionState,
  rowSelectionFeature,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import { useMemo } from 'react';
import type { TableColumn } from './table-columns.ts';

/** Which rows of a table are chosen. */
export interface RowChoice<Row> {
  /** The ids of the chosen rows. They may be rows that are not loaded any more. */
  readonly ids: ReadonlySet<string>;
  readonly onChange: (ids: ReadonlySet<string>) => void;
  /** Without it every row may be chosen. */
  readonly mayChoose?: (row: Row) => boolean;
}

interface ModelOptions<Row> {
  /** What the table lists, for screen readers. */
  readonly label: string;
  readonly columns: readonly TableColumn<Row>[];
  readonly rows: readonly Row[];
  readonly idOf: (row: Row) => string;
  readonly selection?: RowChoice<Row> | undefined;
}

export type TableModel<Row> = ReturnType<typeof useTableModel<Row>>;

const features = tableFeatures({ rowSelectionFeature });
/** The id of the column with the boxes. */
export const CHOICE = 'choose';

/**
 * The model of a table: its head, its rows, and which of them are chosen. The server sorts and filters. The model is made
 * anew for other rows, so a long table without a choice hands in those in sight.
 */
export function useTableModel<Row>({ label, columns, rows, idOf, selection }: ModelOptions<Row>) {
  const canChoose = selection !== undefined;
  const defined = useMemo(() => {
    const helper = createColumnHelper<typeof features, Row & object>();
    const own = columns.map(({ id, header }) => helper.display({ id, header }));
    return canChoose ? [chooserOf<Row & object>(label), ...own] : own;
  }, [columns, canChoose, label]);
  const rowSelection: RowSelectionState = Object.fromEntries(
    [...(selection?.ids ?? [])].map((id) => [id, true]),
  );
  return useTable({
    features,
    columns: defined,
    data: rows as (Row & object)[],
    getRowId: (row) => idOf(row),
    enableRowSelection: (row) => selection?.mayChoose?.(row.original) ?? true,
    state: { rowSelection },
    onRowSelectionChange: (updater) => {
      const next = typeof updater === 'function' ? updater(rowSelection) : updater;
      selection?.onChange(new Set(Object.keys(next).filter((id) => next[id])));
    },
  });
}

/** The column with a box for each row, and one for all rows that are loaded. */
function chooserOf<Row extends object>(label: string) {
  return createColumnHelper<typeof features, Row>().display({
    id: CHOICE,
    header: ({ table }) => (
      <input
        type="checkbox"
        aria-label={`Choose all loaded rows of ${label}`}
        checked={table.getIsAllRowsSelected()}
        onChange={table.getToggleAllRowsSelectedHandler()}
      />
    ),
  });
}
