import { messageOf, TributaryError } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { MemoryDatabase } from './database.ts';
import type { LockMode, LockOwner } from './locks.ts';
import type { Schema } from './schema.ts';

/**
 * What lies between one process and the database. The simulation gives one for each process. Both methods may wait, as
 * on a slow network or in a frozen process; may reject with a TributaryError; and never resolve in a dead process. They
 * answer undefined if nothing has to be waited for.
 */
export interface StoreSession {
  /**
   * Called before each statement, and before COMMIT with the name `COMMIT`. If it rejects, the statement is not done, and
   * the transaction is rolled back.
   */
  statement(name: string): Promise<void> | undefined;
  /** Called once the effect of a COMMIT, or of a statement outside a transaction, stands. If it rejects, the answer is lost. */
  answered(name: string): Promise<void> | undefined;
}

/** The longest wait for a lock, in milliseconds: as long as on MySQL. */
export const LOCK_WAIT_MS = 10_000;

/** The time by which the database gives leases and retries. All processes share it. */
export interface DatabaseTime {
  now(): number;
}

/** How one process reaches the database. */
export class Connection {
  readonly database: MemoryDatabase;
  readonly session: StoreSession | null;
  readonly clock: Clock;
  readonly #time: DatabaseTime;
  #breaks = 0;
  #isClosed = false;

  constructor(
    database: MemoryDatabase,
    session: StoreSession | null,
    clock: Clock,
    time: DatabaseTime = database.clock ?? clock,
  ) {
    this.database = database;
    this.session = session;
    this.clock = clock;
    this.#time = time;
  }

  /** Rises when a connection broke, and when the database went back in time. */
  get generation(): number {
    return 1 + this.#breaks + this.database.returns;
  }

  /** The time of the database, in milliseconds since 1970. */
  nowMs(): number {
    return Math.floor(this.#time.now());
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Runs one statement that only reads. It sees what is committed. */
  async read<Result>(name: string, work: (schema: Schema) => Result): Promise<Result> {
    this.#requireOpen();
    const { session, database } = this;
    if (session === null) return work(database.requireSchema());
    try {
      await session.statement(name);
      const result = work(database.requireSchema());
      await session.answered(name);
      return result;
    } catch (error) {
      throw this.#noted(error);
    }
  }

  /** Runs one statement that works without our tables, and may change any. */
  async look<Result>(name: string, work: (database: MemoryDatabase) => Result): Promise<Result> {
    this.#requireOpen();
    const { session, database } = this;
    if (session === null) return work(database);
    try {
      await session.statement(name);
      const result = work(database);
      await session.answered(name);
      return result;
    } catch (error) {
      throw this.#noted(error);
    }
  }

  /**
   * A statement with locks of its own, for a caller that keeps a named lock through several statements. The caller ends
   * it.
   */
  nested(holder: Transaction): Transaction {
    holder.requireAlive();
    return new Transaction(this, LOCK_WAIT_MS);
  }

  /** Runs one statement that writes, outside a transaction. */
  async write<Result>(
    name: string,
    work: (transaction: Transaction) => Result | Promise<Result>,
  ): Promise<Result> {
    this.#requireOpen();
    const transaction = new Transaction(this, LOCK_WAIT_MS);
    try {
      const sent = transaction.statement(name);
      if (sent !== undefined) await sent;
      const done = work(transaction);
      const result = done instanceof Promise ? await done : done;
      transaction.apply();
      transaction.end();
      if (this.session !== null) await this.session.answered(name);
      return result;
    } catch (error) {
      throw this.#noted(error);
    } finally {
      transaction.end();
    }
  }

  /**
   * Runs `work` in one transaction and commits it. Rolls back if `work` throws or has called `rollBack`. Rejects with
   * `store_commit_unknown` if the COMMIT fails or its answer is lost.
   */
  async transaction<Result>(
    work: (transaction: Transaction) => Result | Promise<Result>,
    { lockWaitMs = LOCK_WAIT_MS }: { readonly lockWaitMs?: number } = {},
  ): Promise<Result> {
    this.#requireOpen();
    const transaction = new Transaction(this, lockWaitMs);
    try {
      const done = work(transaction);
      const result = done instanceof Promise ? await done : done;
      if (transaction.isToRollBack) await this.#rollBack(transaction);
      else await this.#commit(transaction);
      return result;
    } catch (error) {
      throw this.#noted(error);
    } finally {
      transaction.end();
    }
  }

  #commit(transaction: Transaction): Promise<void> | undefined {
    const { session } = this;
    if (session === null) {
      transaction.requireAlive();
      transaction.apply();
      transaction.end();
      return undefined;
    }
    return this.#commitRemotely(transaction, session);
  }

  async #commitRemotely(transaction: Transaction, session: StoreSession): Promise<void> {
    try {
      await session.statement('COMMIT');
      transaction.requireAlive();
      transaction.apply();
      transaction.end();
      await session.answered('COMMIT');
    } catch (error) {
      if (!(error instanceof TributaryError)) throw error;
      throw new TributaryError(
        'store_commit_unknown',
        `The simulated database did not answer a COMMIT (${messageOf(error)}); the checkpoints will tell whether it counts.`,
        { cause: error },
      );
    }
  }

  /** The locks are held until the ROLLBACK arrives. Its failure changes nothing. */
  async #rollBack(transaction: Transaction): Promise<void> {
    if (this.session === null) return;
    try {
      await this.session.statement('ROLLBACK');
    } catch (error) {
      if (!(error instanceof TributaryError)) throw error;
      this.#noted(error);
    }
    transaction.end();
  }

  #noted(error: unknown): unknown {
    if (error instanceof TributaryError && BREAKS.has(error.code)) this.#breaks++;
    return error;
  }

  #requireOpen(): void {
    if (this.#isClosed)
      throw new TributaryError('store_refused', 'The simulated store was closed: open it again.');
  }
}

/** After these errors a process cannot use its connection any more. */
const BREAKS: ReadonlySet<string> = new Set(['store_unreachable', 'store_commit_unknown']);

/**
 * A transaction: the locks that it holds until its end, and the writes that it has gathered. The writes are done in one
 * step at COMMIT, so nobody reads what is not committed. What a transaction decides by, it has locked.
 */
export class Transaction implements LockOwner {
  readonly held: LockOwner['held'] = [];
  waiting: LockOwner['waiting'] = null;
  readonly session: StoreSession | null;
  /** Whether `work` wants it rolled back. */
  isToRollBack = false;
  readonly #connection: Connection;
  readonly #lockWaitMs: number;
  readonly #writes: (() => void)[] = [];
  #state: 'open' | 'killed' | 'ended' = 'open';

  constructor(connection: Connection, lockWaitMs: number) {
    this.#connection = connection;
    this.#lockWaitMs = lockWaitMs;
    this.session = connection.session;
    connection.database.began(this);
  }

  /** The tables, without the writes of this transaction. */
  get schema(): Schema {
    return this.#connection.database.requireSchema();
  }

  nowMs(): number {
    return this.#connection.nowMs();
  }

  /** Sends a statement. Answers undefined if nothing has to be waited for. */
  statement(name: string): Promise<void> | undefined {
    if (this.session !== null) return this.#send(name, this.session);
    this.requireAlive();
    return undefined;
  }

  async #send(name: string, session: StoreSession): Promise<void> {
    await session.statement(name);
    this.requireAlive();
  }

  /** Takes a lock until the transaction ends. Answers undefined if it has the lock now. */
  lock(
    name: string,
    mode: LockMode = 'exclusive',
    waitMs: number = this.#lockWaitMs,
  ): Promise<void> | undefined {
    this.requireAlive();
    const { database, clock } = this.#connection;
    return database.locks.take(this, name, mode, database.clock ?? clock, waitMs);
  }

  /** Gathers a write, which is done at COMMIT. */
  write(work: () => void): void {
    this.#writes.push(work);
  }

  /** Gives the result to the caller and has the transaction rolled back. */
  rollBack<Result>(result: Result): Result {
    this.isToRollBack = true;
    return result;
  }

  apply(): void {
    for (const write of this.#writes) write();
    this.#connection.database.onApplied?.(this.session);
  }

  /** Frees the locks. May be called twice. */
  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    this.#connection.database.ended(this);
  }

  /** Ends the session from the server's side: rolls back, frees the locks, and refuses whatever comes later. */
  kill(): void {
    if (this.#state !== 'open') return;
    this.#state = 'killed';
    const { database } = this.#connection;
    database.locks.stopWaiting(this, killed());
    database.ended(this);
  }

  requireAlive(): void {
    if (this.#state !== 'open') throw killed();
  }
}

function killed(): TributaryError {
  return new TributaryError('store_unreachable', 'The simulated server has ended the session.');
}
