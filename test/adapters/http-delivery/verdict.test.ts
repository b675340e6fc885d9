import { describe, expect, it } from 'vitest';
import { answerText } from '../../../src/adapters/http-delivery/answer.ts';
import { codeOf, describeFault } from '../../../src/adapters/http-delivery/fault.ts';
import { isAboutTheDeliveryBatch, verdictOf } from '../../../src/adapters/http-delivery/verdict.ts';

describe('verdict by status', () => {
  const cases: readonly (readonly [string, readonly number[]])[] = [
    ['delivered', [200, 201, 202, 204, 226, 299]],
    ['retry', [300, 301, 302, 303, 304, 307, 308, 399, 408, 409, 425, 500, 501, 505, 508, 599, 600, 999]],
    ['retry', [401, 403, 404, 405, 407]],
    ['throttle', [429, 502, 503, 504]],
    ['disable', [410]],
    ['park', [400, 402, 406, 411, 413, 415, 418, 422, 423, 424, 428, 431, 451, 499]],
  ];
  it.each(cases)('the verdict is %s for %j', (verdict, statuses) => {
    for (const status of statuses) expect(verdictOf(status, 1), String(status)).toBe(verdict);
  });

  it('a conflict is retried twice, since the id may be worked on, and parked at the third attempt', () => {
    expect([1, 2, 3, 4].map((attempt) => verdictOf(409, attempt))).toEqual([
      'retry',
      'retry',
      'park',
      'park',
    ]);
  });
});

describe('the status of a delivery batch', () => {
  it.each([
    ['once singly', true, [300, 307, 400, 401, 404, 405, 407, 409, 413, 415, 422, 499, 501]],
    ['as they are', false, [200, 299, 408, 410, 425, 429, 500, 502, 503, 504, 599]],
  ])('sends its members again %s', (_, isAbout, statuses) => {
    for (const status of statuses) expect(isAboutTheDeliveryBatch(status), String(status)).toBe(isAbout);
  });
});

describe('the kept answer', () => {
  it('the kept answer has at most 1 KiB, and no character is cut in two', () => {
    for (let shift = 0; shift < 4; shift++) {
      const text = answerText(Buffer.from(`${'x'.repeat(shift)}${'🛒'.repeat(400)}`));
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1_024);
      expect(Buffer.byteLength(text)).toBeGreaterThan(1_020);
      expect(text).not.toContain('\ufffd');
    }
  });

  it.each(['\t', '\n', '\u0000', '\u007f', '\u0085', '\u009f', '\ufeff'])('an answer loses %j', (unsafe) => {
    expect(answerText(Buffer.from(`{"a"${unsafe}:1}`))).toBe('{"a" :1}');
    expect(answerText(Buffer.from(`${unsafe} {"a":1} ${unsafe}`))).toBe('{"a":1}');
    expect(answerText(Buffer.from(' {"a":1}'))).toBe('{"a":1}');
  });

  it('the kept answer is one line without control characters', () => {
    const text = answerText(Buffer.from('a\r\nb\u001b[31mc\0d\u202ee\u0085f\u2028g'));
    expect(text).toBe('a  b [31mc d e f g');
  });

  it('the kept answer has replacement characters where the bytes are no UTF-8', () => {
    expect(answerText(Buffer.of(0x6f, 0x6b, 0xff, 0xc3))).toBe('ok\ufffd\ufffd');
  });
});

describe('faults', () => {
  it('a fault is described by the innermost code, and never by the message', () => {
    const inner = Object.assign(new Error('http://user:secret@host'), { code: 'ECONNREFUSED' });
    const outer = new Error('outer secret', { cause: new AggregateError([inner], 'secret') });
    expect(describeFault(outer, 'http://host')).toBe(
      'http://host: nothing listens there; start the target or correct the target URL (ECONNREFUSED).',
    );
  });

  it('every fault has a name, even if nothing else is known about it', () => {
    expect(codeOf(new TypeError('x'))).toBe('TypeError');
    expect(codeOf('thrown text')).toBe('unknown error');
    expect(codeOf(Object.assign(new Error('x'), { code: 'HPE_INVALID_CONSTANT' }))).toBe(
      'HPE_INVALID_CONSTANT',
    );
  });
});
