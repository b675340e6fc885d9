import type { ViewShape } from '../../core/adoption/index.ts';
import type { ViewColumn, ViewRow } from '../../core/domain.ts';
import type { ColumnType, ParameterWriter } from './parameter-writer.ts';

/** The types of the view's columns in statements. Texts are sent as bytes, which the server checks less. */
export function viewTypes(view: ViewShape): ColumnType[] {
  return view.columns.map((column) => TYPES[column.type]);
}

const TYPES: Readonly<Record<ViewColumn['type'], ColumnType>> = {
  text: 'bytes',
  boolean: 'integer',
  integer: 'integer',
  decimal: 'text',
  timestamp: 'text',
  json: 'bytes',
};

export function writeViewRow(writer: ParameterWriter, view: ViewShape, row: ViewRow): void {
  for (let index = 0; index < view.columns.length; index++) {
    const value = row[index] ?? null;
    if (typeof value === 'string')
      writer.text(view.columns[index]?.type === 'timestamp' ? datetimeOf(value) : value);
    else writer.integer(value);
  }
}

/** Whether the column is compared as bytes, because its collation ignores blanks at the end. */
export function isText({ type }: ViewColumn): boolean {
  return type === 'text' || type === 'json';
}

/** A parameter with the type of the column. The server compares a text with a number or a moment inexactly otherwise. */
export function parameterOf(column: ViewColumn): string {
  if (column.type === 'decimal') return `CAST(? AS DECIMAL(${column.precision},${column.scale}))`;
  return column.type === 'timestamp' ? 'CAST(? AS DATETIME(6))' : '?';
}

/** A moment as the server reads it: DATETIME has no zone. */
export function datetimeOf(timestamp: string): string {
  return timestamp.endsWith('Z') ? timestamp.slice(0, -1) : timestamp;
}
