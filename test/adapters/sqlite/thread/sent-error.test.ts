import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { isBusy, isDuplicateKey, storeError } from '../../../../src/adapters/sqlite/errors.ts';
import { receivedError, sentErrorOf } from '../../../../src/adapters/sqlite/thread/sent-error.ts';
import { DefectError, isDefect, TributaryError } from '../../../../src/core/errors.ts';

/** The error as another thread gets it. */
function sent(error: unknown): Error {
  return receivedError(structuredClone(sentErrorOf(error)));
}

function thrownBy(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown.');
}

describe('an error that a thread sends', () => {
  it('stays an error of Tributary, with its code, its cause and whether a second try may help', () => {
    const error = new TributaryError('store_failed', 'The disk is full.', {
      retryable: false,
      cause: new Error('full'),
    });
    const received = sent(error);
    expect(received).toBeInstanceOf(TributaryError);
    expect(received).toMatchObject({
      code: 'store_failed',
      message: 'The disk is full.',
      retryable: false,
      stack: error.stack,
      cause: { message: 'full' },
    });
    expect(isDefect(received)).toBe(false);
  });

  it.each([
    new DefectError('A promise does not hold.'),
    new TypeError('x is undefined'),
    new RangeError('too far'),
    new Error('without a code'),
  ])('stays a defect: $name', (error) => {
    const received = sent(error);
    expect(received.name).toBe(error.name);
    expect(received.message).toBe(error.message);
    expect(isDefect(received)).toBe(true);
  });

  it('stays an error of SQLite, so that a locked file and a known key are told from a fault', () => {
    const database = new DatabaseSync(':memory:');
    database.exec('CREATE TABLE one (id TEXT PRIMARY KEY) WITHOUT ROWID');
    database.exec("INSERT INTO one VALUES ('a')");
    const twice = sent(thrownBy(() => database.exec("INSERT INTO one VALUES ('a')")));
    expect(isDuplicateKey(twice)).toBe(true);
    expect(isBusy(twice)).toBe(false);
    const missing = sent(thrownBy(() => database.exec('SELECT * FROM two')));
    expect(storeError(missing, 'store.db')).toMatchObject({ code: 'table_missing' });
    database.close();
  });

  it('stays whatever was thrown in place of an error, as a text', () => {
    expect(sent('a text').message).toBe('a text');
    expect(sent(null).message).toBe('null');
  });
});
