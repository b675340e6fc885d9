import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import {
  type AdoptionReport,
  columnNamed,
  doubledIds,
  examineStructure,
  type FoundColumn,
  type FoundTable,
  NO_CHOICES,
  NO_ROWS,
  notAdoptable,
  type RawRow,
  type RawValue,
  RowReader,
} from '../../core/adoption/index.ts';
import type { AdoptedEntity, MigrationOptions } from '../../ports/migration.ts';
import { describeTable, type TableFacts } from './catalog.ts';
import { inTransaction, MIGRATION_DEADLINE_MS, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { DONE_AT_MS } from './delivery-filter.ts';
import { identifier } from './identifier.ts';
import { insertEvents } from './journal.ts';
import { marks, RowsStatement } from './rows-statement.ts';
import { textOf } from './values.ts';
import { viewTypes, writeViewRow } from './view-parameters.ts';

/** The rows that one transaction takes over. */
const PAGE_ROWS = 2_000;
/** The server ends a reader that takes no bytes for this long. The reader takes none while a page is written. */
const READER_PATIENCE_SECONDS = 3_600;
/** The most doubled ids that one finding names. */
const DOUBLED_NAMED = 5;

/** What was found out about another program's table, and how to read its rows. */
export interface Examined {
  readonly report: AdoptionReport;
  /** Null if the rows cannot be read. */
  readonly reading: Reading | null;
}

interface Reading {
  readonly found: FoundTable;
  readonly reader: RowReader<AdoptedEntity>;
}

/** Reads another program's table and all of its rows. Changes nothing. */
export async function examineTable(
  pool: ConnectionPool,
  connection: PoolConnection,
  options: MigrationOptions,
  facts: TableFacts,
  namesNeeded: readonly string[],
): Promise<Examined> {
  const { view, adopt, choices = NO_CHOICES } = options;
  const found = await describeTable(connection, view, facts, namesNeeded);
  const { findings: structure, isReadable } = examineStructure(view, found, choices);
  const findings = [...structure];
  const { notes } = found;
  const table = view.table;
  if (adopt === null) {
    findings.push({
      code: 'no_adoption',
      problem: 'this domain, or this command, takes no tables over',
      remedy: 'Rename the table; or, for the orders of order-sync, start order-sync on it once.',
    });
    return { report: { table, verdict: 'refuse', findings, notes, ...NO_ROWS }, reading: null };
  }
  if (!isReadable)
    return { report: { table, verdict: 'refuse', findings, notes, ...NO_ROWS }, reading: null };
  const reader = new RowReader<AdoptedEntity>(view, found, adopt, choices);
  const reading = { found, reader };
  let rows = 0;
  await readRows(pool, options, reading, facts.name, async (page) => {
    rows += page.length;
    for (const row of page) reader.read(row);
  });
  findings.push(...reader.findings());
  if (!found.isKeyUnique) {
    const key = keyExpression(columnNamed(found, view.keyColumn) as FoundColumn);
    const [doubled] = await connection.query<RowDataPacket[]>(
      `SELECT ${key} FROM ${identifier(facts.name)} WHERE ${key} <> '' GROUP BY 1 HAVING COUNT(*) > 1 ORDER BY 1 LIMIT ${DOUBLED_NAMED + 1}`,
    );
    const ids = doubled.map((row) => textOf(row[0]));
    if (ids.length > 0)
      findings.push(doubledIds(view.keyColumn, ids.slice(0, DOUBLED_NAMED), ids.length > DOUBLED_NAMED));
  }
  const verdict = findings.length === 0 ? 'take' : 'refuse';
  return { report: { table, verdict, findings, notes, rows, deliveries: reader.deliveries }, reading };
}

/**
 * Copies the rows of `from` into `to`, with their events and deliveries, in one transaction for each page. Resolves
 * with the number of rows. Nobody may write to `from`, and `to`, the journal and the ledger must be empty. Throws
 * `view_not_adoptable` if a row has changed since the table was examined; the caller then undoes the copy.
 */
export async function copyRows(
  pool: ConnectionPool,
  options: MigrationOptions,
  reading: Reading,
  from: string,
  to: string,
): Promise<number> {
  const { view } = options;
  const insertRow = new RowsStatement<AdoptedRow>({
    before: `INSERT INTO ${identifier(to)} VALUES`,
    row: `(${marks(view.columns.length + 2)})`,
    columns: ['bytes', ...viewTypes(view), 'integer'],
    write(writer, { entityId, row, events }) {
      writer.text(entityId);
      writeViewRow(writer, view, row);
      writer.integer(events.length);
    },
  });
  const { reader } = reading;
  reader.restart();
  let count = 0;
  await readRows(pool, options, reading, from, async (page) => {
    const adopted = page.map((row) => reader.read(row)).filter((row) => row !== null);
    const findings = reader.findings();
    if (findings.length > 0) throw notAdoptable({ table: view.table, findings });
    const write = async (connection: PoolConnection) => {
      await insertRow.run(connection, adopted);
      await insertEvents(
        connection,
        adopted.map(({ entityId, events }) => ({ entityId, fromVersion: 0, events })),
      );
      await insertAdoptedDeliveries.run(connection, adoptedDeliveries(adopted, options));
    };
    await inTransaction(pool, write, { deadlineMs: MIGRATION_DEADLINE_MS });
    count += page.length;
  });
  return count;
}

/**
 * Reads all rows in one scan of the table, in the sequence in which they are stored. The server sends the next page
 * only when `onPage` has resolved.
 */
async function readRows(
  pool: ConnectionPool,
  { view }: MigrationOptions,
  { found, reader }: Reading,
  from: string,
  onPage: (rows: readonly RawRow[]) => Promise<void>,
): Promise<void> {
  const key = columnNamed(found, view.keyColumn) as FoundColumn;
  const columns = view.columns.map(({ name }) => columnNamed(found, name) as FoundColumn);
  const marked = reader.marks.map(({ column }) => column);
  const values = [...columns, ...marked];
  const select = [keyExpression(key), ...values.map(valueExpression)].join(', ');
  const rawRow = (row: RowDataPacket): RawRow => {
    const read = values.map((column, index) =>
      rawValue(column, row[index + 1], view.columns[index]?.type === 'decimal'),
    );
    const id = row[0] as Buffer | null;
    return { id, values: read.slice(0, columns.length), marks: read.slice(columns.length) };
  };
  const read = async (connection: PoolConnection): Promise<void> => {
    await connection.query(`SET SESSION net_write_timeout = ${READER_PATIENCE_SECONDS}`);
    const rows = (connection.connection as unknown as Streaming)
      .query(`SELECT ${select} FROM ${identifier(from)}`)
      .stream({ highWaterMark: PAGE_ROWS });
    let page: RawRow[] = [];
    for await (const row of rows) {
      page.push(rawRow(row as RowDataPacket));
      if (page.length < PAGE_ROWS) continue;
      await onPage(page);
      page = [];
    }
    if (page.length > 0) await onPage(page);
    await connection.query(`SET SESSION net_write_timeout = ${pool.idleTransactionSeconds}`);
  };
  await withConnection(pool, read, { deadlineMs: MIGRATION_DEADLINE_MS });
}

/** The driver's own connection, whose stream gives rows as they arrive and reads on when they are taken. */
interface Streaming {
  query(sql: string): { stream(options: { highWaterMark: number }): AsyncIterable<unknown> };
}

/** The SQL for the id's bytes in UTF-8, whatever the column's type, character set and collation. */
function keyExpression({ name, family }: FoundColumn): string {
  const column = identifier(name);
  if (family === 'bytes') return column;
  const asText = family === 'text' ? column : `CAST(${column} AS CHAR)`;
  return `CAST(CONVERT(${asText} USING utf8mb4) AS BINARY)`;
}

/** The SQL for a column's value: texts as texts, and numbers as texts of numbers. */
function valueExpression({ name, family }: FoundColumn): string {
  const column = identifier(name);
  if (isNumber(family)) return `CAST(${column} + 0 AS CHAR)`;
  return family === 'bytes' || family === 'padded bytes' ? column : `CONVERT(${column} USING utf8mb4)`;
}

function isNumber(family: FoundColumn['family']): boolean {
  return family === 'integer' || family === 'decimal' || family === 'float' || family === 'bits';
}

/** `isExact`: whether a number that is not whole is given as a text, with all of its digits. */
function rawValue({ family }: FoundColumn, value: unknown, isExact: boolean): RawValue {
  if (value === null || value === undefined) return null;
  if (!isNumber(family))
    return family === 'bytes' || family === 'padded bytes' ? (value as Buffer) : textOf(value);
  const number = textOf(value);
  if (/^-?\d+$/.test(number)) return BigInt(number);
  return isExact ? number : Number(number);
}

type AdoptedRow = AdoptedEntity & { readonly entityId: string };

interface AdoptedDelivery extends AdoptedRow {
  readonly target: string;
  readonly nowMs: number;
}

const insertAdoptedDeliveries = new RowsStatement<AdoptedDelivery>({
  before:
    'INSERT INTO deliveries (target, entity_id, due_version, status, attempts, delivered_version, ' +
    'next_attempt_at, due_since) VALUES',
  row: '(?,?,?,?,0,?,?,?)',
  columns: ['text', 'text', 'integer', 'text', 'integer', 'integer', 'integer'],
  write(writer, { target, entityId, events, delivery, nowMs }) {
    const isSent = delivery === 'sent';
    writer.text(target);
    writer.text(entityId);
    writer.integer(events.length);
    writer.text(isSent ? 'delivered' : 'pending');
    writer.integer(isSent ? events.length : 0);
    writer.integer(isSent ? DONE_AT_MS : nowMs);
    writer.integer(nowMs);
  },
});

function adoptedDeliveries(
  adopted: readonly AdoptedRow[],
  { targets, nowMs }: MigrationOptions,
): AdoptedDelivery[] {
  const owed = adopted.filter(({ delivery }) => delivery !== 'none');
  return targets.flatMap((target) => owed.map((row) => ({ ...row, target, nowMs })));
}
