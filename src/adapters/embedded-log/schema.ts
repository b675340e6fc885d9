import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isProgramError, messageOf, TributaryError } from '../../core/errors.ts';

export const LOG_FILE = 'event-log.sqlite';
/** Written to after each commit, so that a watch on it fires once what was committed can be read. */
export const WAKE_FILE = 'event-log.wake';

/** "TrEL": marks the file as ours. */
const APPLICATION_ID = 0x5472454c;

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html) that we tell apart. */
const SQLITE = { busy: 5, locked: 6, corrupt: 11, notADatabase: 26 } as const;

/**
 * Each entry brings the file from the version of its index to the next.
 *
 * - `record_batches` holds the records of one partition that one transaction appended, packed (see
 *   `record-codec.ts`): a row per record is several times dearer to write and to read through SQLite.
 * - `partition_id` is never used again, so that a topic made anew shares nothing with the deleted one.
 * - `owners` says who may read a partition in a group. A row goes only when its owner lets go or is dead.
 * - `shut_out_producers` names those that may append nothing any more, for ever.
 * - `group_stores` names the store that a group's members journal into: the first one's, until somebody decides otherwise.
 * - `generation` counts every change of members or owners, so that a look at one row tells whether to look
 *   further.
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
 * Opens the log's file, made or brought up to date if need be, under locks that other processes respect.
 * Throws `schema_too_new`, `log_damaged`, `log_unreachable`.
 */
export function openDatabase(dataDir: string): DatabaseSync {
  const file = join(dataDir, LOG_FILE);
  let connection: DatabaseSync | null = null;
  try {
    mkdirSync(dataDir, { recursive: true });
    // Only the start of a program may wait this long for a lock; `LogDatabase` shortens it for the rest.
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

/** Turning a new file to WAL is refused at once, whatever the timeout, while another process does the same. */
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

/** A transaction waits by SQLite's own timeout until the other process is done. */
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
        `The event log ${file} has version ${version}, this program knows ${MIGRATIONS.length} at most: update the program.`,
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

/** Tables and mark are made in one transaction, so a file of ours that has tables has the mark too. */
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

/** So that a file just made is still there after a power cut. Not every system can sync a directory. */
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
  // The low byte is the primary code; the rest only refines it.
  return error.errcode & 0xff;
}

/**
 * What SQLite or the file system threw, as an error of ours; `what` is a clause that says where. A mistake of the program
 * passes as it is.
 */
export function asLogError(error: unknown, what: string): Error {
  if (error instanceof TributaryError) return error;
  if (error instanceof Error && isProgramError(error)) return error;
  if (isDamaged(error)) {
    return new TributaryError(
      'log_damaged',
      `${what}: the file is damaged (${messageOf(error)}). Restore it from a backup, or move it away to begin anew.`,
      { cause: error },
    );
  }
  if (isBusy(error)) return lockedError(error, what, null);
  const remedy = 'see that the folder can be written to and the disk has room.';
  return new TributaryError('log_unreachable', `${what}: ${messageOf(error)}; ${remedy}`, { cause: error });
}

/** Another process has not let go of the file's lock. `holder` says which, in a sentence, if it is known. */
export function lockedError(error: unknown, what: string, holder: string | null): TributaryError {
  const remedy = holder ?? 'Another process holds its lock: see which one hangs.';
  return new TributaryError('log_unreachable', `${what}: ${messageOf(error)}. ${remedy}`, { cause: error });
}
