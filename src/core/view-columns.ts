import type { ViewColumn } from './domain.ts';

/** By the list of columns, which nobody changes. */
const TEXTS = new WeakMap<readonly ViewColumn[], string>();

/** The columns as a text: equal columns in the same sequence give the same text. */
export function columnsText(columns: readonly ViewColumn[]): string {
  const known = TEXTS.get(columns);
  if (known !== undefined) return known;
  const text = JSON.stringify(
    columns.map(({ name, type, maxLength }) => [name, type, ...(maxLength === undefined ? [] : [maxLength])]),
  );
  TEXTS.set(columns, text);
  return text;
}

/** Reads what `columnsText` has written. */
export function columnsFromText(text: string): ViewColumn[] {
  const parsed = JSON.parse(text) as [string, ViewColumn['type'], number?][];
  return parsed.map(([name, type, maxLength]) =>
    maxLength === undefined ? { name, type } : { name, type, maxLength },
  );
}

export function areSameColumns(left: readonly ViewColumn[], right: readonly ViewColumn[]): boolean {
  return columnsText(left) === columnsText(right);
}

/** The columns that two tables have in common, by name and type, with their places in both. */
export function commonColumns(
  left: readonly ViewColumn[],
  right: readonly ViewColumn[],
): { readonly column: ViewColumn; readonly left: number; readonly right: number }[] {
  return left.flatMap((column, index) => {
    const other = right.findIndex(({ name, type }) => name === column.name && type === column.type);
    return other === -1 ? [] : [{ column, left: index, right: other }];
  });
}
