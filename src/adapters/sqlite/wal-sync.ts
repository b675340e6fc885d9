import { close, fdatasync, openSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { messageOf, TributaryError } from '../../core/errors.ts';

const syncFile = promisify(fdatasync);
const closeFile = promisify(close);
const nothing = async () => {};

/**
 * Whether `PRAGMA journal_mode = WAL` had effect. Some file systems cannot have it, and SQLite then keeps another mode
 * without an error.
 */
export function hasWal(answer: Record<string, unknown> | undefined): boolean {
  return answer?.journal_mode === 'wal';
}

/**
 * Writes the write-ahead log to disk in SQLite's place. With `synchronous = FULL`, a COMMIT of `node:sqlite` blocks the
 * event loop until the log is on disk. With `synchronous = NORMAL` it only writes to the log, in the same sequence.
 * Callers that need their commit durable call `sync`: another thread syncs the log, once for all callers that wait.
 * Until then others can read the commit, and only a power failure or a crash of the system can lose it; a later commit
 * is never durable before it. A checkpoint of SQLite syncs by itself what it copies.
 *
 * Source: https://www.sqlite.org/pragma.html#pragma_synchronous, https://www.sqlite.org/wal.html
 */
export class WalSync {
  readonly #file: string;
  readonly #sync: () => Promise<void>;
  readonly #close: () => Promise<void>;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #failure: TributaryError | null = null;

  constructor(file: string, sync: () => Promise<void>, close: () => Promise<void>) {
    this.#file = file;
    this.#sync = sync;
    this.#close = close;
  }

  /**
   * Makes the WalSync of a connection in WAL mode that has read something: its log stays the same file while it is
   * open. A database in memory has nothing to sync. Throws `store_unreachable` if the log cannot be opened.
   */
  static of(database: DatabaseSync): WalSync {
    const file = database.location();
    if (file === null) return new WalSync('in memory', nothing, nothing);
    const descriptor = openLog(`${file}-wal`);
    return new WalSync(
      file,
      () => syncFile(descriptor),
      () => closeFile(descriptor),
    );
  }

  /** Why nothing can be made durable any more; null if the disk has not failed. */
  get failure(): TributaryError | null {
    return this.#failure;
  }

  /**
   * Resolves once everything that was committed before the call is on disk. Rejects with `store_commit_unknown` if the
   * disk failed, now or earlier: nobody knows then which parts of the log the system wrote, and another sync would not
   * tell.
   */
  sync(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    // The running sync may have begun before the caller's commit, so all callers during it share the next one.
    if (this.#next !== null) return this.#next;
    if (this.#running === null) return this.#begin();
    const begin = () => this.#begin();
    this.#next = this.#running.then(begin, begin);
    return this.#next;
  }

  /** Waits for the syncs that were asked for. */
  async close(): Promise<void> {
    for (;;) {
      const last = this.#next ?? this.#running;
      if (last === null) break;
      await last.catch(() => {});
    }
    await this.#close();
  }

  #begin(): Promise<void> {
    this.#next = null;
    this.#running = this.#syncOnce().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #syncOnce(): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    try {
      await this.#sync();
    } catch (error) {
      this.#failure = new TributaryError(
        'store_commit_unknown',
        `The disk failed while it wrote the write-ahead log of ${this.#file} (${messageOf(error)}), so nobody knows ` +
          'what it holds: check the disk and start the program again.',
        { cause: error },
      );
      throw this.#failure;
    }
  }
}

function openLog(file: string): number {
  try {
    return openSync(file, 'r+');
  } catch (error) {
    throw new TributaryError(
      'store_unreachable',
      `The write-ahead log ${file} cannot be opened (${messageOf(error)}): check its permissions.`,
      { cause: error },
    );
  }
}
