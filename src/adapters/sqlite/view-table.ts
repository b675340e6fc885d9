import type { SQLOutputValue } from 'node:sqlite';
import { isSameName, type Standing, VIEW_MARK, type ViewShape } from '../../core/adoption/index.ts';
import type { ViewColumn, ViewValue } from '../../core/domain.ts';
import { TributaryError } from '../../core/errors.ts';
import { type CatalogColumn, columnsOf, type TableFacts } from './catalog.ts';
import type { Connection } from './database.ts';
import { identifier } from './identifier.ts';

/** Makes the view's table. */
export function createView(writer: Connection, { table, keyColumn, columns }: ViewShape): void {
  const definitions = [
    `${identifier(keyColumn)} TEXT NOT NULL PRIMARY KEY`,
    ...columns.map((column) => `${identifier(column.name)} ${sqlType(column.type)}`),
    'version INTEGER NOT NULL',
  ];
  writer.execute(
    `CREATE TABLE ${identifier(table)} (/* ${VIEW_MARK} */ ${definitions.join(', ')}) WITHOUT ROWID`,
  );
}

/**
 * Whether the table is ours, and how it differs from the view; null if there is no table. Columns and indexes that
 * somebody added do not count.
 */
export function standingOf(
  connection: Connection,
  view: ViewShape,
  facts: TableFacts | undefined,
): Standing | null {
  if (facts === undefined) return null;
  const { name, kind, isMarkedOurs } = facts;
  if (kind !== 'table') return { isMarkedOurs, mismatch: `it is ${kind}` };
  return { isMarkedOurs, mismatch: mismatchOf(view, columnsOf(connection, name)) };
}

function mismatchOf({ keyColumn, columns }: ViewShape, found: readonly CatalogColumn[]): string | null {
  const expected = [
    [keyColumn, 'TEXT'] as const,
    ...columns.map(({ name, type }) => [name, sqlType(type)] as const),
    ['version', 'INTEGER'] as const,
  ];
  for (const [name, type] of expected) {
    const column = found.find((one) => isSameName(one.name, name));
    if (column === undefined) return `it has no column ${name}`;
    if (column.type.toUpperCase() !== type)
      return `its ${name} is ${column.type || 'of no type'}, not ${type}`;
  }
  const key = found.filter(({ keyPlace }) => keyPlace > 0).map(({ name }) => name);
  if (key.length !== 1 || !isSameName(key[0] ?? '', keyColumn))
    return `its ${keyColumn} is not the primary key`;
  const added = found.find(
    ({ name, isFilled }) => !isFilled && !expected.some(([one]) => isSameName(one, name)),
  );
  return added === undefined ? null : `a column ${added.name} was added that has no default`;
}

/** SQLite has no exact decimals: to a column of another declared type it would give a REAL. So all of these are texts. */
function sqlType(type: ViewColumn['type']): string {
  return type === 'boolean' ? 'BOOLEAN' : type === 'integer' ? 'INTEGER' : 'TEXT';
}

export function viewValue(column: ViewColumn, value: SQLOutputValue | undefined): ViewValue {
  if (value === null) return null;
  if (column.type === 'boolean') {
    if (value === 0n || value === 1n) return value === 1n;
  } else if (column.type === 'integer') {
    if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) return Number(value);
  } else if (typeof value === 'string') return value;
  throw new TributaryError(
    'store_refused',
    `Column ${column.name} of the view holds a ${typeof value} that is no ${column.type}: was the table changed by another program?`,
  );
}
