import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isBusy,
  isDuplicateKey,
  isInputOutputFailure,
  storeError,
} from '../../../src/adapters/sqlite/errors.ts';
import { isoTime } from '../../../src/adapters/sqlite/event-rows.ts';
import { viewValue } from '../../../src/adapters/sqlite/view-table.ts';
import type { ViewColumn } from '../../../src/core/domain.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { holds } from '../../helpers/properties.ts';

/** An error as SQLite throws it through Node. */
const sqliteError = (errcode: number, message = 'it says no') =>
  Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode });

describe('an error of SQLite', () => {
  it.each([
    [5, 'store_busy', true, 'is locked by another process'],
    [261, 'store_busy', true, 'is locked by another process'],
    [6, 'store_busy', true, 'is locked by another process'],
    [14, 'store_unreachable', true, 'Check that its folder exists'],
    [13, 'store_failed', true, 'free some space'],
    [8, 'store_failed', true, 'Check the permissions'],
    [1_032, 'store_failed', true, 'Check the permissions'],
    [11, 'store_failed', false, 'Restore it from a backup'],
    [26, 'store_failed', false, 'Restore it from a backup'],
    [10, 'store_failed', true, 'The disk of the store'],
    [1_034, 'store_failed', true, 'The disk of the store'],
    [1, 'store_failed', false, 'A statement on the store'],
  ])('with the code %i becomes %s (to be tried again: %j)', (errcode, code, retryable, words) => {
    const error = storeError(sqliteError(errcode), '/data/a.sqlite');
    expect(error).toMatchObject({ code, retryable });
    const { message } = error as Error;
    expect(message).toContain('/data/a.sqlite');
    expect(message).toContain(words);
    expect(message).toContain(`SQLite says "it says no" (code ${errcode})`);
  });

  it('about a missing table says so, and may pass by itself', () => {
    const missing = storeError(sqliteError(1, 'no such table: jobs'), 'a.sqlite');
    expect(missing).toMatchObject({ code: 'table_missing', retryable: true });
    expect(storeError(sqliteError(1, 'there is no such table'), 'a.sqlite')).toMatchObject({
      code: 'store_failed',
    });
  });

  it('shows by its code whether a lock, a key or the disk is the cause', () => {
    const kinds = (errcode: number) => {
      const error = sqliteError(errcode);
      return [isBusy(error), isDuplicateKey(error), isInputOutputFailure(error)];
    };
    for (const code of [5, 6, 261, 517]) expect(kinds(code)).toEqual([true, false, false]);
    expect(kinds(1_555)).toEqual([false, true, false]);
    expect(kinds(2_067)).toEqual([false, false, false]);
    for (const code of [10, 1_034]) expect(kinds(code)).toEqual([false, false, true]);
    expect([isBusy(new Error('x')), isDuplicateKey(null), isInputOutputFailure('x')]).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe('another error at a store', () => {
  it('becomes store_failed if the system threw it, and passes as it is if the program did', () => {
    const system = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    expect(storeError(system, 'a.sqlite')).toMatchObject({ code: 'store_failed', retryable: true });
    for (const error of [new TypeError('x'), new Error('x'), new TributaryError('usage', 'x'), 'x', null])
      expect(storeError(error, 'a.sqlite')).toBe(error);
  });
});

describe('a time in the journal', () => {
  it.each([
    [0, '1970-01-01T00:00:00.000Z'],
    [Date.UTC(9999, 11, 31, 23, 59, 59, 999), '9999-12-31T23:59:59.999Z'],
  ])('%i is written as %s, which sorts as a text', (ms, text) => {
    expect(isoTime(ms)).toBe(text);
  });

  it('every time from the year 0 to 9999 is written as Date writes it, whatever was written before', () => {
    const times = fc.integer({
      min: Date.UTC(0, 0, 1) - 1_900 * 31_557_600_000,
      max: Date.UTC(10_000, 0, 1) - 1,
    });
    const years = times.filter((ms) => new Date(ms).toISOString().length === 24);
    holds(
      fc.property(fc.array(years, { minLength: 1, maxLength: 5 }), (list) => {
        for (const ms of [...list, ...list]) expect(isoTime(ms)).toBe(new Date(ms).toISOString());
      }),
      300,
    );
  });

  it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, Date.UTC(10_000, 0, 1), -62_200_000_000_000])(
    'the journal has no room for %d',
    (ms) => {
      expect(() => isoTime(ms)).toThrow('The journal has no room for the time');
    },
  );
});

describe('a value of the view', () => {
  it.each<[ViewColumn, bigint | string | number | null, unknown]>([
    [{ name: 'a', type: 'boolean' }, 0n, false],
    [{ name: 'a', type: 'boolean' }, 1n, true],
    [{ name: 'a', type: 'boolean' }, null, null],
    [{ name: 'a', type: 'integer' }, -12n, -12],
    [{ name: 'a', type: 'text' }, 'x', 'x'],
    [{ name: 'a', type: 'json' }, '{}', '{}'],
  ])('viewValue reads of the column %j the value %s as %j', (column, stored, value) => {
    expect(viewValue(column, stored)).toBe(value);
  });

  it.each<[ViewColumn, bigint | string | number]>([
    [{ name: 'a', type: 'boolean' }, 2n],
    [{ name: 'a', type: 'boolean' }, 'true'],
    [{ name: 'a', type: 'integer' }, 9_007_199_254_740_993n],
    [{ name: 'a', type: 'integer' }, 1.5],
    [{ name: 'a', type: 'text' }, 1n],
    [{ name: 'a', type: 'timestamp' }, 1.5],
  ])(
    'viewValue refuses of the column %j the value %s, which another program has written',
    (column, stored) => {
      expect(() => viewValue(column, stored)).toThrow('was the table changed by another program?');
    },
  );
});
