import { readdirSync, readFileSync } from 'node:fs';
import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { ViewColumn, ViewRow, ViewValue } from '../../core/domain.ts';
import { messageOf, TributaryError } from '../../core/errors.ts';
import { quoted } from '../../core/text.ts';
import type { Logger } from '../../ports/logger.ts';
import type { AdoptedEntity, MigrationOptions, MigrationReport } from '../../ports/store.ts';
import { inTransaction, MIGRATION_DEADLINE_MS, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { DONE_AT_MS } from './delivery-queries.ts';
import { insertJournal, text } from './journal.ts';
import type { ColumnType, ParameterWriter } from './parameter-writer.ts';
import { marks, RowsStatement } from './rows-statement.ts';

const LOCK_TIMEOUT_SECONDS = 60;
const ADOPTION_PAGE = 1_000;

/** The view's table and columns, as statements need them. */
export interface ViewSchema {
  readonly table: string;
  readonly keyColumn: string;
  readonly columns: readonly ViewColumn[];
}

/**
 * Brings the schema up to date, one process at a time (a named lock of the server). MySQL commits at every
 * CREATE and RENAME, so each step here may be found half done by the next start, and is then done again.
 */
export async function migrate(
  pool: ConnectionPool,
  options: MigrationOptions,
  log: Logger,
): Promise<MigrationReport> {
  const work = async (connection: PoolConnection): Promise<MigrationReport> => {
    const database = await databaseName(connection);
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
      await protectJournal(connection, log);
      return { fromVersion, toVersion, ...prepared };
    } finally {
      // If this fails the connection is closed, and the lock goes with it.
      await connection.query('SELECT RELEASE_LOCK(?)', [lock]).catch(() => undefined);
    }
  };
  return withConnection(pool, work, { deadlineMs: MIGRATION_DEADLINE_MS });
}

async function runMigrations(
  connection: PoolConnection,
): Promise<{ fromVersion: number; toVersion: number }> {
  await connection.query(
    'CREATE TABLE IF NOT EXISTS schema_migrations (version INT NOT NULL PRIMARY KEY, name VARCHAR(200) NOT NULL, ' +
      'applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)',
  );
  const [[row]] = await connection.query<RowDataPacket[]>(
    'SELECT COALESCE(MAX(version), 0) FROM schema_migrations',
  );
  const fromVersion = Number(row?.[0]);
  const migrations = readMigrations();
  const newest = migrations.at(-1)?.version ?? 0;
  if (fromVersion > newest) {
    throw new TributaryError(
      'schema_too_new',
      `The database has schema version ${fromVersion}, this program knows ${newest}: start the newer program.`,
    );
  }
  for (const { version, name, statements } of migrations) {
    if (version <= fromVersion) continue;
    for (const statement of statements) await runStatement(connection, statement);
    await connection.query('INSERT INTO schema_migrations (version, name) VALUES (?, ?)', [version, name]);
  }
  return { fromVersion, toVersion: newest };
}

const DUPLICATE_COLUMN = 1060;
const DUPLICATE_INDEX = 1061;

/** A column or an index that is there already was added by a start that ended before it could note the migration as done. */
async function runStatement(connection: PoolConnection, statement: string): Promise<void> {
  try {
    await connection.query(statement);
  } catch (error) {
    const { errno } = error as { errno?: number };
    const isColumn = /^ALTER TABLE \w+ ADD COLUMN [^,]*$/.test(statement);
    const isIndex = /^ALTER TABLE \w+ ADD INDEX \w+ \([^)]*\)$/.test(statement);
    if (isColumn && errno === DUPLICATE_COLUMN) return;
    if (isIndex && errno === DUPLICATE_INDEX) return;
    throw error;
  }
}

/** Not to be had without the right to make triggers, on some servers with a binary log, or on TiDB. */
const NO_TRIGGERS = /TRIGGER|SUPER|not supported|log_bin_trust/i;

/**
 * The journal is never changed: the server itself refuses, where it lets us say so. Where it does not, the
 * user's grants should (INSERT and SELECT only).
 */
async function protectJournal(connection: PoolConnection, log: Logger): Promise<void> {
  const database = await databaseName(connection);
  for (const verb of ['UPDATE', 'DELETE']) {
    const name = `journal_segments_no_${verb.toLowerCase()}`;
    const [[found]] = await connection.query<RowDataPacket[]>(
      'SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = ? AND trigger_name = ?',
      [database, name],
    );
    if (Number(found?.[0]) > 0) continue;
    try {
      await connection.query(
        `CREATE TRIGGER ${name} BEFORE ${verb} ON journal_segments FOR EACH ROW ` +
          "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'The journal is immutable: events are only ever added.'",
      );
    } catch (error) {
      if (!NO_TRIGGERS.test(messageOf(error))) throw error;
      log(
        'warn',
        'The server lets us make no triggers, so only grants keep journal_segments from being changed.',
      );
      return;
    }
  }
}

/** The numbered files beside this one; a statement ends with a semicolon at the end of a line. */
function readMigrations(): { version: number; name: string; statements: string[] }[] {
  const folder = new URL('./migrations/', import.meta.url);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({
      version: Number.parseInt(name, 10),
      name,
      statements: readFileSync(new URL(name, folder), 'utf8')
        .replace(/^--.*$/gm, '')
        .split(/;\s*$/m)
        .map((statement) => statement.trim().replace(/^CREATE TABLE (?!IF)/, 'CREATE TABLE IF NOT EXISTS '))
        .filter((statement) => statement !== ''),
    }));
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
export async function remakeView(connection: PoolConnection, view: ViewSchema): Promise<boolean> {
  await incarnation(connection);
  if ((await columnsOf(connection, view.table)).length > 0) return false;
  await connection.query(createView(view, view.table));
  return true;
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
