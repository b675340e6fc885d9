import type { SQLOutputValue } from 'node:sqlite';
import type { ViewColumn, ViewValue } from '../../core/domain.ts';
import { messageOf, TributaryError } from '../../core/errors.ts';
import type { AdoptedEntity, MigrationOptions } from '../../ports/store.ts';
import { type Connection, Pace, type SqliteRow } from './connection.ts';
import { adoptDelivery } from './deliveries.ts';
import { insertEvents } from './journal.ts';
import { quoteName, type ViewTable } from './view-table.ts';

/** How many offending rows a refusal names. */
const OFFENDERS_SHOWN = 5;
const MAX_ID_BYTES = 255;

/**
 * Takes over the table that another program made: it is renamed to `<view>_original` and kept, and the view is
 * made anew from the events that `adopt` finds in its rows. Part of the migration's transaction: a refusal
 * leaves everything as it was.
 */
export async function adoptTable(
  writer: Connection,
  view: ViewTable,
  existing: readonly string[],
  options: MigrationOptions,
): Promise<number> {
  const { table, keyColumn, columns } = view.definition;
  const { adopt } = options;
  if (adopt === null) throw notAdoptable(table, 'this domain adopts no tables');
  const missing = [keyColumn, ...columns.map(({ name }) => name)].filter((name) => !existing.includes(name));
  if (missing.length > 0) throw notAdoptable(table, `it has no column ${missing.join(', ')}`);

  const original = `${table}_original`;
  writer.execute(`ALTER TABLE ${view.table} RENAME TO ${quoteName(original)}`);
  view.create(writer);

  const names = columns.map(({ name }) => quoteName(name)).join(', ');
  const rows = writer.statement(
    `SELECT typeof(${view.key}) AS "id type", CAST(${view.key} AS BLOB) AS "id bytes", ${names} FROM ${quoteName(original)}`,
  );
  const offenders: string[] = [];
  const pace = new Pace();
  let adoptedRows = 0;
  for (const row of rows.iterate()) {
    try {
      const entityId = readId(row);
      const values = columns.map((column) => readValue(column, row[column.name]));
      insertAdopted(writer, view, entityId, adopt(entityId, values), options);
      adoptedRows++;
    } catch (error) {
      if (isStatementError(error)) throw error;
      offenders.push(`${describeId(row)}: ${messageOf(error)}`);
      if (offenders.length === OFFENDERS_SHOWN) break;
    }
    await pace.pass(1);
  }
  if (offenders.length > 0)
    throw notAdoptable(table, `these rows are not understood: ${offenders.join('; ')}`);
  return adoptedRows;
}

export function notAdoptable(table: string, why: string): TributaryError {
  return new TributaryError(
    'view_not_adoptable',
    `The table ${table} was made by another program and can't be taken over: ${why}. Nothing was changed. ` +
      'Correct the table, or rename it so that a new one is made.',
  );
}

function insertAdopted(
  writer: Connection,
  view: ViewTable,
  entityId: string,
  adopted: AdoptedEntity,
  options: MigrationOptions,
): void {
  const version = adopted.events.length;
  insertEvents(writer, adopted.events);
  view.overwrite(writer, { entityId, fromVersion: 0, version, row: adopted.row, events: adopted.events });
  for (const target of options.targets)
    adoptDelivery(writer, target, entityId, version, adopted, options.nowMs);
}

/** What the database says, unlike what `adopt` says, is no fault of the row. */
function isStatementError(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error;
}

function readId(row: SqliteRow): string {
  const bytes = row['id bytes'];
  if (row['id type'] !== 'text' || !(bytes instanceof Uint8Array))
    throw new Error(`its id is a ${row['id type']}`);
  if (bytes.length === 0 || bytes.length > MAX_ID_BYTES) {
    throw new Error(`its id has ${bytes.length} bytes, where 1 to ${MAX_ID_BYTES} are allowed`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error('its id is not well-formed UTF-8');
  }
}

/** SQLite's columns take values of any type; a boolean left NULL was never set. */
function readValue(column: ViewColumn, value: SQLOutputValue | undefined): ViewValue {
  if (value === null || value === undefined) return column.type === 'boolean' ? false : null;
  if (column.type === 'text' && typeof value === 'string') return value;
  if (column.type === 'boolean' && (value === 0n || value === 1n)) return value === 1n;
  if (column.type === 'integer' && typeof value === 'bigint' && Number.isSafeInteger(Number(value)))
    return Number(value);
  throw new Error(`its ${column.name} is no ${column.type}`);
}

/** The id in printable ASCII, whatever is in it, and not for ever. */
function describeId(row: SqliteRow): string {
  const bytes = row['id bytes'];
  if (!(bytes instanceof Uint8Array)) return 'NULL';
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_ID_BYTES));
  const escaped = JSON.stringify(text).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return bytes.length > MAX_ID_BYTES ? `${escaped}...` : escaped;
}
