import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import {
  DefectError,
  defectFields,
  describeDefect,
  isDefect,
  isRetryable,
  logDefect,
  messageOf,
  TributaryError,
} from '../../src/core/errors.ts';

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('isDefect', () => {
  it.each([
    ['a TypeError', thrownBy(() => (undefined as unknown as { x: 1 }).x)],
    ['a RangeError', thrownBy(() => new Array(-1))],
    ['a ReferenceError', new ReferenceError('x is not defined')],
    ['a SyntaxError', thrownBy(() => JSON.parse('{'))],
    ['a TypeError that Node gives a code', thrownBy(() => Buffer.from(1 as unknown as string))],
    ['a failed assertion', new AssertionError({ message: 'it does not hold' })],
    ['a broken promise of our own code', new DefectError('A batch has no lane.')],
    ['an Error without a code', new Error('it is wrong')],
    ['a text', 'it is wrong'],
    ['nothing at all', undefined],
  ])('%s is a defect, and is not retried', (_, error) => {
    expect(isDefect(error)).toBe(true);
    expect(isRetryable(error)).toBe(false);
  });

  it.each([
    ['an error of the system', Object.assign(new Error('no space'), { code: 'ENOSPC', errno: -28 })],
    ['an error of a driver', Object.assign(new Error('gone'), { code: 'PROTOCOL_CONNECTION_LOST' })],
    ['the end of a call by its signal', new DOMException('This operation was aborted', 'AbortError')],
    ['a passing error of our own', new TributaryError('store_busy', 'A lock is held.')],
  ])('%s is no defect, and may be retried', (_, error) => {
    expect(isDefect(error)).toBe(false);
    expect(isRetryable(error)).toBe(true);
  });

  it('a refusal is no defect, and is not retried', () => {
    const error = new TributaryError('store_refused', 'The user lacks a right.');
    expect(isDefect(error)).toBe(false);
    expect(isRetryable(error)).toBe(false);
  });
});

describe('describeDefect', () => {
  it('the description quotes none of the data that the language or Node puts into messages', () => {
    const texts = [
      thrownBy(() => JSON.parse('{"card": 4711')),
      thrownBy(() => BigInt('card 4711')),
      thrownBy(() => Buffer.from(4711 as unknown as string)),
      'card 4711',
    ].map(describeDefect);
    for (const text of texts) expect(text).not.toContain('4711');
    expect(texts[2]).toMatch(/^TypeError: The first argument must be of type string/);
  });
});

describe('defectFields', () => {
  it('the fields hold the stack of the error and of its cause', () => {
    const cause = thrownBy(() => JSON.parse('{"card": 4711'));
    const { code, stack } = defectFields(new DefectError('A row cannot be read.', { cause }));
    expect(code).toBe('defect');
    expect(stack).toMatch(/^DefectError: A row cannot be read\.\n {4}at .*errors\.test\.ts/);
    expect(stack).toMatch(/\ncaused by SyntaxError.*\n {4}at JSON\.parse/);
    expect(stack).not.toContain('4711');
  });
});

describe('describeDefect without an Error', () => {
  it('the kind of value is told, and not the value', () => {
    expect(describeDefect('card 4711')).toBe('a string was thrown instead of an Error');
    expect(describeDefect(undefined)).toBe('a undefined was thrown instead of an Error');
    expect(describeDefect(new SyntaxError('4711'))).toBe(
      'SyntaxError (its message is left out, because it may quote data)',
    );
  });

  it('a long message is cut off after 300 characters', () => {
    expect(describeDefect(new TypeError('x'.repeat(301)))).toBe(`TypeError: ${'x'.repeat(300)}`);
    expect(describeDefect(new TypeError('It is wrong. Received an\ninstance of Card'))).toBe(
      'TypeError: It is wrong.',
    );
  });
});

describe('the stack of a defect', () => {
  it('the stack has at most 20 frames, and no line of the message', () => {
    const error = new TypeError('first\nsecond');
    const frames = Array.from({ length: 25 }, (_, index) => `    at f${index} (a.ts:${index})`);
    error.stack = `TypeError: first\nsecond\n${frames.join('\n')}`;
    expect(defectFields(error).stack).toBe(`TypeError: first\nsecond\n${frames.slice(0, 20).join('\n')}`);
  });

  it('a value that is no Error has no frames, and neither has an Error without a stack', () => {
    expect(defectFields('text')).toEqual({
      code: 'defect',
      stack: 'a string was thrown instead of an Error\n',
    });
    const bare = new TypeError('x is no y');
    delete bare.stack;
    expect(defectFields(bare).stack).toBe('TypeError: x is no y\n');
  });
});

describe('logDefect', () => {
  it.each([
    ['a TypeError', new TypeError('x is no y'), true],
    ['a broken promise of our own code', new DefectError('A batch has no lane.'), true],
    ['a RangeError, by which senseless bytes show', new RangeError('out of range'), false],
    ['an Error without a code', new Error('it is wrong'), false],
    ['a refusal', new TributaryError('store_refused', 'No.'), false],
    ['a text', 'it is wrong', false],
  ])('%s is logged as a defect, or not at all', (_, error, isLogged) => {
    const lines: unknown[] = [];
    expect(logDefect((...line) => lines.push(line), 'the fetching', error)).toBe(isLogged);
    const line = [
      'error',
      `A defect of Tributary in the fetching: ${describeDefect(error)}.`,
      { code: 'defect', stack: expect.stringContaining(describeDefect(error)) },
    ];
    expect(lines).toEqual(isLogged ? [line] : []);
  });
});

describe('TributaryError', () => {
  it('an error has a name, a cause if there is one, and whether it may be retried', () => {
    const plain = new TributaryError('store_busy', 'A lock is held.');
    expect([plain.name, plain.code, plain.retryable, 'cause' in plain]).toEqual([
      'TributaryError',
      'store_busy',
      true,
      false,
    ]);
    const cause = new Error('gone');
    const other = new TributaryError('store_busy', 'A lock is held.', { cause, retryable: false });
    expect([other.cause, other.retryable]).toEqual([cause, false]);
    const defect = new DefectError('A batch has no lane.', { cause });
    expect([defect.name, defect.code, defect.retryable, defect.cause]).toEqual([
      'DefectError',
      'defect',
      false,
      cause,
    ]);
  });

  it('a call that its signal ended by time is no defect', () => {
    expect(isDefect(new DOMException('The operation timed out', 'TimeoutError'))).toBe(false);
    expect(isDefect(Object.assign(new Error('x'), { code: '' }))).toBe(true);
    expect(isDefect(Object.assign(new Error('x'), { code: 7 }))).toBe(true);
  });

  it('the message of anything thrown is a text', () => {
    expect(messageOf(new Error('gone'))).toBe('gone');
    expect(messageOf(17)).toBe('17');
  });
});
