import mysql, { type Pool, type PoolConnection } from 'mysql2/promise';
import { messageOf, TributaryError } from '../../core/errors.ts';
import type { MysqlStoreOptions } from './options.ts';

/**
 * A pool whose every connection has the settings that the store relies on, whatever the server's own are:
 * strict mode, READ COMMITTED, UTC, UTF-8. Affected rows are the rows changed, not the rows found: ingest
 * counts on it.
 */
export function openPool(options: MysqlStoreOptions): Pool {
  const pool = mysql.createPool({
    uri: options.url,
    connectionLimit: options.connections ?? 8,
    charset: 'utf8mb4',
    timezone: 'Z',
    supportBigNumbers: true,
    bigNumberStrings: true,
    rowsAsArray: true,
    // Query attributes would change the layout of every execution, and nothing uses them.
    flags: ['-FOUND_ROWS', '-CLIENT_QUERY_ATTRIBUTES'],
    enableKeepAlive: true,
    connectTimeout: 10_000,
    ...(options.tls === undefined ? {} : { ssl: { ...options.tls, rejectUnauthorized: true } }),
  });
  // The pool hands a new connection out after these are queued, so they run before anything else.
  pool.pool.on('connection', (connection) => {
    connection.query("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION'");
    connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
    connection.query("SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = 10");
  });
  return pool;
}

/** Runs `work` on one connection; a connection that broke is thrown away, never returned to the pool. */
export async function withConnection<Result>(
  pool: Pool,
  work: (connection: PoolConnection) => Promise<Result>,
): Promise<Result> {
  let connection: PoolConnection;
  try {
    connection = await pool.getConnection();
  } catch (error) {
    throw storeError('connect', error);
  }
  try {
    const result = await work(connection);
    connection.release();
    return result;
  } catch (error) {
    // After an error the session may still hold a transaction: a fresh connection costs less than doubt.
    connection.destroy();
    throw error instanceof TributaryError ? error : storeError('statement', error);
  }
}

/** Thrown inside `inTransaction` to roll back with a result instead of an error. */
export class Rollback<Result> {
  readonly result: Result;
  constructor(result: Result) {
    this.result = result;
  }
}

/**
 * Runs `work` in one transaction and commits it; rolls back on whatever it throws. If the connection breaks at
 * COMMIT the outcome is unknown (`store_commit_unknown`): COMMIT is never sent twice.
 *
 * Statements may be on their way when one before them fails, and a deadlock ends the transaction for the server:
 * without autocommit they belong to a new one, which is rolled back as well.
 */
export async function inTransaction<Result>(
  pool: Pool,
  work: (connection: PoolConnection) => Promise<Result>,
): Promise<Result> {
  return withConnection(pool, async (connection) => {
    let result: Result;
    await connection.query('SET autocommit = 0');
    try {
      result = await work(connection);
    } catch (error) {
      await connection.query('ROLLBACK');
      if (!(error instanceof Rollback)) throw error;
      await connection.query('SET autocommit = 1');
      return error.result as Result;
    }
    try {
      await connection.query('COMMIT');
    } catch (error) {
      throw new TributaryError(
        'store_commit_unknown',
        `The database did not answer a COMMIT (${safeMessage(error)}); the checkpoints will tell whether it counts.`,
        { cause: redacted(error) },
      );
    }
    await connection.query('SET autocommit = 1');
    return result;
  });
}

const BUSY = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_CHECKREAD']);
const REFUSED = new Set([
  'ER_ACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_BAD_DB_ERROR',
  'ER_TABLEACCESS_DENIED_ERROR',
]);

/** A driver's error carries SQL and, with it, payloads: only its code and the server's words go on. */
export function storeError(doing: string, error: unknown): TributaryError {
  const code = codeOf(error);
  const cause = redacted(error);
  if (BUSY.has(code)) {
    return new TributaryError(
      'store_busy',
      `The database gave up a lock wait (${code}); the work is done again.`,
      { cause },
    );
  }
  if (REFUSED.has(code)) {
    const remedy = 'Check DATABASE_URL: user, password, and that the database exists.';
    return new TributaryError('store_refused', `The database refuses: ${safeMessage(error)}. ${remedy}`, {
      cause,
    });
  }
  if (code === 'ER_NO_SUCH_TABLE') {
    const remedy = 'If it has not been set up yet, start order-sync on it once.';
    return new TributaryError(
      'table_missing',
      `The database lacks a table: ${safeMessage(error)}. ${remedy}`,
      {
        cause,
      },
    );
  }
  if (isConnectionError(error)) {
    return new TributaryError('store_unreachable', `The database does not answer (${safeMessage(error)}).`, {
      cause,
    });
  }
  return new TributaryError('store_failed', `The database failed at a ${doing}: ${safeMessage(error)}.`, {
    cause,
  });
}

export function isDuplicateKey(error: unknown): boolean {
  return codeOf(error) === 'ER_DUP_ENTRY';
}

function isConnectionError(error: unknown): boolean {
  const fatal = typeof error === 'object' && error !== null && 'fatal' in error && error.fatal === true;
  return (
    fatal ||
    /^(PROTOCOL_|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|EAI_AGAIN|ER_SERVER_SHUTDOWN)/.test(
      codeOf(error),
    )
  );
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

/** "Duplicate entry '...'" and "Incorrect value: '...'" quote the data: what stands in quotes is left out. */
function safeMessage(error: unknown): string {
  const text = messageOf(error)
    .replace(/'[^']*'/g, "'...'")
    .slice(0, 300);
  const code = codeOf(error);
  return code === '' || text.includes(code) ? text : `${code}: ${text}`;
}

function redacted(error: unknown): Error {
  return new Error(safeMessage(error));
}
