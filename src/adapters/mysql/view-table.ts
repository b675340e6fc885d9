import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { type Standing, VIEW_MARK, type ViewShape } from '../../core/adoption/index.ts';
import type { ViewColumn, ViewValue } from '../../core/domain.ts';
import { databaseName, type TableFacts } from './catalog.ts';
import { identifier } from './identifier.ts';
import { textOf } from './values.ts';

/**
 * MariaDB's collation that compares texts as bytes and ignores no blanks. So a text key tells apart what a binary key
 * does, and joins with binary columns use both indexes. MySQL has no such collation.
 */
const TEXT_KEY_COLLATION = 'utf8mb4_nopad_bin';
const TEXT_KEY = `VARCHAR(255) CHARACTER SET utf8mb4 COLLATE ${TEXT_KEY_COLLATION}`;
const BYTES_KEY = 'VARBINARY(255)';

/**
 * Makes the view's table under this name. Its key is a text if the server can compare texts exactly, and bytes
 * otherwise.
 */
export async function createView(connection: PoolConnection, view: ViewShape, table: string): Promise<void> {
  const [[found]] = await connection.query<RowDataPacket[]>(
    'SELECT COUNT(*) FROM information_schema.collations WHERE collation_name = ?',
    [TEXT_KEY_COLLATION],
  );
  const key = Number(found?.[0]) === 0 ? BYTES_KEY : TEXT_KEY;
  const columns = view.columns.map((column) => `${identifier(column.name)} ${sqlType(column)}`);
  await connection.query(
    `CREATE TABLE IF NOT EXISTS ${identifier(table)} (${identifier(view.keyColumn)} ${key} NOT NULL PRIMARY KEY, ` +
      `${columns.join(', ')}, version BIGINT NOT NULL) ENGINE = InnoDB COMMENT = '${VIEW_MARK}'`,
  );
}

/**
 * Whether the table is ours, and how it differs from the view; null if there is no table. Columns and indexes that
 * somebody added do not count.
 */
export async function standingOf(
  connection: PoolConnection,
  view: ViewShape,
  facts: TableFacts | undefined,
): Promise<Standing | null> {
  if (facts === undefined) return null;
  const isMarkedOurs = facts.comment === VIEW_MARK;
  if (facts.kind !== 'table') return { isMarkedOurs, mismatch: `it is ${facts.kind}` };
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT column_name, data_type, collation_name, column_key, is_nullable, column_default, extra ' +
      'FROM information_schema.columns WHERE table_schema = ? AND table_name = ?',
    [await databaseName(connection), facts.name],
  );
  const found = new Map(rows.map((row) => [textOf(row[0]).toLowerCase(), row]));
  const mismatch = keyMismatch(view.keyColumn, found.get(view.keyColumn)) ?? columnsMismatch(view, found);
  return { isMarkedOurs, mismatch };
}

function keyMismatch(name: string, row: RowDataPacket | undefined): string | null {
  if (row === undefined) return `it has no column ${name}`;
  const isExact = textOf(row[1]) === 'varbinary' || textOf(row[2]) === TEXT_KEY_COLLATION;
  if (!isExact) return `its ${name} is a ${textOf(row[1])} that is not compared exactly`;
  return textOf(row[3]) === 'PRI' ? null : `its ${name} is not the primary key`;
}

const TYPES: Readonly<Record<ViewColumn['type'], string>> = {
  text: 'varchar',
  boolean: 'tinyint',
  integer: 'bigint',
};

function columnsMismatch(view: ViewShape, found: ReadonlyMap<string, RowDataPacket>): string | null {
  const expected = [
    ...view.columns.map(({ name, type }) => [name, TYPES[type]] as const),
    ['version', 'bigint'] as const,
  ];
  for (const [name, type] of expected) {
    const row = found.get(name.toLowerCase());
    if (row === undefined) return `it has no column ${name}`;
    if (textOf(row[1]) !== type) return `its ${name} is a ${textOf(row[1])}, not a ${type}`;
  }
  const names = new Set(
    [view.keyColumn, ...expected.map(([name]) => name)].map((name) => name.toLowerCase()),
  );
  for (const [name, row] of found) {
    const isFilled =
      textOf(row[4]) === 'YES' || row[5] !== null || /auto_increment|GENERATED/i.test(textOf(row[6]));
    if (!names.has(name) && !isFilled) return `a column ${name} was added that has no default`;
  }
  return null;
}

function sqlType(column: ViewColumn): string {
  if (column.type === 'boolean') return 'BOOLEAN DEFAULT FALSE';
  if (column.type === 'integer') return 'BIGINT NULL';
  return `VARCHAR(${column.maxLength ?? 255}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL`;
}

export function viewValue(column: ViewColumn, value: unknown): ViewValue {
  if (value === null || value === undefined) return null;
  if (column.type === 'boolean') return Number(value) !== 0;
  return column.type === 'integer' ? Number(value) : textOf(value);
}
