import { rmSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { messageOf, TributaryError } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import { isBusy, isInputOutputFailure, storeError } from './errors.ts';
import { hasWal, WalSync } from './wal-sync.ts';
import { type WhoHolds, WriteLock } from './write-lock.ts';

/** How long a statement waits inside SQLite, where it blocks the event loop, for another process's lock. */
const BUSY_TIMEOUT_MS = 2;

/**
 * Past this many pages (of 4 KiB) a commit also copies the write-ahead log back into the database file, which
 * holds up the event loop: fewer pages make shorter stops, more pages make fewer.
 */
const WAL_AUTOCHECKPOINT_PAGES = 4_000;

/** Page cache of each connection, in KiB. */
const CACHE_KIBIBYTES = 65_536;

/** One SQLite connection with its prepared statements. Integers are read as bigints: offsets go past 2^53. */
export class Connection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #arrays = new Map<string, StatementSync>();

  constructor(file: string, readOnly: boolean) {
    this.#database = new DatabaseSync(file, {
      readOnly,
      timeout: BUSY_TIMEOUT_MS,
      readBigInts: true,
      enableForeignKeyConstraints: false,
    });
  }

  /** The prepared statement of this SQL, made at its first use. */
  statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** The same, whose rows are arrays: objects, with a name for each value, cost several times as much. */
  arrays(sql: string): StatementSync {
    const known = this.#arrays.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    statement.setReturnArrays(true);
    this.#arrays.set(sql, statement);
    return statement;
  }

  execute(sql: string): void {
    this.#database.exec(sql);
  }

  /** Once something was read. */
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
 * The two connections of a store: one that writes, one transaction at a time, and one that only reads, so that
 * a read never slips into a transaction that is waiting for its caller. In WAL mode neither waits for the other.
 */
export class Database {
  readonly #file: string;
  readonly #lock: WriteLock;
  #connections: Connections | null = null;
  /** Tells the file that is open from every other one. */
  #inode: string | null = null;
  /** The same for its write-ahead log. */
  #walInode: string | null = null;
  #generation = 1;
  #closed: Promise<void> | null = null;
  /** Settles when everything that was asked of the writer so far is done. */
  #writerIdle: Promise<unknown> = Promise.resolve();

  constructor(file: string, clock: Clock, whoHolds?: WhoHolds) {
    this.#file = file;
    this.#lock = new WriteLock(file, clock, whoHolds);
  }

  /** Opens the connections if they are not open yet; makes the file if there is none. */
  open(): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#connections === null) await this.#connect();
    });
  }

  async #connect(): Promise<void> {
    await this.#lock.wait(() => {
      const writer = new Connection(this.#file, false);
      let reader: Connection | undefined;
      try {
        prepareForWriting(writer, this.#file);
        reader = openReader(this.#file);
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

  /** Whether the store's name leads to another file than the one that is open, or to none. */
  #isReplaced(): boolean {
    return this.#inode !== null && inodeOf(this.#file) !== this.#inode;
  }

  /** Opens the file that has taken the place of the open one: what is written to the old one would be lost. */
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
    await old.wal.close();
    old.reader.close();
    old.writer.close();
    // SQLite leaves the log of a file that was replaced behind, and would play it back into the new file.
    if (inodeOf(`${this.#file}-wal`) === this.#walInode)
      for (const end of ['-wal', '-shm']) rmSync(`${this.#file}${end}`, { force: true });
    this.#generation++;
    await this.#connect();
  }

  /** Runs a read that does not wait for anything inside; it sees what is committed. */
  async read<T>(work: (reader: Connection) => T): Promise<T> {
    if (this.#isReplaced()) await this.#exclusively(() => this.#followFile());
    try {
      return await this.#lock.wait(() => work(this.#open().reader));
    } catch (error) {
      throw this.#errorOf(error);
    }
  }

  /**
   * Runs one transaction that has the write lock from its beginning. It is committed if `keeps` says so of the
   * result, and rolled back if not, or if `work` throws. Resolves once it is on disk; the next transaction does not
   * wait for that. Once the disk has failed no transaction is begun any more.
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
        if (isKept) this.#commit(writer);
        return { result, isKept, wal };
      } finally {
        writer.rollback();
      }
    });
    if (!isKept) return result;
    await wal.sync();
    if (this.#isReplaced()) {
      throw new TributaryError(
        'store_commit_unknown',
        `The file of the store ${this.#file} was replaced during a commit: read the checkpoints to see whether it stands.`,
      );
    }
    return result;
  }

  /** Rises when the name of the store leads to another file than before. */
  get generation(): number {
    return this.#isReplaced() ? this.#generation + 1 : this.#generation;
  }

  /** Why nothing can be committed any more; null while all is well. */
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
        : `The store ${this.#file} is not open: call migrate first.`,
    );
  }

  #commit(writer: Connection): void {
    try {
      writer.execute('COMMIT');
    } catch (error) {
      if (!isInputOutputFailure(error)) throw error;
      throw new TributaryError(
        'store_commit_unknown',
        `The disk failed while a transaction of the store ${this.#file} was committed: read the checkpoints to see whether it stands.`,
        { cause: error },
      );
    }
  }

  /** One at a time, in the sequence of the calls. */
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

  /** Why the write lock cannot be had, in one sentence; null once it can. */
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

/** Tells the file from every other one; null if there is none, or none on disk. */
function inodeOf(file: string): string | null {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : `${found.dev} ${found.ino}`;
}

function prepareForWriting(writer: Connection, file: string): void {
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
  // WalSync waits for the disk, so that a COMMIT need not.
  writer.execute('PRAGMA synchronous = NORMAL');
  // What a disk that failed may have left in the log is not built on.
  writer.execute('PRAGMA wal_checkpoint(PASSIVE)');
  writer.execute(`PRAGMA wal_autocheckpoint = ${WAL_AUTOCHECKPOINT_PAGES}`);
  writer.execute(`PRAGMA cache_size = -${CACHE_KIBIBYTES}`);
}

/** A connection that changes nothing, or null if there is no such file. */
export function openReadOnly(file: string): Connection | null {
  return inodeOf(file) === null ? null : new Connection(file, true);
}

function openReader(file: string): Connection {
  const reader = new Connection(file, true);
  reader.execute(`PRAGMA cache_size = -${CACHE_KIBIBYTES}`);
  return reader;
}
