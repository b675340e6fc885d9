import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { type Standing, VIEW_MARK, type ViewShape } from '../../core/adoption/index.ts';
import type { ViewColumn, ViewValue } from '../../core/domain.ts';
import { TEXT_LENGTH } from '../../core/view-values.ts';
import { type ShownColumn, showColumns, type TableFacts } from './catalog.ts';
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
  const [collations] = await connection.query<RowDataPacket[]>('SHOW COLLATION LIKE ?', [TEXT_KEY_COLLATION]);
  const key = collations.length === 0 ? BYTES_KEY : TEXT_KEY;
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
  const columns = await showColumns(connection, facts.name);
  const found = new Map(columns.map((column) => [column.name.toLowerCase(), column]));
  const mismatch = keyMismatch(view.keyColumn, found.get(view.keyColumn)) ?? columnsMismatch(view, found);
  return { isMarkedOurs, mismatch };
}

function keyMismatch(name: string, column: ShownColumn | undefined): string | null {
  if (column === undefined) return `it has no column ${name}`;
  const type = plainType(column);
  const isExact = type === 'varbinary' || column.collation === TEXT_KEY_COLLATION;
  if (!isExact) return `its ${name} is a ${type} that is not compared exactly`;
  return column.key === 'PRI' ? null : `its ${name} is not the primary key`;
}

/** The types as the server shows them, without sizes. */
const TYPES: Readonly<Record<ViewColumn['type'], string>> = {
  text: 'varchar',
  boolean: 'tinyint',
  integer: 'bigint',
  decimal: 'decimal',
  timestamp: 'datetime',
  json: 'mediumtext',
};

function columnsMismatch(view: ViewShape, found: ReadonlyMap<string, ShownColumn>): string | null {
  const expected = [
    ...view.columns.map((column) => [column.name, typeOf(column)] as const),
    ['version', 'bigint'] as const,
  ];
  for (const [name, type] of expected) {
    const column = found.get(name.toLowerCase());
    if (column === undefined) return `it has no column ${name}`;
    const is = foundType(column);
    if (is !== type) return `its ${name} is a ${is}, not a ${type}`;
  }
  const names = new Set(
    [view.keyColumn, ...expected.map(([name]) => name)].map((name) => name.toLowerCase()),
  );
  for (const [name, { isNullable, hasDefault, extra }] of found) {
    const isFilled = isNullable || hasDefault || /auto_increment|GENERATED/i.test(extra);
    if (!names.has(name) && !isFilled) return `a column ${name} was added that has no default`;
  }
  return null;
}

/** The type with the sizes on which the values of a column depend. */
function typeOf(column: ViewColumn): string {
  if (column.type === 'decimal') return `decimal(${column.precision},${column.scale})`;
  return column.type === 'timestamp' ? `datetime(${MICROSECONDS})` : TYPES[column.type];
}

function foundType(column: ShownColumn): string {
  const type = plainType(column);
  return type === 'decimal' || type === 'datetime' ? (column.type.split(' ')[0] ?? type) : type;
}

/** The type without its sizes and without words such as `unsigned`. */
function plainType({ type }: ShownColumn): string {
  return type.replace(/[ (].*$/, '');
}

/** The digits of a second. */
const MICROSECONDS = 6;
const EXACT_TEXT = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL';

/**
 * JSON is kept as a text. MySQL's type JSON sorts the members by its own rules and turns large numbers into doubles, and
 * MariaDB's is a text with a check, so only a text gives the same bytes on both. A moment is a DATETIME, because the server
 * converts a TIMESTAMP to the time zone of each session, and ends them in 2038.
 */
function sqlType(column: ViewColumn): string {
  switch (column.type) {
    case 'text':
      return `VARCHAR(${column.maxLength ?? TEXT_LENGTH}) ${EXACT_TEXT}`;
    case 'boolean':
      return 'BOOLEAN DEFAULT FALSE';
    case 'integer':
      return 'BIGINT NULL';
    case 'decimal':
      return `DECIMAL(${column.precision},${column.scale}) NULL`;
    case 'timestamp':
      return `DATETIME(${MICROSECONDS}) NULL`;
    case 'json':
      return `MEDIUMTEXT ${EXACT_TEXT}`;
  }
}

export function viewValue(column: ViewColumn, value: unknown): ViewValue {
  if (value === null || value === undefined) return null;
  if (column.type === 'boolean') return Number(value) !== 0;
  if (column.type === 'timestamp') return timestampOf(textOf(value));
  return column.type === 'integer' ? Number(value) : textOf(value);
}

/** Reads `2026-11-30 07:46:58.5`. The driver leaves out a time of midnight and a fraction of zero. */
function timestampOf(datetime: string): string {
  const [day = '', time = '00:00:00'] = datetime.split(' ');
  const [second = '', fraction = ''] = time.split('.');
  return `${day}T${second}.${fraction.padEnd(MICROSECONDS, '0')}Z`;
}
