import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isProgramError, messageOf, TributaryError } from '../../../core/errors.ts';

export const LOG_FILE = 'event-log.sqlite';
/** A byte is written to this file after each commit, so that a watch on it fires once the commit can be read. */
export const WAKE_FILE = 'event-log.wake';

/** Marks the file as ours: "TrEL". */
const APPLICATION_ID = 0x5472454c;

/** The primary result codes of SQLite that this adapter acts on (https://www.sqlite.org/rescode.html). */
const SQLITE = { busy: 5, locked: 6, corrupt: 11, notADatabase: 26 } as const;

/**
 * Each entry migrates the file from the version of its index to the next version.
 *
 * - `record_batches` holds the records that one transaction appended to one partition, packed (see
 *   `record-codec.ts`). A row for each record would cost several times as much to write and to read.
 * - `partition_id` is never used again, so that a topic made anew shares nothing with the deleted one.
 * - `owners` says which member may read a partition in a group. A row is deleted only when its owner releases the
 *   partition or is dead.
 * - `shut_out_producers` names the producers that may never append again.
 * - `group_stores` names the store that a group's members journal into: that of the first member, until an operator
 *   hands the group to another one.
 * - `generation` counts every change of members or owners, so that reading one row tells whether to read more.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE log_state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    topics_generation INTEGER NOT NULL
  );
  INSERT INTO log_state VALUES (1, 0);
  CREATE TABLE topics (
    topic TEXT PRIMARY KEY,
    topic_id TEXT NOT NULL UNIQUE
  ) WITHOUT ROWID;
  CREATE TABLE partitions (
    partition_id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    topic_id TEXT NOT NULL,
    partition INTEGER NOT NULL,
    start_offset INTEGER NOT NULL,
    end_offset INTEGER NOT NULL,
    UNIQUE (topic, partition)
  );
  CREATE TABLE record_batches (
    partition_id INTEGER NOT NULL,
    base_offset INTEGER NOT NULL,
    record_count INTEGER NOT NULL,
    appended_at_ms INTEGER NOT NULL,
    crc32 INTEGER NOT NULL,
    packed BLOB NOT NULL,
    PRIMARY KEY (partition_id, base_offset)
  ) WITHOUT ROWID;
  CREATE TABLE consumer_groups (
    group_name TEXT PRIMARY KEY,
    generation INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE members (
    group_name TEXT NOT NULL,
    member_id TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_scope TEXT NOT NULL,
    process_start TEXT NOT NULL,
    heartbeat INTEGER NOT NULL,
    topics TEXT NOT NULL,
    PRIMARY KEY (group_name, member_id)
  ) WITHOUT ROWID;
  CREATE TABLE owners (
    group_name TEXT NOT NULL,
    partition_id INTEGER NOT NULL,
    member_id TEXT NOT NULL,
    PRIMARY KEY (group_name, partition_id)
  ) WITHOUT ROWID;
  CREATE TABLE committed_offsets (
    group_name TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    PRIMARY KEY (group_name, topic, partition)
  ) WITHOUT ROWID;
  `,
  `
  CREATE TABLE shut_out_producers (producer TEXT PRIMARY KEY) WITHOUT ROWID;
  `,
  `
  CREATE TABLE group_stores (
    group_name TEXT PRIMARY KEY,
    store TEXT NOT NULL
  ) WITHOUT ROWID;
  `,
];

/**
 * Opens the log's file. Creates or migrates it if needed, under locks, so that several processes can do so at once.
 * Throws `schema_too_new`, `log_damaged`, `log_unreachable`.
 */
export function openDatabase(dataDir: string): DatabaseSync {
  const file = join(dataDir, LOG_FILE);
  let connection: DatabaseSync | null = null;
  try {
    mkdirSync(dataDir, { recursive: true });
    // The start of a program may wait 5 s for a lock. `LogDatabase` shortens the wait for everything else.
    connection = new DatabaseSync(file, { timeout: 5_000 });
    refuseForeign(connection, file);
    enterWriteAheadMode(connection);
    migrate(connection, file);
    connection.exec(
      'PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16384',
    );
    syncDirectory(dataDir);
    return connection;
  } catch (error) {
    connection?.close();
    throw asLogError(error, `The event log ${file} cannot be opened`);
  }
}

/**
 * Sets WAL mode. While another process does the same, SQLite refuses at once, whatever the timeout. So this tries
 * again.
 */
function enterWriteAheadMode(connection: DatabaseSync): void {
  const maxAttempts = 100;
  for (let attempt = 1; ; attempt += 1) {
    try {
      connection.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (!isBusy(error) || attempt === maxAttempts) throw error;
      waitForWriter(connection);
    }
  }
}

/** Begins an empty transaction, which waits by SQLite's own timeout until the other process is done. */
function waitForWriter(connection: DatabaseSync): void {
  try {
    connection.exec('BEGIN IMMEDIATE; COMMIT');
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK');
    if (!isBusy(error)) throw error;
  }
}

function migrate(connection: DatabaseSync, file: string): void {
  if (readPragma(connection, 'user_version') === MIGRATIONS.length) return;
  connection.exec('BEGIN IMMEDIATE');
  try {
    const version = readPragma(connection, 'user_version');
    if (version > MIGRATIONS.length) {
      throw new TributaryError(
        'schema_too_new',
        `The event log ${file} has version ${version}, and this program knows versions up to ${MIGRATIONS.length}: update the program.`,
      );
    }
    for (const migration of MIGRATIONS.slice(version)) connection.exec(migration);
    connection.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${MIGRATIONS.length}`);
    connection.exec('COMMIT');
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK');
    throw error;
  }
}

/** Throws for a SQLite file of another program. One transaction makes our tables and the mark, so ours have both. */
function refuseForeign(connection: DatabaseSync, file: string): void {
  if (!hasTables(connection) || readPragma(connection, 'application_id') === APPLICATION_ID) return;
  throw new TributaryError(
    'log_damaged',
    `${file} is a SQLite file of another program: move it away, or choose another data directory.`,
  );
}

function hasTables(connection: DatabaseSync): boolean {
  return connection.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() !== undefined;
}

function readPragma(connection: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(connection.prepare(`PRAGMA ${name}`).get()?.[name]);
}

/** Syncs the directory, so that a new file is still there after a power cut. Windows cannot sync a directory. */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE.busy || code === SQLITE.locked;
}

export function isDamaged(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE.corrupt || code === SQLITE.notADatabase;
}

function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  // The low byte is the primary code. The other bytes only refine it.
  return error.errcode & 0xff;
}

/**
 * Makes an error of ours from one of SQLite or the file system. `what` says what was done. Returns an error that shows a
 * mistake of the program as it is.
 */
export function asLogError(error: unknown, what: string): Error {
  if (error instanceof TributaryError) return error;
  if (error instanceof Error && isProgramError(error)) return error;
  if (isDamaged(error)) {
    return new TributaryError(
      'log_damaged',
      `${what}: the file is damaged (${messageOf(error)}). Restore it from a backup, or move it away to start with a new one.`,
      { cause: error },
    );
  }
  if (isBusy(error)) return lockedError(error, what, null);
  const remedy = 'check that the folder is writable and the disk has room.';
  return new TributaryError('log_unreachable', `${what}: ${messageOf(error)}; ${remedy}`, { cause: error });
}

/**
 * The error of a lock that another process did not release. `holder` names that process in a sentence, or is null.
 */
export function lockedError(error: unknown, what: string, holder: string | null): TributaryError {
  const remedy = holder ?? 'Another process holds its lock: find out which one hangs.';
  return new TributaryError('log_unreachable', `${what}: ${messageOf(error)}. ${remedy}`, { cause: error });
}
