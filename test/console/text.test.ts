import { describe, expect, it } from 'vitest';
import { curlText } from '../../console/src/text/curl.ts';
import { bytesOf, hexLines } from '../../console/src/text/hex.ts';
import { visibleId } from '../../console/src/text/ids.ts';
import { valueText, wordsOf } from '../../console/src/text/json.ts';
import { boundedText, plural, rateText } from '../../console/src/text/numbers.ts';
import { latencyText, relativeText, spanText, utcText } from '../../console/src/text/time.ts';

describe('the texts of moments', () => {
  it('show a moment in UTC, without milliseconds that are zero', () => {
    expect(utcText('2026-11-22T10:00:00.000Z')).toBe('2026-11-22 10:00:00');
    expect(utcText('2026-11-22T12:00:00.250+02:00')).toBe('2026-11-22 10:00:00.250');
    expect(utcText('no moment')).toBe('no moment');
  });

  it('show the distance in the largest unit that it fills', () => {
    const nowMs = Date.parse('2026-11-22T10:00:00Z');
    expect(relativeText('2026-11-22T09:59:59.500Z', nowMs)).toBe('now');
    expect(relativeText('2026-11-22T09:56:00Z', nowMs)).toBe('4 min ago');
    expect(relativeText('2026-11-24T10:00:00Z', nowMs)).toBe('in 2 d');
    expect(relativeText('no moment', nowMs)).toBe('');
  });

  it.each([
    [0, '0 s'],
    [0.44, '0.4 s'],
    [12.7, '12 s'],
    [61, '1 min'],
    [7_200, '2 h'],
    [200_000, '2 d'],
  ])('show %d s as %s', (seconds, text) => {
    expect(spanText(seconds)).toBe(text);
  });

  it('show latencies with one digit below 10 ms', () => {
    expect([0.84, 42.4, 1_300].map(latencyText)).toEqual(['0.8 ms', '42 ms', '1.3 s']);
  });
});

describe('the texts of numbers', () => {
  it('group digits, and mark counts that may be larger', () => {
    expect(boundedText({ count: 100_000, isMore: true })).toBe('100,000+');
    expect(plural(1, 'order')).toBe('1 order');
    expect(plural(2_000, 'order')).toBe('2,000 orders');
  });

  it('never show a small rate as nothing', () => {
    expect([0, 0.01, 3.26, 1_234.5].map(rateText)).toEqual(['0', '0.1', '3.3', '1,235']);
  });
});

describe('hexLines', () => {
  it('shows sixteen bytes a line, with their letters', () => {
    const lines = hexLines(new TextEncoder().encode('order-sync\0\n and more'));
    expect(lines).toEqual([
      { at: '00000000', hex: '6f 72 64 65 72 2d 73 79  6e 63 00 0a 20 61 6e 64', text: 'order-sync.. and' },
      { at: '00000010', hex: '20 6d 6f 72 65', text: ' more' },
    ]);
    expect(hexLines(new Uint8Array())).toEqual([]);
  });

  it('shows bytes that are no text', () => {
    expect(hexLines(bytesOf('//8A'))).toEqual([{ at: '00000000', hex: 'ff ff 00', text: '...' }]);
  });
});

describe('curlText', () => {
  it('names the key by a variable, and never has one', () => {
    const url = 'http://localhost:3000/api/v1/orders';
    expect(curlText({ url, needsKey: true })).toBe(
      `curl -H "Authorization: Bearer $KEY" 'http://localhost:3000/api/v1/orders'`,
    );
    expect(curlText({ url, needsKey: false })).toBe(`curl 'http://localhost:3000/api/v1/orders'`);
  });

  it('quotes what the shell would read', () => {
    const text = curlText({ url: "http://h/it's", needsKey: false, body: { reason: "it's $HOME" } });
    expect(text).toBe(
      `curl -H 'content-type: application/json' -d '{"reason":"it'\\''s $HOME"}' 'http://h/it'\\''s'`,
    );
  });
});

describe('the texts of values and names', () => {
  it('say values in words', () => {
    expect([null, true, false, 3, 'CREATED', { a: [1] }].map(valueText)).toEqual([
      'no value',
      'yes',
      'no',
      '3',
      'CREATED',
      '{"a":[1]}',
    ]);
  });

  it('make words of names', () => {
    expect(wordsOf('ready_to_send')).toBe('ready to send');
    expect(wordsOf('refusedAgain')).toBe('refused again');
  });
});

describe('visibleId', () => {
  it('shows blanks at the ends and characters without a picture', () => {
    expect(visibleId('order 123')).toBe('order 123');
    expect(visibleId(' A1 ')).toBe('␣A1␣');
    expect(visibleId(' ')).toBe('␣');
    expect(visibleId('a\u200bb\tc')).toBe('a␦b␦c');
  });
});
