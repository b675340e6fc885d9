import type { PoolConnection } from 'mysql2/promise';
import { TributaryError } from '../../core/errors.ts';
import { type ConnectionPool, LOCK_WAIT_SECONDS, STATEMENT_DEADLINE_MS } from './connection-pool.ts';
import { DeadlineError, isConnectionError, redacted, safeMessage, storeError } from './errors.ts';

/** Schema changes and the taking over of a table: some statements go through all rows. */
export const MIGRATION_DEADLINE_MS = 30 * 60_000;

export interface ConnectionOptions {
  /** How long a statement may leave us without a byte of its answer; default 15 s. */
  readonly deadlineMs?: number;
}

/**
 * Runs `work` on one connection; a connection that broke is thrown away, never returned to the pool. Rejects with
 * `store_unreachable` if there is none, or an answer has not come in time.
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
    // After an error the session may still hold a transaction: a fresh connection costs less than doubt.
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

/** Thrown inside `inTransaction` to roll back with a result instead of an error. */
export class Rollback<Result> {
  readonly result: Result;
  constructor(result: Result) {
    this.result = result;
  }
}

export interface TransactionOptions extends ConnectionOptions {
  /** How long a row lock is waited for, before the transaction is given up with `store_busy`; default 10 s. */
  readonly lockWaitSeconds?: number;
}

/**
 * Runs `work` in one transaction and commits it; rolls back on whatever it throws. If the COMMIT is not answered its
 * outcome is unknown (`store_commit_unknown`): it is never sent twice. Once it was answered, the result stands.
 *
 * If no statement comes for 8 s (an option of the pool) within the transaction, the server ends the session and rolls it back: then this
 * process was stopped, and its locks would stop the others too.
 *
 * Statements may be on their way when one before them fails, and a deadlock ends the transaction for the server:
 * without autocommit they belong to a new one, which is rolled back as well.
 */
export async function inTransaction<Result>(
  pool: ConnectionPool,
  work: (connection: PoolConnection) => Promise<Result>,
  { lockWaitSeconds = LOCK_WAIT_SECONDS, ...options }: TransactionOptions = {},
): Promise<Result> {
  const { remedies } = pool;
  const { commitEvidence } = pool.options;
  const connection = await beginTransaction(pool, lockWaitSeconds, options);
  let isClean = false;
  try {
    let result: Result;
    try {
      result = await work(connection);
    } catch (error) {
      // A connection that does not answer has nothing to say to this either; the server rolls back what it ends.
      const isRolledBack =
        !isConnectionError(error) &&
        (await connection.query('ROLLBACK').then(
          () => true,
          () => false,
        ));
      if (!(error instanceof Rollback)) throw error;
      isClean = isRolledBack && (await endTransaction(connection));
      return error.result as Result;
    }
    try {
      await connection.query('COMMIT');
    } catch (error) {
      throw new TributaryError(
        'store_commit_unknown',
        `The database did not answer a COMMIT (${safeMessage(error)}); ${commitEvidence} will tell whether it counts.`,
        { cause: redacted(error) },
      );
    }
    isClean = await endTransaction(connection);
    return result;
  } catch (error) {
    throw storeError('statement', error, remedies);
  } finally {
    if (isClean) pool.giveBack(connection);
    else pool.discard(connection);
  }
}

/** How many connections may turn out to be closed before a transaction could begin. */
const BEGIN_ATTEMPTS = 3;

async function beginTransaction(
  pool: ConnectionPool,
  lockWaitSeconds: number,
  options: ConnectionOptions,
): Promise<PoolConnection> {
  for (let attempt = 1; ; attempt++) {
    const connection = await borrow(pool, options);
    try {
      await connection.query(
        `SET autocommit = 0, wait_timeout = ${pool.idleTransactionSeconds}, innodb_lock_wait_timeout = ${lockWaitSeconds}`,
      );
      return connection;
    } catch (error) {
      pool.discard(connection);
      // The server may have closed an idle connection a moment ago: nothing has begun yet.
      const isWorthAnother = isConnectionError(error) && !(error instanceof DeadlineError);
      if (!isWorthAnother || attempt === BEGIN_ATTEMPTS) throw storeError('statement', error, pool.remedies);
    }
  }
}

/** Whether the session is as it was before the transaction. If not, that is no failure of the transaction. */
async function endTransaction(connection: PoolConnection): Promise<boolean> {
  try {
    await connection.query(
      `SET autocommit = 1, wait_timeout = DEFAULT, innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS}`,
    );
    return true;
  } catch {
    return false;
  }
}
