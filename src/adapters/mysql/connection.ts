import type { PoolConnection } from 'mysql2/promise';
import { TributaryError } from '../../core/errors.ts';
import { type ConnectionPool, LOCK_WAIT_SECONDS, STATEMENT_DEADLINE_MS } from './connection-pool.ts';
import { DeadlineError, isConnectionError, redacted, safeMessage, storeError } from './errors.ts';

/** The deadline of statements that change the schema or take a table over. Some of them go through all rows. */
export const MIGRATION_DEADLINE_MS = 30 * 60_000;

export interface ConnectionOptions {
  /** The longest wait for the first or the next byte of an answer; default 15 s. */
  readonly deadlineMs?: number;
}

/**
 * Runs `work` on one connection. A connection on which `work` failed is closed and never returned to the pool. Rejects
 * with `store_unreachable` if no connection can be had, or if an answer does not come in time.
 */
export async function withConnection<Result>(
  pool: ConnectionPool,
  work: (connection: PoolConnection) => Promise<Result>,
  options: ConnectionOptions = {},
): Promise<Result> {
  const connection = await borrow(pool, options);
  let result: Result;
  try {
    result = await work(connection);
  } catch (error) {
    // After an error the session may still hold a transaction, so the connection is not used again.
    pool.discard(connection);
    throw storeError('statement', error, pool.remedies);
  }
  pool.giveBack(connection);
  return result;
}

async function borrow(
  pool: ConnectionPool,
  { deadlineMs = STATEMENT_DEADLINE_MS }: ConnectionOptions,
): Promise<PoolConnection> {
  try {
    const connection = await pool.borrow();
    if (deadlineMs !== STATEMENT_DEADLINE_MS) pool.setDeadline(connection, deadlineMs);
    return connection;
  } catch (error) {
    throw storeError('connect', error, pool.remedies);
  }
}

/**
 * Resolves with the results of statements that were begun together, once all of them have ended. Rejects with the error of
 * the first one that failed.
 */
export async function allOf<Result>(begun: readonly Promise<Result>[]): Promise<Result[]> {
  return (await Promise.allSettled(begun)).map(resultOf);
}

/** The result of a statement that has ended. Throws its error if it failed. */
export function resultOf<Result>(ended: PromiseSettledResult<Result>): Result {
  if (ended.status === 'rejected') throw ended.reason;
  return ended.value;
}

/** Thrown inside `inTransaction` to roll back and resolve with a result. */
export class Rollback<Result> {
  readonly result: Result;
  constructor(result: Result) {
    this.result = result;
  }
}

export interface TransactionOptions extends ConnectionOptions {
  /** Seconds that a statement waits for a row lock before it fails with `store_busy`; default 10. */
  readonly lockWaitSeconds?: number;
  /** Whether all statements only read, and see what is committed when the transaction begins. */
  readonly isSnapshot?: boolean;
}

/**
 * Runs `work` in one transaction and commits it; rolls back if `work` throws. If the server does not answer the COMMIT,
 * the outcome is unknown (`store_commit_unknown`), and the COMMIT is never sent twice.
 *
 * If no statement comes within the transaction for 8 s (an option of the pool), the server ends the session and rolls
 * it back. So a process that was stopped does not keep its locks from others.
 *
 * Autocommit is off, because several statements may be under way at once: if one of them ends the transaction by a
 * deadlock, the statements behind it begin a new one, which is rolled back as well.
 */
export async function inTransaction<Result>(
  pool: ConnectionPool,
  work: (connection: PoolConnection) => Promise<Result>,
  { lockWaitSeconds = LOCK_WAIT_SECONDS, isSnapshot = false, ...options }: TransactionOptions = {},
): Promise<Result> {
  const { remedies } = pool;
  const { commitEvidence } = pool.options;
  const connection = await beginTransaction(pool, lockWaitSeconds, isSnapshot, options);
  let isClean = false;
  try {
    let result: Result;
    try {
      result = await work(connection);
    } catch (error) {
      // On a connection that does not answer, ROLLBACK gets no answer either; the server rolls back when it ends the
      // session.
      const isRolledBack =
        !isConnectionError(error) &&
        (await connection.query('ROLLBACK').then(
          () => true,
          () => false,
        ));
      if (!(error instanceof Rollback)) throw error;
      isClean = isRolledBack && (await endTransaction(pool, connection, isSnapshot));
      return error.result as Result;
    }
    const committing = connection.query('COMMIT');
    // It goes with the COMMIT. If that fails, its outcome is unknown, and nothing here tells it.
    const ending = endTransaction(pool, connection, isSnapshot);
    try {
      await committing;
    } catch (error) {
      throw new TributaryError(
        'store_commit_unknown',
        `The database did not answer a COMMIT (${safeMessage(error)}); ${commitEvidence} will tell whether it counts.`,
        { cause: redacted(error) },
      );
    }
    isClean = await ending;
    return result;
  } catch (error) {
    throw storeError('statement', error, remedies);
  } finally {
    if (isClean) pool.giveBack(connection);
    else pool.discard(connection);
  }
}

/**
 * Runs `work`, which only reads, in one transaction that sees one moment of the database. It takes no locks. The server
 * ends it like every other transaction if nothing comes within 8 s.
 */
export async function inSnapshot<Result>(
  pool: ConnectionPool,
  work: (connection: PoolConnection) => Promise<Result>,
): Promise<Result> {
  return inTransaction(pool, work, { isSnapshot: true });
}

/** The most connections that may turn out to be closed before a transaction has begun. */
const BEGIN_ATTEMPTS = 3;

async function beginTransaction(
  pool: ConnectionPool,
  lockWaitSeconds: number,
  isSnapshot: boolean,
  options: ConnectionOptions,
): Promise<PoolConnection> {
  for (let attempt = 1; ; attempt++) {
    const connection = await borrow(pool, options);
    try {
      const variables = `wait_timeout = ${pool.idleTransactionSeconds}, innodb_lock_wait_timeout = ${lockWaitSeconds}`;
      await pool.begin(connection, variables, isSnapshot);
      return connection;
    } catch (error) {
      pool.discard(connection);
      // The server may have closed an idle connection a moment ago. Nothing has begun, so another connection is tried.
      const isWorthAnother = isConnectionError(error) && !(error instanceof DeadlineError);
      if (!isWorthAnother || attempt === BEGIN_ATTEMPTS) throw storeError('statement', error, pool.remedies);
    }
  }
}

/**
 * Puts the session back as it was before the transaction. Answers whether that worked; a failure does not affect the
 * transaction.
 */
async function endTransaction(
  pool: ConnectionPool,
  connection: PoolConnection,
  isSnapshot: boolean,
): Promise<boolean> {
  try {
    const variables = `wait_timeout = DEFAULT, innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS}`;
    await pool.ended(connection, variables, isSnapshot);
    return true;
  } catch {
    return false;
  }
}
