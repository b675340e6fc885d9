import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import {
  DefectError,
  defectFields,
  describeDefect,
  isDefect,
  isRetryable,
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
