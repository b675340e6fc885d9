import { isProgramError, messageOf, TributaryError } from '../../core/errors.ts';

/** The primary result codes that callers are told about. Source: https://www.sqlite.org/rescode.html */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** An extended result code. */
const CONSTRAINT_PRIMARYKEY = 1555;

interface SqliteError extends Error {
  readonly code: 'ERR_SQLITE_ERROR';
  readonly errcode: number;
}

function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR' && 'errcode' in error;
}

function primaryCode(error: SqliteError): number {
  return error.errcode & 0xff;
}

/** Whether Node or the file system threw this: it has a code, and is no mistake of the program. */
function isForeign(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof TributaryError || isProgramError(error)) return false;
  return 'code' in error && typeof error.code === 'string';
}

function failedAt(error: Error, file: string): TributaryError {
  return new TributaryError('store_failed', `The store ${file} failed: ${messageOf(error)}.`, {
    cause: error,
  });
}

/** Whether another connection holds the lock that the statement needs. */
export function isBusy(error: unknown): boolean {
  return isSqliteError(error) && (primaryCode(error) === BUSY || primaryCode(error) === LOCKED);
}

/** Whether the table already has a row with this primary key. */
export function isDuplicateKey(error: unknown): boolean {
  return isSqliteError(error) && error.errcode === CONSTRAINT_PRIMARYKEY;
}

/** Whether the file system failed, so that nobody knows what is on disk. */
export function isInputOutputFailure(error: unknown): boolean {
  return isSqliteError(error) && primaryCode(error) === IOERR;
}

/**
 * The error that callers get. An error of SQLite, of Node or of the file system becomes a TributaryError. Every other
 * one, such as a mistake of the program, passes as it is. The messages of SQLite name tables and columns, and never the
 * values of a row.
 */
export function storeError(error: unknown, file: string): unknown {
  if (!isSqliteError(error)) return isForeign(error) ? failedAt(error, file) : error;
  const saying = `SQLite says "${error.message}" (code ${error.errcode})`;
  switch (primaryCode(error)) {
    case BUSY:
    case LOCKED:
      return new TributaryError('store_busy', `The store ${file} is locked by another process: ${saying}.`, {
        cause: error,
      });
    case CANTOPEN:
      return new TributaryError(
        'store_unreachable',
        `The store ${file} cannot be opened: ${saying}. Check that its folder exists and may be written to.`,
        { cause: error },
      );
    case FULL:
      return new TributaryError(
        'store_failed',
        `The disk of the store ${file} is full: ${saying}. Nothing was written; free some space.`,
        { cause: error },
      );
    case READONLY:
      return new TributaryError(
        'store_failed',
        `The store ${file} cannot be written to: ${saying}. Check the permissions of the file and its folder.`,
        { cause: error },
      );
    case CORRUPT:
    case NOTADB:
      return new TributaryError(
        'store_failed',
        `The store ${file} is damaged or no SQLite database: ${saying}. Restore it from a backup.`,
        { cause: error, retryable: false },
      );
    case IOERR:
      return new TributaryError('store_failed', `The disk of the store ${file} fails: ${saying}.`, {
        cause: error,
      });
    default:
      if (/^no such table/.test(error.message)) {
        return new TributaryError('table_missing', `The store ${file} lacks a table: ${saying}.`, {
          cause: error,
        });
      }
      return new TributaryError('store_failed', `A statement on the store ${file} failed: ${saying}.`, {
        cause: error,
        retryable: false,
      });
  }
}
