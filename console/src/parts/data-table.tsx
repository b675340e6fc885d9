import { FlexRender } from '@tanstack/react-table';
import { measureElement, useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import {
  type CSSProperties,
  memo,
  type ReactNode,
  type RefObject,
  useCallback,
  useEffect,
  useMemo,
  useRef,
} from 'react';
import { SCROLL_REGION } from './scroll-region.ts';
import { classOfColumn, type TableColumn, widthsOf } from './table-columns.ts';
import { CHOICE, type RowChoice, type TableModel, useTableModel } from './table-model.tsx';
import { ROW, TableRow } from './table-row.tsx';

export { type TableColumn, TIME_IN_ONE_LINE, TIME_IN_TWO_LINES, widthOfIds } from './table-columns.ts';

interface TableProps<Row> {
  /** What the table lists, for screen readers. */
  readonly label: string;
  /** A long table wants the same array each time: a row is drawn again when its columns are others. */
  readonly columns: readonly TableColumn<Row>[];
  readonly rows: readonly Row[];
  readonly idOf: (row: Row) => string;
  readonly classOf?: (row: Row) => string;
  /** Without it rows cannot be chosen. */
  readonly selection?: RowChoice<Row>;
}

interface LongTableProps<Row> extends TableProps<Row> {
  readonly hasMore?: boolean;
  readonly onEnd?: () => void;
  /** Hears the ids of the rows that are in the document. */
  readonly onVisible?: (ids: readonly string[]) => void;
}

const TABLE = { role: 'table' };
const GROUP = { role: 'rowgroup' };
const HEAD = { role: 'columnheader' };
const NO_ROW = { 'aria-hidden': true };

/** The height of a row of one line. The style sheet gives the same, so most rows are as high as expected. */
const ROW_PX = 37;
const estimateRow = () => ROW_PX;
/** The rows beyond both ends of those in sight that are in the document. A turn of the wheel by 200 pixels is 5 rows. */
const OVERSCAN = 8;
/** The next page is asked for when the end of the list is this number of rows away. */
const NEAR_END = 15;

/** A table in a region of its own that scrolls. Its rows are cards on a narrow screen. */
export function DataTable<Row>(props: TableProps<Row>) {
  const { rows, idOf } = props;
  const table = useTableModel(props);
  const drawn = useRows(props, table);
  return (
    <Frame {...props} table={table} rowCount={rows.length + 1}>
      <tbody {...GROUP}>{rows.map((row, index) => drawn(row, idOf(row), index))}</tbody>
    </Frame>
  );
}

/** A table of which only the rows in sight are in the document. */
export function LongTable<Row>(props: LongTableProps<Row>) {
  const { columns, rows, selection, hasMore = false } = props;
  const region = useRef<HTMLDivElement>(null);
  const idOf = useRef(props.idOf);
  idOf.current = props.idOf;
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => region.current,
    estimateSize: estimateRow,
    // With another function all heights are looked up again.
    getItemKey: useCallback(
      (index: number) => {
        const row = rows[index];
        return row === undefined ? index : idOf.current(row);
      },
      [rows],
    ),
    measureElement: heightOf,
    overscan: OVERSCAN,
    // React draws new rows in a task of its own, behind the one in which the browser scrolls, so that both are short.
    useFlushSync: false,
  });
  const items = virtualizer.getVirtualItems();
  const [first, last] = [items[0], items.at(-1)];
  useEnds(props, rows.length, first?.index ?? 0, last?.index ?? -1);
  const hasChoice = selection !== undefined;
  // Who chooses all rows means those that are loaded, in sight or not.
  const [begin, end] = hasChoice ? [0, rows.length] : [first?.index ?? 0, (last?.index ?? -1) + 1];
  const modelled = useMemo(() => rows.slice(begin, end), [rows, begin, end]);
  const table = useTableModel({ ...props, rows: modelled });
  const drawn = useRows(props, table, virtualizer.measureElement);
  const widths = useMemo(() => widthsOf(columns, hasChoice), [columns, hasChoice]);
  return (
    <Frame {...props} table={table} rowCount={hasMore ? -1 : rows.length + 1} region={region} widths={widths}>
      <tbody {...GROUP}>
        <Gap className="gap" px={first?.start ?? 0} />
        {items.map(({ index, key }) => {
          const row = rows[index];
          return row === undefined ? null : drawn(row, String(key), index);
        })}
        <Gap className="gap gap-below" px={Math.max(0, virtualizer.getTotalSize() - (last?.end ?? 0))} />
      </tbody>
    </Frame>
  );
}

/**
 * The height of a row. The observer of sizes says it after the browser's own layout. Until then the row counts as it did
 * before: to ask the element would make the browser lay out the page twice.
 */
function heightOf(
  element: Element,
  entry: ResizeObserverEntry | undefined,
  virtualizer: Virtualizer<HTMLDivElement, Element>,
): number {
  if (entry !== undefined) return measureElement(element, entry, virtualizer);
  return virtualizer.measurementsCache[virtualizer.indexFromElement(element)]?.size ?? ROW_PX;
}

/** The height of the rows that are not in the document. */
function Gap({ px, className }: { readonly px: number; readonly className: string }) {
  return <tr {...NO_ROW} className={className} style={{ height: px }} />;
}

interface FrameProps<Row> extends TableProps<Row> {
  readonly table: TableModel<Row>;
  /** The rows with the head; -1 if nobody knows how many there are. */
  readonly rowCount: number;
  /** The region of a long table. */
  readonly region?: RefObject<HTMLDivElement | null>;
  readonly widths?: CSSProperties;
  readonly children: ReactNode;
}

/** The region and the table in it, with its head. */
function Frame<Row>({ label, columns, rows, selection, table, ...frame }: FrameProps<Row>) {
  const { rowCount, region, widths, children } = frame;
  return (
    <section
      className={region === undefined ? 'table-region' : 'table-region table-long'}
      ref={region}
      aria-label={`${label}: the rows`}
      {...SCROLL_REGION}
    >
      <table {...TABLE} aria-label={label} aria-rowcount={rowCount} style={widths}>
        <Head
          table={table}
          columns={columns}
          rows={selection === undefined ? NO_ROWS : rows}
          chosen={selection?.ids}
        />
        {children}
      </table>
    </section>
  );
}

interface HeadProps<Row> {
  readonly table: TableModel<Row>;
  readonly columns: readonly TableColumn<Row>[];
  /** Only so that other rows, or another choice, draw the head again: the model is always the same object. */
  readonly rows: readonly Row[];
  readonly chosen: ReadonlySet<string> | undefined;
}

const NO_ROWS: readonly never[] = [];

/** It stays as it is while rows come into sight. */
const Head = memo(function Head<Row>({ table, columns }: HeadProps<Row>) {
  return (
    <thead {...GROUP}>
      {table.getHeaderGroups().map((group) => (
        <tr key={group.id} {...ROW} aria-rowindex={1}>
          {group.headers.map((header) => (
            <th key={header.id} {...HEAD} scope="col" className={classOf(columns, header.column.id)}>
              <FlexRender header={header} />
            </th>
          ))}
        </tr>
      ))}
    </thead>
  );
}) as <Row>(props: HeadProps<Row>) => ReactNode;

function classOf<Row>(columns: readonly TableColumn<Row>[], id: string): string | undefined {
  if (id === CHOICE) return 'cell-choose';
  const column = columns.find((known) => known.id === id);
  return column === undefined ? undefined : classOfColumn(column);
}

/** The function that draws one row. What it hands to a row is the same each time, unless the row shows something else. */
function useRows<Row>(
  { columns, classOf, selection }: TableProps<Row>,
  table: TableModel<Row>,
  measure?: (element: HTMLTableRowElement | null) => void,
) {
  const latest = useRef(table);
  latest.current = table;
  const choose = useCallback(
    (id: string, isChosen: boolean) => latest.current.getRow(id).toggleSelected(isChosen),
    [],
  );
  return (row: Row, id: string, index: number) => (
    <TableRow
      key={id}
      id={id}
      row={row}
      index={index}
      columns={columns}
      className={classOf?.(row) || undefined}
      isChosen={selection === undefined ? undefined : table.getRow(id).getIsSelected()}
      mayBeChosen={selection === undefined || table.getRow(id).getCanSelect()}
      onChoose={choose}
      measure={measure}
    />
  );
}

function useEnds<Row>(
  { rows, idOf, hasMore, onEnd, onVisible }: LongTableProps<Row>,
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
