import type { ViewShape } from '../../core/adoption/index.ts';
import type { ViewColumn, ViewRow } from '../../core/domain.ts';
import type { ColumnType, ParameterWriter } from './parameter-writer.ts';
import { datetimeOf } from './view-table.ts';

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
