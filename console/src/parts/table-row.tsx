import { memo, type ReactNode } from 'react';
import { classOfColumn, type TableColumn } from './table-columns.ts';

/*
 * On a narrow screen the style sheet makes cards of rows, and in a long table grids, by another `display`, for which browsers
 * drop the roles of a table. So every part states its role. They stand in constants, because beside the elements they look
 * redundant.
 */
export const ROW = { role: 'row' };
const NAME = { role: 'rowheader' };
const CELL = { role: 'cell' };

interface RowProps<Row> {
  readonly id: string;
  readonly row: Row;
  readonly index: number;
  readonly columns: readonly TableColumn<Row>[];
  readonly className: string | undefined;
  /** Whether the row is chosen; undefined in a table in which nobody chooses rows. */
  readonly isChosen: boolean | undefined;
  readonly mayBeChosen: boolean;
  readonly onChoose: (id: string, isChosen: boolean) => void;
  /** Hears the element of the row, so that its height is known. */
  readonly measure: ((element: HTMLTableRowElement | null) => void) | undefined;
}

/** One row of a table. React draws it again only if one of its properties is another: all of them are values or stay the same. */
export const TableRow = memo(function TableRow<Row>(props: RowProps<Row>) {
  const { id, row, index, columns, className, isChosen, mayBeChosen, onChoose, measure } = props;
  return (
    <tr {...ROW} aria-rowindex={index + 2} data-index={index} ref={measure} className={className}>
      {isChosen === undefined ? null : (
        <td {...CELL} className="cell-choose">
          <input
            type="checkbox"
            aria-label={`Choose ${id}`}
            checked={isChosen}
            disabled={!mayBeChosen}
            onChange={(event) => onChoose(id, event.target.checked)}
          />
        </td>
      )}
      {columns.map((column) => {
        const shared = { className: classOfColumn(column), 'data-label': column.header };
        return column.isName === true ? (
          <th key={column.id} scope="row" {...NAME} {...shared}>
            {column.cell(row)}
          </th>
        ) : (
          <td key={column.id} {...CELL} {...shared}>
            {column.cell(row)}
          </td>
        );
      })}
    </tr>
  );
}) as <Row>(props: RowProps<Row> & { readonly key?: string }) => ReactNode;
