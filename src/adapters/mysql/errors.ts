import { isProgramError, messageOf, TributaryError } from '../../core/errors.ts';
import { knownRefusal, type Remedies, withoutQuoted } from './refusals.ts';

/** Thrown when the database has not answered in time. Nobody knows what it did. */
export class DeadlineError extends Error {
  readonly code = 'TRIBUTARY_DEADLINE';
  readonly fatal = true;
}

const BUSY = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_CHECKREAD']);
const UNREACHABLE =
  /^(TRIBUTARY_DEADLINE|PROTOCOL_|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ER_SERVER_SHUTDOWN)/;

/**
 * The error that callers get for an error of the driver. It leaves out the SQL and the payloads in it, and keeps the
 * code and the server's words. A mistake of the program passes as it is, because it says nothing about the database.
 */
export function storeError(doing: string, error: unknown, remedies: Remedies): Error {
  if (error instanceof TributaryError) return error;
  if (error instanceof Error && isProgramError(error)) return error;
  const code = codeOf(error);
  const cause = redacted(error);
  if (BUSY.has(code)) {
    return new TributaryError(
      'store_busy',
      `The database gave up a lock wait (${code}); the work is done again.`,
      { cause },
    );
  }
  const known = knownRefusal(error, remedies);
  if (known !== null) return new TributaryError(known.code, known.message, { cause });
  if (code === 'ER_NO_SUCH_TABLE') {
    return new TributaryError(
      'table_missing',
      `The database lacks a table: ${safeMessage(error)}. ${remedies.setUp}`,
      { cause },
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

/** Whether the connection cannot be used any more. */
export function isConnectionError(error: unknown): boolean {
  const fatal = typeof error === 'object' && error !== null && 'fatal' in error && error.fatal === true;
  return fatal || UNREACHABLE.test(codeOf(error));
}

function codeOf(error: unknown): string {
  // The driver sets no code for a number that it does not know, such as those of a proxy.
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/**
 * The message of an error without what it quotes, because "Duplicate entry '...'" and "Incorrect value: '...'" quote data.
 */
export function safeMessage(error: unknown): string {
  const text = withoutQuoted(messageOf(error));
  const code = codeOf(error);
  return code === '' || error instanceof DeadlineError || text.includes(code) ? text : `${code}: ${text}`;
}

export function redacted(error: unknown): Error {
  return new Error(safeMessage(error));
}
