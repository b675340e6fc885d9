import mysql, { type Pool, type PoolConnection, type RowDataPacket } from 'mysql2/promise';
import { messageOf, TributaryError } from '../../core/errors.ts';

export type SqlValue = string | number | null;

/** One writes at a time; the others are for readers. */
const CONNECTIONS = 6;
/** A statement is prepared once for each of these many rows, so that a server keeps few of them. */
const ROWS_PER_STATEMENT = [256, 64, 16, 4, 1] as const;

/** A pool whose every connection has the settings that are relied on, whatever the server's own are. */
export function openPool(url: string): Pool {
  const pool = mysql.createPool({
    uri: url,
    connectionLimit: CONNECTIONS,
    charset: 'utf8mb4',
    timezone: 'Z',
    supportBigNumbers: true,
    enableKeepAlive: true,
    connectTimeout: 10_000,
  });
  // The pool hands a new connection out after these are queued, so they run before anything else.
  pool.pool.on('connection', (connection) => {
    connection.query("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'");
    connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
    connection.query("SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = 10");
  });
  return pool;
}

/**
 * Runs `work` in one transaction and commits it. Rejects with a TributaryError: `store_busy` if the database gave
 * the transaction up, `store_commit_unknown` if the connection broke at COMMIT.
 */
export async function inTransaction<Result>(
  pool: Pool,
  work: (connection: PoolConnection) => Promise<Result>,
): Promise<Result> {
  const connection = await pool.getConnection().catch((error) => {
    throw storeError(error);
  });
  let isCommitting = false;
  try {
    await connection.query('START TRANSACTION');
    const result = await work(connection);
    isCommitting = true;
    await connection.query('COMMIT');
    connection.release();
    return result;
  } catch (error) {
    // A closed connection is rolled back by the server, also after a lock timeout, which leaves the rest of the
    // transaction open; and what state the session is in need not be known.
    connection.destroy();
    throw isCommitting && isConnectionError(error) ? commitUnknown(error) : storeError(error);
  }
}

/** Rows of one statement, prepared; values go as parameters. */
export async function select(
  connection: Pool | PoolConnection,
  sql: string,
  values: SqlValue[] = [],
): Promise<RowDataPacket[]> {
  const [rows] = await connection.execute<RowDataPacket[]>(sql, values);
  return rows;
}

/** The rows whose column is one of the values; `sql` ends before the list. */
export async function selectIn(
  connection: PoolConnection,
  sql: string,
  values: readonly string[],
): Promise<RowDataPacket[]> {
  const found: RowDataPacket[] = [];
  for (const piece of inPieces(values)) {
    found.push(...(await select(connection, `${sql} (${listOf('?', piece.length)})`, [...piece])));
  }
  return found;
}

/** Writes rows of equally many values; `sql` ends before the values, and `suffix` comes after them. */
export async function insertRows(
  connection: PoolConnection,
  sql: string,
  rows: readonly (readonly SqlValue[])[],
  suffix = '',
): Promise<void> {
  for (const piece of inPieces(rows)) {
    const row = `(${listOf('?', piece[0]?.length ?? 0)})`;
    await connection.execute(`${sql} VALUES ${listOf(row, piece.length)} ${suffix}`, piece.flat());
  }
}

function inPieces<Item>(items: readonly Item[]): Item[][] {
  const pieces: Item[][] = [];
  for (let from = 0; from < items.length; from += pieces.at(-1)?.length ?? 0) {
    const size = ROWS_PER_STATEMENT.find((rows) => rows <= items.length - from) ?? 1;
    pieces.push(items.slice(from, from + size));
  }
  return pieces;
}

function listOf(text: string, count: number): string {
  return Array.from({ length: count }, () => text).join(',');
}

const BUSY = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_CHECKREAD']);
const REFUSED =
  /^ER_(ACCESS_DENIED|DBACCESS_DENIED|BAD_DB|TABLEACCESS_DENIED|NO_SUCH_TABLE|SPECIFIC_ACCESS_DENIED)/;

/** A driver's error carries SQL and, with it, payloads: only its code and the server's words go on. */
export function storeError(error: unknown): TributaryError {
  if (error instanceof TributaryError) return error;
  const code = codeOf(error);
  const cause = new Error(safeMessage(error));
  if (BUSY.has(code)) {
    return new TributaryError('store_busy', `The database gave up a lock wait (${code}).`, { cause });
  }
  if (REFUSED.test(code)) {
    const remedy = 'Check ORDER_MGT_DATABASE_URL: user, password, rights, and that the database exists.';
    return new TributaryError('store_refused', `The database refuses: ${safeMessage(error)}. ${remedy}`, {
      cause,
    });
  }
  return isConnectionError(error)
    ? new TributaryError('store_unreachable', `The database does not answer (${safeMessage(error)}).`, {
        cause,
      })
    : new TributaryError('store_failed', `The database failed: ${safeMessage(error)}.`, { cause });
}

function commitUnknown(error: unknown): TributaryError {
  return new TributaryError(
    'store_commit_unknown',
    `The database did not answer a COMMIT (${safeMessage(error)}); the deliveries' ids will tell whether it counts.`,
    { cause: new Error(safeMessage(error)) },
  );
}

function isConnectionError(error: unknown): boolean {
  const isFatal = typeof error === 'object' && error !== null && 'fatal' in error && error.fatal === true;
  return isFatal || /^(PROTOCOL_|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|EAI_AGAIN)/.test(codeOf(error));
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

/** "Duplicate entry '...'" and the like quote the data: what stands in quotes is left out. */
function safeMessage(error: unknown): string {
  const text = messageOf(error)
    .replace(/'[^']*'/g, "'...'")
    .slice(0, 300);
  const code = codeOf(error);
  return code === '' || text.includes(code) ? text : `${code}: ${text}`;
}
