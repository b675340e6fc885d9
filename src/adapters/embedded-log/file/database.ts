import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { TributaryError } from '../../../core/errors.ts';
import { fullJitterMs } from '../../../core/retry.ts';
import type { ResolvedOptions } from '../options.ts';
import { ChangeWatch } from './change-watch.ts';
import { asLogError, isBusy, LOG_FILE, lockedError, openDatabase, WAKE_FILE } from './schema.ts';

/** SQLite itself may block this process for 5 ms to get a lock. After that, the wait goes on without blocking. */
const BLOCKING_WAIT_MS = 5;
const LOCK_BACKOFF = { baseMs: 2, capMs: 25 };
const wakeByte = Uint8Array.of(1);

/**
 * `durable`: a resolved write survives kill -9 and a power loss. `process_only`: it survives the death of any
 * process, but perhaps no power loss. That is enough for data such as the members of a group, which end with their
 * processes.
 */
export type Durability = 'durable' | 'process_only';

/** One client's connection to the file. Each transaction begins and ends inside one turn of the event loop. */
export class LogDatabase {
  readonly file: string;
  readonly watch: ChangeWatch;
  readonly #options: ResolvedOptions;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #closing = new AbortController();
  readonly #wakeDescriptor: number;
  #durability: Durability = 'durable';

  /** Throws `schema_too_new`, `log_damaged`, `log_unreachable`. */
  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.file = join(options.dataDir, LOG_FILE);
    this.#connection = openDatabase(options.dataDir);
    this.#connection.exec(`PRAGMA busy_timeout = ${BLOCKING_WAIT_MS}`);
    const wakeFile = join(options.dataDir, WAKE_FILE);
    try {
      this.#wakeDescriptor = openSync(wakeFile, constants.O_RDWR | constants.O_CREAT);
    } catch (error) {
      this.#connection.close();
      throw asLogError(error, `The event log's ${wakeFile} cannot be opened`);
    }
    const version = this.#connection.prepare('PRAGMA data_version');
    this.watch = new ChangeWatch({
      clock: options.clock,
      pollMs: options.pollMs,
      wakeFile,
      readVersion: () => Number(version.get()?.data_version),
    });
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** The prepared statement for this SQL, which is kept. Its rows are arrays. */
  statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Runs `work`, which only reads. Runs it again while the whole file is locked, which is rare and short. */
  read<T>(what: string, work: () => T): Promise<T> {
    return this.#untilUnlocked(what, work);
  }

  /**
   * Runs `work` in one transaction once it gets the write lock. If it rejects, nothing was written, except that a
   * failed COMMIT leaves open whether it was.
   */
  write<T>(what: string, durability: Durability, work: () => T): Promise<T> {
    return this.#untilUnlocked(what, () => this.#transaction(durability, work));
  }

  async #untilUnlocked<T>(what: string, work: () => T): Promise<T> {
    const { clock, lockTimeoutMs, whoHolds } = this.#options;
    const startedAtMs = clock.monotonicMs();
    for (let attempt = 1; ; attempt += 1) {
      if (this.closed) throw closedError(this.file);
      try {
        return work();
      } catch (error) {
        const waitedMs = clock.monotonicMs() - startedAtMs;
        if (!isBusy(error)) throw asLogError(error, `${what} in ${this.file} failed`);
        if (waitedMs >= lockTimeoutMs)
          throw lockedError(error, `${what} in ${this.file} failed`, whoHolds(this.file));
      }
      await clock.sleep(1 + fullJitterMs(LOCK_BACKOFF, attempt, clock.random()), this.#closing.signal);
    }
  }

  #transaction<T>(durability: Durability, work: () => T): T {
    if (durability !== this.#durability) {
      this.#connection.exec(`PRAGMA synchronous = ${durability === 'durable' ? 'FULL' : 'NORMAL'}`);
      this.#durability = durability;
    }
    this.statement('BEGIN IMMEDIATE').run();
    let result: T;
    try {
      result = work();
      this.statement('COMMIT').run();
    } catch (error) {
      if (this.#connection.isTransaction) this.statement('ROLLBACK').run();
      throw error;
    }
    this.#wakeOthers();
    this.watch.tell();
    return result;
  }

  #wakeOthers(): void {
    try {
      writeSync(this.#wakeDescriptor, wakeByte, 0, 1, 0);
    } catch {
      // The polls of the others see the commit without this write, only later.
    }
  }

  close(): void {
    if (this.closed) return;
    this.#closing.abort();
    this.watch.close();
    this.#connection.close();
    closeSync(this.#wakeDescriptor);
  }
}

export function closedError(file: string): TributaryError {
  return new TributaryError('log_unreachable', `The event log ${file} was closed by this program.`, {
    retryable: false,
  });
}
