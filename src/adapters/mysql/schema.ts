import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { ViewColumn, ViewRow, ViewValue } from '../../core/domain.ts';
import { messageOf, TributaryError } from '../../core/errors.ts';
import { quoted } from '../../core/text.ts';
import type { Logger } from '../../ports/logger.ts';
import type { AdoptedEntity, MigrationOptions, MigrationReport } from '../../ports/store.ts';
import { inTransaction, MIGRATION_DEADLINE_MS, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { DONE_AT_MS } from './delivery-queries.ts';
import { redacted } from './errors.ts';
import { checkTables } from './grants.ts';
import { insertJournal, text } from './journal.ts';
import { protectJournal, warnOfUnprotected } from './journal-protection.ts';
import type { ColumnType, ParameterWriter } from './parameter-writer.ts';
import { isRightMissing, type Remedies } from './refusals.ts';
import { marks, RowsStatement } from './rows-statement.ts';
import { newestVersion, runMigrations, schemaVersion } from './schema-version.ts';
import { checkServer, type ServerNeeds } from './server-checks.ts';

const LOCK_TIMEOUT_SECONDS = 60;
const ADOPTION_PAGE = 1_000;

/** The view's table and columns, as statements need them. */
export interface ViewSchema {
  readonly table: string;
  readonly keyColumn: string;
  readonly columns: readonly ViewColumn[];
}

/**
 * Where the schema is current and the view is there, looks and changes nothing, with the rights that running needs.
 * Otherwise, and whenever a command asks for it, brings the schema up to date, one process at a time (a named lock of
 * the server). MySQL commits at every CREATE and RENAME, so each step here may be found half done by the next start,
 * and is then done again.
 */
export async function migrate(
  pool: ConnectionPool,
  options: MigrationOptions,
  log: Logger,
  needs: ServerNeeds,
): Promise<MigrationReport> {
  const work = async (connection: PoolConnection): Promise<MigrationReport> => {
    const database = await databaseName(connection);
    await checkServer(connection, pool.remedies, needs, log);
    const report =
      (options.asCommand === true ? null : await currentReport(connection, options.view)) ??
      (await changeSchema(pool, connection, database, options, log));
    if (options.asCommand === true) return report;
    await checkTables(connection, pool.remedies, database, options.view);
    await warnOfUnprotected(connection, database, log);
    return report;
  };
  return withConnection(pool, work, { deadlineMs: MIGRATION_DEADLINE_MS });
}

/** The report of a start that has nothing to change; null if there is something. */
async function currentReport(connection: PoolConnection, view: ViewSchema): Promise<MigrationReport | null> {
  const version = await schemaVersion(connection);
  if (version !== newestVersion() || !(await isViewReady(connection, view))) return null;
  return { fromVersion: version, toVersion: version, adoptedRows: 0, viewIsEmpty: false };
}

async function changeSchema(
  pool: ConnectionPool,
  connection: PoolConnection,
  database: string,
  options: MigrationOptions,
  log: Logger,
): Promise<MigrationReport> {
  const before = await schemaVersion(connection);
  const lock = `tributary:${database}`.slice(0, 64);
  const [[locked]] = await connection.query<RowDataPacket[]>('SELECT GET_LOCK(?, ?)', [
    lock,
    LOCK_TIMEOUT_SECONDS,
  ]);
  if (Number(locked?.[0]) !== 1) {
    throw new TributaryError(
      'store_busy',
      `Another process has been migrating this database for ${LOCK_TIMEOUT_SECONDS} s; try again when it is done.`,
    );
  }
  try {
    const { fromVersion, toVersion } = await runMigrations(connection);
    const prepared = await prepareView(pool, connection, options);
    await protectJournal(connection, database, log);
    return { fromVersion, toVersion, ...prepared };
  } catch (error) {
    if (!isRightMissing(error)) throw error;
    const what =
      before === null
        ? `"${database}" has no tables of order-sync, or the user may not see them`
        : before === newestVersion()
          ? `The table ${options.view.table} has to be made or taken over`
          : `The schema of "${database}" has version ${before}, and this program needs ${newestVersion()}`;
    throw needsMigration(what, pool.remedies, error);
  } finally {
    // If this fails the connection is closed, and the lock goes with it.
    await connection.query('SELECT RELEASE_LOCK(?)', [lock]).catch(() => undefined);
  }
}

function needsMigration(what: string, remedies: Remedies, error: unknown): TributaryError {
  return new TributaryError(
    'store_refused',
    `${what}, and the user "${remedies.user}" may not change the schema: run "order-sync migrate" once with a user ` +
      'that may (docs/operations.md, "Users and grants").',
    { cause: redacted(error) },
  );
}

/**
 * Makes the view's table, or takes over the one that another program made. A view of ours that is gone is made empty:
 * its rows come from the journal. It is not taken for one that was never renamed, because the finished copy is.
 */
async function prepareView(
  pool: ConnectionPool,
  connection: PoolConnection,
  options: MigrationOptions,
): Promise<Pick<MigrationReport, 'adoptedRows' | 'viewIsEmpty'>> {
  const { view } = options;
  const names = {
    present: view.table,
    adopting: `${view.table}_adopting`,
    original: `${view.table}_original`,
  };
  const columns = await columnsOf(connection, names.present);
  if (columns.includes('version')) return { adoptedRows: 0, viewIsEmpty: false };
  if (columns.length === 0) {
    if ((await columnsOf(connection, names.adopting)).includes('version')) {
      await connection.query(`RENAME TABLE ${identifier(names.adopting)} TO ${identifier(names.present)}`);
      return { adoptedRows: 0, viewIsEmpty: false };
    }
    await connection.query(createView(view, view.table));
    const [journaled] = await connection.query<RowDataPacket[]>('SELECT 1 FROM journal_segments LIMIT 1');
    return { adoptedRows: 0, viewIsEmpty: journaled.length > 0 };
  }

  // The finished copy and the mark that it is finished are one transaction; only the renaming may be missing.
  await connection.query(createView(view, names.adopting));
  const rows = await adoptRows(pool, connection, options, names.present, names.adopting, columns);
  await connection.query(
    `RENAME TABLE ${identifier(names.present)} TO ${identifier(names.original)}, ${identifier(names.adopting)} TO ${identifier(names.present)}`,
  );
  return { adoptedRows: rows, viewIsEmpty: false };
}

/** The tables that ingest writes, but for the view. */
const INGEST_TABLES = ['checkpoints', 'deliveries', 'journal_segments', 'parked_entities', 'quarantine'];

/** When each of the tables was made. */
export async function incarnation(connection: PoolConnection): Promise<string> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT table_name, create_time FROM information_schema.tables WHERE table_schema = ? AND table_name IN (?) ' +
      'ORDER BY table_name',
    [await databaseName(connection), INGEST_TABLES],
  );
  const missing = INGEST_TABLES.filter((table) => !rows.some((row) => text(row[0]) === table));
  if (missing.length > 0)
    throw new TributaryError('table_missing', `The database lacks the tables ${missing.join(', ')}.`);
  return rows
    .map((row) => `${text(row[0])} ${row[1] instanceof Date ? row[1].toISOString() : row[1]}`)
    .join(', ');
}

/** Makes the view's table if all others are there; answers whether it was missing. */
export async function remakeView(
  connection: PoolConnection,
  view: ViewSchema,
  remedies: Remedies,
): Promise<boolean> {
  await incarnation(connection);
  if ((await columnsOf(connection, view.table)).length > 0) return false;
  try {
    await connection.query(createView(view, view.table));
  } catch (error) {
    if (isRightMissing(error)) throw needsMigration(`The table ${view.table} is missing`, remedies, error);
    throw error;
  }
  return true;
}

/** Whether the view's table is there and ours. */
async function isViewReady(connection: PoolConnection, view: ViewSchema): Promise<boolean> {
  return (await columnsOf(connection, view.table)).includes('version');
}

async function adoptRows(
  pool: ConnectionPool,
  connection: PoolConnection,
  options: MigrationOptions,
  from: string,
  to: string,
  columns: readonly string[],
): Promise<number> {
  const { view, adopt } = options;
  const missing = [view.keyColumn, ...view.columns.map((column) => column.name)].filter(
    (name) => !columns.includes(name),
  );
  if (adopt === null || missing.length > 0) {
    throw notAdoptable(
      from,
      missing.length > 0 ? `it has no column ${missing.join(', ')}` : 'this domain adopts no tables',
    );
  }
  const [[done]] = await connection.query<RowDataPacket[]>(`SELECT COUNT(*) FROM ${identifier(to)}`);
  if (Number(done?.[0]) > 0) return Number(done?.[0]);

  // The bytes of the id in UTF-8, whatever the column's own character set and collation.
  const key = `CAST(CONVERT(${identifier(view.keyColumn)} USING utf8mb4) AS BINARY)`;
  const select = `SELECT ${[key, ...view.columns.map((column) => identifier(column.name))].join(', ')} FROM ${identifier(from)}`;
  const insertRow = new RowsStatement<AdoptedRow>({
    before: `INSERT INTO ${identifier(to)} VALUES`,
    row: `(${marks(view.columns.length + 2)})`,
    columns: ['text', ...viewTypes(view), 'integer'],
    write(writer, { entityId, row, events }) {
      writer.text(entityId);
      writeViewRow(writer, view, row);
      writer.integer(events.length);
    },
  });
  const copy = async (transaction: PoolConnection): Promise<number> => {
    let count = 0;
    let after = Buffer.alloc(0);
    for (;;) {
      const [page] = await transaction.query<RowDataPacket[]>(
        `${select} WHERE ${key} > ? ORDER BY ${key} LIMIT ${ADOPTION_PAGE}`,
        [after],
      );
      if (page.length === 0) return count;
      const adopted = page.map((row) => ({
        entityId: text(row[0]),
        ...adoptRow(from, view.columns, row, adopt),
      }));
      await insertRow.run(transaction, adopted);
      await insertJournal(
        transaction,
        adopted.map(({ entityId, events }) => ({ entityId, fromVersion: 0, events })),
      );
      await insertAdoptedDeliveries.run(transaction, adoptedDeliveries(adopted, options));
      count += page.length;
      after = (page.at(-1) as RowDataPacket)[0];
    }
  };
  return inTransaction(pool, copy, { deadlineMs: MIGRATION_DEADLINE_MS });
}

function adoptRow(
  table: string,
  columns: readonly ViewColumn[],
  row: RowDataPacket,
  adopt: (entityId: string, row: ViewRow) => AdoptedEntity,
): AdoptedEntity {
  const entityId = text(row[0]);
  if (Buffer.byteLength(entityId) > 255)
    throw notAdoptable(table, `the id ${quoted(entityId, 255)} is longer than 255 bytes`);
  try {
    return adopt(
      entityId,
      columns.map((column, index) => viewValue(column, row[index + 1])),
    );
  } catch (error) {
    throw notAdoptable(table, `the row ${quoted(entityId, 255)} is not understood: ${messageOf(error)}`);
  }
}

function notAdoptable(table: string, why: string): TributaryError {
  return new TributaryError(
    'view_not_adoptable',
    `The table ${table} was made by another program and can't be taken over: ${why}. Nothing was changed. ` +
      'Correct the table, or rename it so that a new one is made.',
  );
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

/** The types of the view's columns as statements send them: texts as bytes, which the server only checks. */
export function viewTypes(view: ViewSchema): ColumnType[] {
  return view.columns.map(({ type }) => (type === 'text' ? 'bytes' : 'integer'));
}

export function writeViewRow(writer: ParameterWriter, view: ViewSchema, row: ViewRow): void {
  for (let index = 0; index < view.columns.length; index++) {
    const value = row[index] ?? null;
    if (typeof value === 'string') writer.text(value);
    else writer.integer(value);
  }
}

function createView(view: ViewSchema, table: string): string {
  const columns = view.columns.map((column) => `${identifier(column.name)} ${sqlType(column)}`);
  return (
    `CREATE TABLE IF NOT EXISTS ${identifier(table)} (${identifier(view.keyColumn)} VARBINARY(255) NOT NULL PRIMARY KEY, ` +
    `${columns.join(', ')}, version BIGINT NOT NULL) ENGINE = InnoDB`
  );
}

function sqlType(column: ViewColumn): string {
  if (column.type === 'boolean') return 'BOOLEAN DEFAULT FALSE';
  if (column.type === 'integer') return 'BIGINT NULL';
  return `VARCHAR(${column.maxLength ?? 255}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL`;
}

export function viewValue(column: ViewColumn, value: unknown): ViewValue {
  if (value === null || value === undefined) return null;
  if (column.type === 'boolean') return Number(value) !== 0;
  return column.type === 'integer' ? Number(value) : text(value);
}

/** Given to the information schema as a value: MariaDB looks through all databases if it is asked by a function. */
async function databaseName(connection: PoolConnection): Promise<string> {
  const [[row]] = await connection.query<RowDataPacket[]>('SELECT DATABASE()');
  return text(row?.[0]);
}

async function columnsOf(connection: PoolConnection, table: string): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position',
    [await databaseName(connection), table],
  );
  return rows.map((row) => text(row[0]));
}

/** Names of tables and columns come from a domain's definition, never from data; identifier all the same. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
