import { rmSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { messageOf, TributaryError } from '../../core/errors.ts';
import { PLAIN_NAMES, type TableNames } from '../../core/table-names.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CommitOutcome } from '../../ports/commit.ts';
import { isBusy, isInputOutputFailure, storeError } from './errors.ts';
import type { ThreadBatch } from './thread/thread-batch.ts';
import type { WriterThread } from './thread/writer-thread.ts';
import { hasWal, WalSync } from './wal-sync.ts';
import { type WhoHolds, WriteLock } from './write-lock.ts';

/** The time that SQLite itself waits for another process's lock. It blocks the event loop meanwhile. */
const BUSY_TIMEOUT_MS = 2;

/** The pages of a new file. With SQLite's own 4 KiB, a batch of thousands of events writes many more pages. */
const PAGE_BYTES = 8_192;

/**
 * A commit copies the write-ahead log back into the database file once the log has this many pages. The copying blocks the
 * thread: fewer pages make shorter stops, more pages make fewer stops.
 */
const WAL_AUTOCHECKPOINT_PAGES = 4_000;

/** The page cache of each connection, in KiB. */
const CACHE_KIBIBYTES = 24_576;

/** One SQLite connection with its prepared statements. It reads integers as bigints, because offsets exceed 2^53. */
export class Connection {
  /** The names of our tables in this file. The texts that callers give have the plain names. */
  readonly names: TableNames;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #arrays = new Map<string, StatementSync>();

  constructor(file: string, readOnly: boolean, names: TableNames = PLAIN_NAMES) {
    this.names = names;
    this.#database = new DatabaseSync(file, {
      readOnly,
      timeout: BUSY_TIMEOUT_MS,
      readBigInts: true,
      enableForeignKeyConstraints: false,
    });
  }

  /** Gives the prepared statement of this SQL, which is made at its first use. */
  statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(this.names.in(sql));
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /**
   * Gives a prepared statement whose rows are arrays. Rows as objects, with a name for each value, cost several times
   * as much.
   */
  arrays(sql: string): StatementSync {
    const known = this.#arrays.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(this.names.in(sql));
    statement.setReturnArrays(true);
    this.#arrays.set(sql, statement);
    return statement;
  }

  execute(sql: string): void {
    this.#database.exec(this.names.in(sql));
  }

  /** May be called once the connection has read something. */
  walSync(): WalSync {
    return WalSync.of(this.#database);
  }

  rollback(): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

interface Connections {
  readonly writer: Connection;
  readonly reader: Connection;
  readonly wal: WalSync;
}

/**
 * The two connections of a store: a writer, which runs one transaction at a time, and a reader. Reads have a connection
 * of their own so that none becomes part of a transaction that waits for its caller. In WAL mode neither waits for the
 * other.
 */
export class Database {
  readonly #file: string;
  readonly #names: TableNames;
  readonly #lock: WriteLock;
  /** The threads that write to the file. */
  readonly #threads = new Set<WriterThread>();
  #connections: Connections | null = null;
  /** Identifies the file that is open. */
  #inode: string | null = null;
  /** Identifies the write-ahead log of the file that is open. */
  #walInode: string | null = null;
  #generation = 1;
  #closed: Promise<void> | null = null;
  /** Settles when all work that was given to the writer so far is done. */
  #writerIdle: Promise<unknown> = Promise.resolve();

  constructor(file: string, clock: Clock, whoHolds?: WhoHolds, names: TableNames = PLAIN_NAMES) {
    this.#file = file;
    this.#names = names;
    this.#lock = new WriteLock(file, clock, whoHolds);
  }

  /** Opens the connections if they are not open yet. Makes the file if there is none. */
  open(): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#connections === null) await this.#connect();
    });
  }

  async #connect(): Promise<void> {
    await this.#lock.wait(() => {
      const writer = new Connection(this.#file, false, this.#names);
      let reader: Connection | undefined;
      try {
        prepareForWriting(writer, this.#file);
        reader = openReader(this.#file, this.#names);
        this.#connections = { writer, reader, wal: writer.walSync() };
        this.#inode = inodeOf(this.#file);
        this.#walInode = inodeOf(`${this.#file}-wal`);
      } catch (error) {
        reader?.close();
        writer.close();
        throw error;
      }
    });
  }

  /** Whether the store's path leads to another file than the open one, or to none. */
  #isReplaced(): boolean {
    return this.#inode !== null && inodeOf(this.#file) !== this.#inode;
  }

  /** Opens the file that has replaced the open one, because writes to the old file would be lost. */
  async #followFile(): Promise<void> {
    if (!this.#isReplaced()) return;
    if (inodeOf(this.#file) === null) {
      throw new TributaryError(
        'store_unreachable',
        `The file of the store ${this.#file} is gone while the program runs: put it back, or a backup of it.`,
      );
    }
    const old = this.#open();
    this.#connections = null;
    await this.#closeThreads();
    await old.wal.close();
    old.reader.close();
    old.writer.close();
    // SQLite leaves the write-ahead log of a replaced file behind, and would play it back into the new file.
    if (inodeOf(`${this.#file}-wal`) === this.#walInode)
      for (const end of ['-wal', '-shm']) rmSync(`${this.#file}${end}`, { force: true });
    this.#generation++;
    await this.#connect();
  }

  /** Runs a synchronous read. It sees what is committed. */
  async read<T>(work: (reader: Connection) => T): Promise<T> {
    if (this.#isReplaced()) await this.#exclusively(() => this.#followFile());
    try {
      return await this.#lock.wait(() => work(this.#open().reader));
    } catch (error) {
      throw this.#errorOf(error);
    }
  }

  /**
   * Runs one transaction, which holds the write lock from its beginning. Commits it if `keeps` accepts the result;
   * rolls it back if `keeps` does not, or if `work` throws. Resolves once the commit is on disk; the next transaction
   * does not wait for that. Rejects every transaction after the disk has failed once.
   */
  async write<T>(
    work: (writer: Connection) => Promise<T> | T,
    keeps: (result: T) => boolean = () => true,
  ): Promise<T> {
    const { result, isKept, wal } = await this.#exclusively(async () => {
      await this.#followFile();
      const { writer, wal } = this.#open();
      if (wal.failure !== null) throw wal.failure;
      await this.#lock.take(() => writer.execute('BEGIN IMMEDIATE'));
      try {
        const result = await work(writer);
        const isKept = keeps(result);
        if (isKept) commitTransaction(writer, this.#file);
        return { result, isKept, wal };
      } finally {
        writer.rollback();
      }
    });
    if (isKept) await this.#endure(wal);
    return result;
  }

  /** Runs the transaction of one batch on the writer thread, as `write` does here. `pack` is called once its turn comes. */
  async writeInThread(thread: WriterThread, pack: () => ThreadBatch): Promise<CommitOutcome> {
    const { outcome, wal } = await this.#exclusively(async () => {
      await this.#followFile();
      const { wal } = this.#open();
      if (wal.failure !== null) throw wal.failure;
      this.#threads.add(thread);
      const batch = pack();
      const place = { file: this.#file, tablePrefix: this.#names.prefix };
      return { outcome: await this.#lock.take(() => thread.run(place, batch)), wal };
    });
    if (outcome.kind === 'committed') await this.#endure(wal);
    return outcome;
  }

  /** Resolves once everything that was committed is on disk. */
  async #endure(wal: WalSync): Promise<void> {
    await wal.sync();
    if (this.#isReplaced()) {
      throw new TributaryError(
        'store_commit_unknown',
        `The file of the store ${this.#file} was replaced during a commit: read the checkpoints to see whether it stands.`,
      );
    }
  }

  async #closeThreads(): Promise<void> {
    for (const thread of this.#threads) await thread.close();
    this.#threads.clear();
  }

  /** Rises when the store's path leads to another file than before. */
  get generation(): number {
    return this.#isReplaced() ? this.#generation + 1 : this.#generation;
  }

  /** Why nothing can be committed any more; null if the disk has not failed. */
  get failure(): TributaryError | null {
    return this.#connections?.wal.failure ?? null;
  }

  /** May be called twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#writerIdle;
    const connections = this.#connections;
    this.#connections = null;
    if (connections === null) return;
    await this.#closeThreads();
    await connections.wal.close();
    connections.reader.close();
    connections.writer.close();
  }

  #open(): Connections {
    if (this.#connections !== null) return this.#connections;
    throw new TributaryError(
      'store_refused',
      this.#closed !== null
        ? `The store ${this.#file} was closed: open it again.`
        : `The store ${this.#file} is not open.`,
    );
  }

  /** Runs one work at a time, in the sequence of the calls. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed !== null) {
      return Promise.reject(
        new TributaryError('store_refused', `The store ${this.#file} was closed: open it again.`),
      );
    }
    const result = this.#writerIdle.then(work).catch((error: unknown) => {
      throw this.#errorOf(error);
    });
    this.#writerIdle = result.catch(() => undefined);
    return result;
  }

  /** Who keeps the write lock, in one sentence; null if the lock can be had. */
  async heldBy(): Promise<string | null> {
    if (!this.#lock.isHeld) return null;
    try {
      await this.write(
        () => null,
        () => false,
      );
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  #errorOf(error: unknown): unknown {
    return isBusy(error) ? this.#lock.error(error) : storeError(error, this.#file);
  }
}

/** Identifies the file by its device and inode; null if there is none on disk. */
function inodeOf(file: string): string | null {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : `${found.dev} ${found.ino}`;
}

/** Commits the transaction. Throws `store_commit_unknown` if the disk failed meanwhile. */
export function commitTransaction(writer: Connection, file: string): void {
  try {
    writer.execute('COMMIT');
  } catch (error) {
    if (!isInputOutputFailure(error)) throw error;
    throw new TributaryError(
      'store_commit_unknown',
      `The disk failed while a transaction of the store ${file} was committed: read the checkpoints to see whether it stands.`,
      { cause: error },
    );
  }
}

/** Opens a further connection that writes to a file which is open already. */
export function openWriter(file: string, names: TableNames): Connection {
  const writer = new Connection(file, false, names);
  setForWriting(writer);
  return writer;
}

function prepareForWriting(writer: Connection, file: string): void {
  // Does nothing to a file that has pages already.
  writer.execute(`PRAGMA page_size = ${PAGE_BYTES}`);
  const encoding = writer.statement('PRAGMA encoding').get()?.encoding;
  if (encoding !== 'UTF-8') {
    throw new TributaryError(
      'store_refused',
      `The store ${file} keeps its texts as ${encoding}, so ids would not compare by their UTF-8 bytes: choose another file.`,
    );
  }
  if (!hasWal(writer.statement('PRAGMA journal_mode = WAL').get())) {
    throw new TributaryError(
      'store_refused',
      `The store ${file} cannot have a write-ahead log where it lies: choose a file on a local disk.`,
    );
  }
  setForWriting(writer);
  // Copies what a failed disk may have left in the log into the database, before anything is built on it.
  writer.execute('PRAGMA wal_checkpoint(PASSIVE)');
}

function setForWriting(writer: Connection): void {
  // A COMMIT need not wait for the disk, because WalSync does.
  writer.execute('PRAGMA synchronous = NORMAL');
  writer.execute(`PRAGMA wal_autocheckpoint = ${WAL_AUTOCHECKPOINT_PAGES}`);
  writer.execute(`PRAGMA cache_size = -${CACHE_KIBIBYTES}`);
}

/** Opens a connection that changes nothing. Gives null if there is no such file. */
export function openReadOnly(file: string, names: TableNames): Connection | null {
  return inodeOf(file) === null ? null : new Connection(file, true, names);
}

function openReader(file: string, names: TableNames): Connection {
  const reader = new Connection(file, true, names);
  reader.execute(`PRAGMA cache_size = -${CACHE_KIBIBYTES}`);
  return reader;
}
