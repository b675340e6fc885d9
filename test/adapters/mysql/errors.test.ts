import { describe, expect, it } from 'vitest';
import {
  DeadlineError,
  isConnectionError,
  isDuplicateKey,
  redacted,
  safeMessage,
  storeError,
} from '../../../src/adapters/mysql/errors.ts';
import type { Remedies } from '../../../src/adapters/mysql/refusals.ts';
import { DefectError, TributaryError } from '../../../src/core/errors.ts';

const remedies: Remedies = {
  setting: 'DATABASE_URL',
  setUp: 'Run "order-sync setup".',
  host: 'db',
  port: 3306,
  user: 'tributary',
  database: 'orders',
  hasTls: false,
  hasCertificate: false,
};

const driverError = (code: string, message = 'said the server', more: object = {}) =>
  Object.assign(new Error(message), { code, ...more });

const codeFor = (error: unknown) => (storeError('read', error, remedies) as TributaryError).code;

describe('an error of the database', () => {
  it.each([
    ['ER_LOCK_DEADLOCK', 'store_busy'],
    ['ER_LOCK_WAIT_TIMEOUT', 'store_busy'],
    ['ER_CHECKREAD', 'store_busy'],
    ['ER_NO_SUCH_TABLE', 'table_missing'],
    ['ECONNRESET', 'store_unreachable'],
    ['ECONNREFUSED', 'store_unreachable'],
    ['EPIPE', 'store_unreachable'],
    ['ETIMEDOUT', 'store_unreachable'],
    ['ENOTFOUND', 'store_unreachable'],
    ['EHOSTUNREACH', 'store_unreachable'],
    ['ENETUNREACH', 'store_unreachable'],
    ['EAI_AGAIN', 'store_unreachable'],
    ['ER_SERVER_SHUTDOWN', 'store_unreachable'],
    ['PROTOCOL_CONNECTION_LOST', 'store_unreachable'],
    ['ER_DUP_ENTRY', 'store_failed'],
    ['ER_PARSE_ERROR', 'store_failed'],
  ])('the code %s is told as %s', (code, expected) => {
    expect(codeFor(driverError(code))).toBe(expected);
    expect(isConnectionError(driverError(code))).toBe(expected === 'store_unreachable');
    expect(isDuplicateKey(driverError(code))).toBe(code === 'ER_DUP_ENTRY');
  });

  it('a missed deadline and a fatal error end the connection, whatever their codes are', () => {
    const late = new DeadlineError('No answer in 5 s.');
    expect(isConnectionError(late)).toBe(true);
    expect(codeFor(late)).toBe('store_unreachable');
    expect(isConnectionError(driverError('ER_WHATEVER', 'x', { fatal: true }))).toBe(true);
    expect(isConnectionError(driverError('ER_WHATEVER'))).toBe(false);
    expect(isConnectionError(null)).toBe(false);
  });

  it('a mistake of the program and an error that is told already pass as they are', () => {
    for (const error of [
      new TypeError('x is not a function'),
      new DefectError('no plan'),
      new TributaryError('store_busy', 'again'),
    ])
      expect(storeError('read', error, remedies)).toBe(error);
  });

  it.each([
    ["Duplicate entry 'order-1' for key 'PRIMARY'"],
    ["Duplicate entry 'order-1\nO'Brien' for key 'PRIMARY'"],
    ["Duplicate entry 'it's order-1's' for key 'PRIMARY'"],
    ["Incorrect string value: '\\xF0\\x9Forder-1' for column `orders`.`data` at row 1"],
    ["Incorrect value 'a' for 'order-1' in 'order-1'"],
    ["You have an error in your SQL syntax near 'order-1"],
    ["Duplicate entry 'a' for key 'order-1"],
    ["You have an error near 'it's order-1, as 'O'Brien says"],
  ])('no data that the server quotes is told: %s', (message) => {
    for (const code of ['ER_DUP_ENTRY', 'ER_LOCK_DEADLOCK', 'ECONNRESET', 'ER_NO_SUCH_TABLE']) {
      const error = driverError(code, message, { sql: 'INSERT order-1', sqlMessage: message });
      const told = storeError('write', error, remedies);
      for (const text of [safeMessage(error), redacted(error).message, told.message, String(told.cause)]) {
        expect(text).not.toMatch(/order-1|Brien/);
        expect(text).not.toContain('INSERT');
      }
    }
  });

  it('the words of the server around quoted data stay', () => {
    const told = (message: string) => safeMessage(driverError('ER_ANY', message));
    expect(told("Table 'orders.t' doesn't exist")).toBe("ER_ANY: Table '...' doesn't exist");
    expect(told("Unknown column 'a' here")).toBe("ER_ANY: Unknown column '...' here");
    expect(told('Out of memory')).toBe('ER_ANY: Out of memory');
    expect(told(`Out of ${'memory '.repeat(100)}`)).toHaveLength(300 + 'ER_ANY: '.length);
    expect(safeMessage(new DeadlineError('No answer in 5 s.'))).toBe('No answer in 5 s.');
    expect(safeMessage(driverError('ECONNRESET', 'read ECONNRESET'))).toBe('read ECONNRESET');
  });

  it('an error whose number the driver has no name for is told without a code', () => {
    const unnamed = Object.assign(new Error('Runtime exception: [no route]'), {
      code: undefined,
      errno: 1997,
    });
    expect(safeMessage(unnamed)).toBe('Runtime exception: [no route]');
    expect(storeError('statement', unnamed, remedies).message).toBe(
      'The database failed at a statement: Runtime exception: [no route].',
    );
  });
});

describe('a refusal of the server', () => {
  const refused = (errno: number, message: string, more: Partial<Remedies> = {}) =>
    storeError('read', driverError('ER_ANY', message, { errno }), { ...remedies, ...more }) as TributaryError;

  it('a refused login is told with the setting of TLS that the user may lack', () => {
    const denied = "Access denied for user 'sync'@'host'";
    const open = refused(1045, denied);
    expect(open.code).toBe('store_refused');
    expect(open.message).toContain('(REQUIRE SSL), set DATABASE_TLS=required.');
    const encrypted = refused(1045, denied, { hasTls: true }).message;
    expect(encrypted).toContain('(REQUIRE X509), set DATABASE_TLS_CERT_FILE and DATABASE_TLS_KEY_FILE.');
    const certified = refused(1045, denied, { hasTls: true, hasCertificate: true }).message;
    expect(certified).not.toContain('REQUIRE');
  });

  it.each([
    [1064, "You have an error in your SQL syntax near 'order-1' at line 1"],
    [1064, 'You have an error in your SQL syntax: no viable alternative at input FORCE'],
    [1235, "This version of MySQL doesn't yet support 'GET_LOCK of order-1'"],
    [1105, 'VT12001: unsupported: cross-shard correlated subquery'],
    [1997, 'Runtime exception: [unsupported table : `columns`]'],
    [1998, 'Unsupported command: [COM_STMT_SEND_LONG_DATA]'],
  ])('a statement that the server does not know ends the start: %i %s', (errno, message) => {
    const told = refused(errno, message);
    expect(told).toMatchObject({ code: 'store_refused', retryable: false });
    expect(told.message).toContain('does not know a statement that this program needs');
    expect(told.message).not.toContain('order-1');
  });

  it('an unnamed error of a proxy that may pass is tried again', () => {
    const told = refused(1997, 'Runtime exception: [Can not get connection in time]');
    expect(told).toMatchObject({ code: 'store_failed', retryable: true });
  });

  it('only a server that is read-only is told as a replica', () => {
    const readOnly = refused(1290, 'The server is running with the --read-only option so it cannot execute');
    expect(readOnly.message).toContain('is read-only, as a replica is');
    const other = refused(1290, 'The server is running with the --skip-grant-tables option so it cannot');
    expect(other.message).not.toContain('replica');
  });
});
