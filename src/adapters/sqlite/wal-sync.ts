import { close, fdatasync, openSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { messageOf, TributaryError } from '../../core/errors.ts';

const syncFile = promisify(fdatasync);
const closeFile = promisify(close);
const nothing = async () => {};

/** What `PRAGMA journal_mode = WAL` answered: where a file system cannot, another mode stays in silence. */
export function hasWal(answer: Record<string, unknown> | undefined): boolean {
  return answer?.journal_mode === 'wal';
}

/**
 * Waits for the disk in SQLite's stead. With `synchronous = FULL` a COMMIT of `node:sqlite` holds up the whole
 * event loop until its write-ahead log is on disk. With `synchronous = NORMAL` it only writes the log, in the same
 * sequence, and whoever needs it durable asks here: the log is synced by another thread, once for all who ask
 * meanwhile. Until then the commit can be seen, and only a failure of power or of the system can take it back;
 * whatever is committed after it is durable no earlier. A checkpoint still syncs by itself what it copies.
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
   * Of a connection in WAL mode that has read something: as long as it is open, its log stays the same file. One in
   * memory has nothing to sync. Throws `store_unreachable` if the log cannot be opened.
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

  /** Why nothing can be made durable any more; null while all is well. */
  get failure(): TributaryError | null {
    return this.#failure;
  }

  /**
   * Resolves once all that was committed before the call is on disk. Rejects with `store_commit_unknown` if the disk
   * failed, then and ever after: what the system wrote of the log nobody knows, and asking again would not tell.
   */
  sync(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    // One that runs may have begun before the commit: everybody who comes during it shares the next.
    if (this.#next !== null) return this.#next;
    if (this.#running === null) return this.#begin();
    const begin = () => this.#begin();
    this.#next = this.#running.then(begin, begin);
    return this.#next;
  }

  /** Waits for what was asked for. */
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
