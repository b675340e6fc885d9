import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareUtf8, oneLine, quoted, utf8Length } from '../../src/core/text.ts';

const wellFormed = fc.string({ unit: 'binary' });
/** Texts whose sequence by UTF-16 code units differs from that of their bytes are frequent here. */
const nearSurrogates = fc.string({
  unit: fc.constantFrom('a', '\u{d7ff}', '\u{e000}', '\u{ffff}', '\u{10000}', '\u{10ffff}', 'é'),
});

describe('compareUtf8', () => {
  it('texts are compared by their UTF-8 bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(wellFormed, nearSurrogates),
        fc.oneof(wellFormed, nearSurrogates),
        (left, right) => {
          expect(Math.sign(compareUtf8(left, right))).toBe(
            Buffer.compare(Buffer.from(left), Buffer.from(right)),
          );
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('U+FFFF stands before the characters beyond it, where JavaScript has it behind them', () => {
    expect(compareUtf8('\u{ffff}', '\u{10000}')).toBeLessThan(0);
    expect('\u{ffff}' < '\u{10000}').toBe(false);
  });
});

describe('utf8Length', () => {
  it('the length is that of the UTF-8 form', () => {
    fc.assert(
      fc.property(fc.oneof(wellFormed, nearSurrogates), (text) => {
        expect(utf8Length(text)).toBe(Buffer.byteLength(text));
      }),
    );
  });
});

describe('quoted', () => {
  it('the quoted text has printable ASCII alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(quoted(text)).toMatch(/^[ -~]*$/);
      }),
    );
    expect(quoted('a\nb\u202e"')).toBe('"a\\nb\\u202e\\""');
  });

  it('a JSON parser reads the same text back if it was not cut off', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50, size: 'max' }), (text) => {
        expect(JSON.parse(quoted(text))).toBe(text);
      }),
    );
  });

  it('a long text is cut off, and its length is told', () => {
    expect(quoted('x'.repeat(500), 3)).toBe('"xxx" (cut off, 500 characters)');
  });
});

describe('the length of a quoted text', () => {
  it('a text of exactly the most characters is not cut off', () => {
    expect(quoted('x'.repeat(100))).toBe(`"${'x'.repeat(100)}"`);
    expect(quoted('x'.repeat(101))).toBe(`"${'x'.repeat(100)}" (cut off, 101 characters)`);
    expect(quoted('abc', 3)).toBe('"abc"');
  });

  it('a small code is written with four digits', () => {
    expect(quoted('\u007f\u00e9')).toBe('"\\u007f\\u00e9"');
  });
});

describe('oneLine', () => {
  it('line ends, control characters and marks of direction become escapes', () => {
    expect(oneLine('a\nb\r\u001b[31m\u0085')).toBe('a\\u000ab\\u000d\\u001b[31m\\u0085');
    expect(oneLine('\u2028\u2029\u200e\u200f\u202a\u202e\u2066\u2069')).toBe(
      '\\u2028\\u2029\\u200e\\u200f\\u202a\\u202e\\u2066\\u2069',
    );
  });

  it('all other characters stay', () => {
    expect(oneLine('"é" \\ \u{1f600} \u2027\u202f\u206a')).toBe('"é" \\ \u{1f600} \u2027\u202f\u206a');
  });
});

describe('the length of one character', () => {
  it('the length grows at U+0080, U+0800 and U+10000', () => {
    const characters = ['\u007f', '\u0080', '\u07ff', '\u0800', '\uffff', '\u{10000}'];
    expect(characters.map(utf8Length)).toEqual([1, 2, 2, 3, 3, 4]);
  });
});
