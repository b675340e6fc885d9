import type { ViewShape } from '../../core/adoption/index.ts';
import type { ViewRow } from '../../core/domain.ts';
import type { ColumnType, ParameterWriter } from './parameter-writer.ts';

/** The types of the view's columns in statements. Texts are sent as bytes, which the server checks less. */
export function viewTypes(view: ViewShape): ColumnType[] {
  return view.columns.map(({ type }) => (type === 'text' ? 'bytes' : 'integer'));
}

export function writeViewRow(writer: ParameterWriter, view: ViewShape, row: ViewRow): void {
  for (let index = 0; index < view.columns.length; index++) {
    const value = row[index] ?? null;
    if (typeof value === 'string') writer.text(value);
    else writer.integer(value);
  }
}
