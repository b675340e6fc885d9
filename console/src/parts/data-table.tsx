import {
  createColumnHelper,
  FlexRender,
  type RowSelectionState,
  rowSelectionFeature,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, type ReactNode, useEffect, useMemo, useRef } from 'react';
import { SCROLL_REGION } from './scroll-region.ts';

export interface TableColumn<Row> {
  readonly id: string;
  readonly header: string;
  readonly cell: (row: Row) => ReactNode;
  /** Numbers stand at the end of their cell. */
  readonly isNumber?: boolean;
  /** Sentences stand in the cell, so it does not become narrow. */
  readonly isWide?: boolean;
  /** The cell names its row. */
  readonly isName?: boolean;
}

interface TableProps<Row> {
  /** What the table lists, for screen readers. */
  readonly label: string;
  readonly columns: readonly TableColumn<Row>[];
  readonly rows: readonly Row[];
  readonly idOf: (row: Row) => string;
  readonly classOf?: (row: Row) => string;
  /** Which rows are chosen, by id; without it rows cannot be chosen. */
  readonly selection?: {
    readonly ids: ReadonlySet<string>;
    readonly onChange: (ids: ReadonlySet<string>) => void;
    readonly mayChoose?: (row: Row) => boolean;
  };
  /** Only the rows in sight are in the document. `onVisible` hears which they are. */
  readonly isLong?: boolean;
  readonly hasMore?: boolean;
  readonly onEnd?: () => void;
  readonly onVisible?: (ids: readonly string[]) => void;
}

/*
 * On a narrow screen the style sheet makes cards of rows, by another `display`, for which browsers drop the roles of a table.
 * So every part states its role. They stand in constants, because beside the elements they look redundant.
 */
const TABLE = { role: 'table' };
const GROUP = { role: 'rowgroup' };
const ROW = { role: 'row' };
const HEAD = { role: 'columnheader' };
const NAME = { role: 'rowheader' };
const CELL = { role: 'cell' };
const NO_ROW = { 'aria-hidden': true };

const features = tableFeatures({ rowSelectionFeature });
const ROW_PX = 41;
const OVERSCAN = 8;
/** The next page is asked for when the end of the list is this number of rows away. */
const NEAR_END = 15;

/** A table in a region of its own that scrolls. Its rows are cards on a narrow screen. */
export function DataTable<Row>(props: TableProps<Row>) {
  const { label, columns, rows, classOf, selection, isLong = false, hasMore = false } = props;
  const region = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => region.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => keyOf(props, index),
    overscan: OVERSCAN,
    enabled: isLong,
  });
  const items = isLong
    ? virtualizer.getVirtualItems()
    : rows.map((_, index) => ({ index, start: 0, end: 0 }));
  const [first, last] = [items[0], items.at(-1)];
  useEnds(props, rows.length, first?.index ?? 0, last?.index ?? -1);
  // The model of a table is made of all its rows at once. Where nobody chooses rows, those in sight are enough.
  const isWindow = isLong && selection === undefined;
  const begin = isWindow ? (first?.index ?? 0) : 0;
  const end = isWindow ? (last?.index ?? -1) + 1 : rows.length;
  const modelled = useMemo(() => rows.slice(begin, end), [rows, begin, end]);
  const table = useRowsTable({ ...props, rows: modelled });
  const shown = table.getRowModel().rows;
  const above = isLong ? (first?.start ?? 0) : 0;
  const below = isLong ? Math.max(0, virtualizer.getTotalSize() - (last?.end ?? 0)) : 0;
  const width = columns.length + (selection === undefined ? 0 : 1);
  return (
    <section
      className={isLong ? 'table-region table-long' : 'table-region'}
      ref={region}
      aria-label={`${label}: the rows`}
      {...SCROLL_REGION}
    >
      <table {...TABLE} aria-label={label} aria-rowcount={hasMore ? -1 : rows.length + 1}>
        <Head table={table} columns={columns} />
        <tbody {...GROUP}>
          <Gap px={above} width={width} />
          {items.map(({ index }) => {
            const row = shown[index - begin];
            if (row === undefined) return null;
            return (
              <TableRow
                key={row.id}
                row={row}
                index={index}
                columns={columns}
                className={classOf?.(row.original)}
                isChosen={selection?.ids.has(row.id) ?? false}
                measure={isLong ? virtualizer.measureElement : undefined}
              />
            );
          })}
          <Gap px={below} width={width} />
        </tbody>
      </table>
    </section>
  );
}

type Model<Row> = ReturnType<typeof useRowsTable<Row>>;
type ModelRow<Row> = ReturnType<Model<Row>['getRowModel']>['rows'][number];

function Head<Row>({
  table,
  columns,
}: {
  readonly table: Model<Row>;
  readonly columns: TableProps<Row>['columns'];
}) {
  return (
    <thead {...GROUP}>
      {table.getHeaderGroups().map((group) => (
        <tr key={group.id} {...ROW} aria-rowindex={1}>
          {group.headers.map((header) => (
            <th key={header.id} {...HEAD} scope="col" className={classOfColumn(columns, header.column.id)}>
              <FlexRender header={header} />
            </th>
          ))}
        </tr>
      ))}
    </thead>
  );
}

interface RowProps<Row> {
  readonly row: ModelRow<Row>;
  readonly index: number;
  readonly columns: TableProps<Row>['columns'];
  readonly className: string | undefined;
  /** Only so that another choice draws the row again. */
  readonly isChosen: boolean;
  readonly measure: ((element: HTMLTableRowElement | null) => void) | undefined;
}

function keyOf<Row>({ rows, idOf }: Pick<TableProps<Row>, 'rows' | 'idOf'>, index: number): string | number {
  const row = rows[index];
  return row === undefined ? index : idOf(row);
}

/** Rows that stay the same are not drawn again while others come into sight. */
const TableRow = memo(function TableRow<Row>({ row, index, columns, className, measure }: RowProps<Row>) {
  return (
    <tr {...ROW} aria-rowindex={index + 2} data-index={index} ref={measure} className={className}>
      <Cells row={row} columns={columns} />
    </tr>
  );
}, isDrawnAlready) as <Row>(props: RowProps<Row>) => ReactNode;

/** A row of another model is the same if it shows the same. */
function isDrawnAlready(before: RowProps<unknown>, now: RowProps<unknown>): boolean {
  return (
    before.row.id === now.row.id &&
    before.row.original === now.row.original &&
    before.index === now.index &&
    before.columns === now.columns &&
    before.className === now.className &&
    before.isChosen === now.isChosen &&
    before.measure === now.measure
  );
}

function Cells<Row>({
  row,
  columns,
}: {
  readonly row: ModelRow<Row>;
  readonly columns: TableProps<Row>['columns'];
}) {
  return row.getAllCells().map((cell) => {
    const { id } = cell.column;
    const column = columns.find((known) => known.id === id);
    const shared = { className: classOfColumn(columns, id), 'data-label': column?.header };
    return column?.isName === true ? (
      <th key={cell.id} scope="row" {...NAME} {...shared}>
        <FlexRender cell={cell} />
      </th>
    ) : (
      <td key={cell.id} {...CELL} {...shared}>
        <FlexRender cell={cell} />
      </td>
    );
  });
}

/**
 * The model of the table. Only the choice of rows is state of it; the server sorts and filters. React makes a cell anew when
 * its function is another one, and an open dialog in it would be gone. So the functions stay the same for the same columns,
 * and look up what to show.
 */
function useRowsTable<Row>({ label, columns, rows, idOf, selection }: TableProps<Row>) {
  const latest = useRef(columns);
  latest.current = columns;
  const canChoose = selection !== undefined;
  const names = JSON.stringify(columns.map(({ id, header }) => [id, header]));
  const defined = useMemo(() => {
    const helper = createColumnHelper<typeof features, Row & object>();
    const own = (JSON.parse(names) as readonly [string, string][]).map(([id, header]) =>
      helper.display({
        id,
        header,
        cell: ({ row }) => latest.current.find((column) => column.id === id)?.cell(row.original),
      }),
    );
    return canChoose ? [chooserOf<Row & object>(label), ...own] : own;
  }, [names, canChoose, label]);
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
    id: 'choose',
    header: ({ table }) => (
      <input
        type="checkbox"
        aria-label={`Choose all loaded rows of ${label}`}
        checked={table.getIsAllRowsSelected()}
        onChange={table.getToggleAllRowsSelectedHandler()}
      />
    ),
    cell: ({ row }) => (
      <input
        type="checkbox"
        aria-label={`Choose ${row.id}`}
        checked={row.getIsSelected()}
        disabled={!row.getCanSelect()}
        onChange={row.getToggleSelectedHandler()}
      />
    ),
  });
}

function classOfColumn<Row>(columns: readonly TableColumn<Row>[], id: string): string | undefined {
  if (id === 'choose') return 'cell-choose';
  const column = columns.find((known) => known.id === id);
  if (column?.isNumber === true) return 'cell-number';
  return column?.isWide === true ? 'cell-wide' : undefined;
}

/** The height of the rows that are not in the document. */
function Gap({ px, width }: { readonly px: number; readonly width: number }) {
  if (px === 0) return null;
  return (
    <tr {...NO_ROW} className="gap">
      <td colSpan={width} style={{ height: px }} />
    </tr>
  );
}

function useEnds<Row>(
  { rows, idOf, hasMore, onEnd, onVisible }: TableProps<Row>,
  count: number,
  first: number,
  last: number,
): void {
  useEffect(() => {
    if (hasMore === true && last >= count - NEAR_END) onEnd?.();
  }, [hasMore, last, count, onEnd]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only other rows in sight are news
  useEffect(() => {
    onVisible?.(rows.slice(first, last + 1).map(idOf));
  }, [rows, first, last, onVisible]);
}
