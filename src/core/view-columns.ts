import type { ViewColumn } from './domain.ts';

/** By the list of columns, which nobody changes. */
const TEXTS = new WeakMap<readonly ViewColumn[], string>();

/** The columns as a text: equal columns in the same sequence give the same text. */
export function columnsText(columns: readonly ViewColumn[]): string {
  const known = TEXTS.get(columns);
  if (known !== undefined) return known;
  const text = JSON.stringify(columns.map((column) => [column.name, column.type, ...sizesOf(column)]));
  TEXTS.set(columns, text);
  return text;
}

function sizesOf(column: ViewColumn): number[] {
  if (column.type === 'decimal') return [column.precision, column.scale];
  return column.maxLength === undefined ? [] : [column.maxLength];
}

/** Reads what `columnsText` has written. */
export function columnsFromText(text: string): ViewColumn[] {
  const parsed = JSON.parse(text) as [string, ViewColumn['type'], number?, number?][];
  return parsed.map(([name, type, size, scale = 0]): ViewColumn => {
    if (type === 'decimal') return { name, type, precision: size ?? 0, scale };
    return size === undefined ? { name, type } : ({ name, type, maxLength: size } as ViewColumn);
  });
}

export function areSameColumns(left: readonly ViewColumn[], right: readonly ViewColumn[]): boolean {
  return columnsText(left) === columnsText(right);
}

/**
 * The columns that two tables have in common, by name and type, with their places in both. A decimal of another precision or
 * scale is another column, because its values are other texts.
 */
export function commonColumns(
  left: readonly ViewColumn[],
  right: readonly ViewColumn[],
): { readonly column: ViewColumn; readonly left: number; readonly right: number }[] {
  return left.flatMap((column, index) => {
    const other = right.findIndex((candidate) => isSameColumn(column, candidate));
    return other === -1 ? [] : [{ column, left: index, right: other }];
  });
}

function isSameColumn(left: ViewColumn, right: ViewColumn): boolean {
  if (left.name !== right.name || left.type !== right.type) return false;
  if (left.type !== 'decimal' || right.type !== 'decimal') return true;
  return left.precision === right.precision && left.scale === right.scale;
}
