import { describe, expect, it } from 'vitest';
import { canonicalJson, NotStrictJson, parseStrictJson } from './strict-json.ts';

const canonical = (text: string) => canonicalJson(parseStrictJson(text));

describe('canonical JSON', () => {
  it('writes the example of RFC 8785, section 3.2.3, but for its number beyond 2^53', () => {
    const text = `{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
      "literals": [null, true, false]
    }`;
    expect(canonical(text)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1000000000000000000000000000000,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts names by UTF-16 code units (RFC 8785, section 3.2.3)', () => {
    const text =
      '{"\\u20ac":1,"\\r":2,"\\ufb33":3,"1":4,"\\ud83d\\ude00":5,"\\u0080":6,"\\u00f6":7,"__proto__":8}';
    expect(canonical(text)).toBe(
      '{"\\r":2,"1":4,"__proto__":8,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
    );
  });

  it('writes minus zero as zero', () => {
    expect(canonical('[-0, -0.0, 0e5]')).toBe('[0,0,0]');
  });

  it.each([
    ['9007199254740993', '9007199254740993'],
    ['-9007199254740993.0', '-9007199254740993'],
    ['9.007199254740993E15', '9007199254740993'],
    ['12345678901234567.890', '12345678901234567.89'],
    ['1e400', `1e400`],
    ['10e398', `1${'0'.repeat(399)}`],
  ])('writes %s exactly, because a double cannot', (text, exact) => {
    expect(canonical(`[${text}]`)).toBe(`[${exact}]`);
  });

  it('reads plain documents like JSON.parse', () => {
    const text = ' [ 1 , -2.5e3 , "a\\tb\\u00e9/" , { } , [ ] , { "k" : [ true ] } ] ';
    expect(JSON.parse(canonical(text))).toEqual(JSON.parse(text));
  });
});

describe('strict JSON', () => {
  it.each([
    ['nothing', ''],
    ['only space', ' '],
    ['two documents', '{} {}'],
    ['a comma at the end', '[1,]'],
    ['a leading zero', '[01]'],
    ['a leading plus', '[+1]'],
    ['a bare point', '[1.]'],
    ['NaN', '[NaN]'],
    ['a single quote', "['a']"],
    ['a raw line break in a string', '["a\nb"]'],
    ['an unknown escape', '["\\x41"]'],
    ['an unfinished escape', '["\\u12"]'],
    ['an unfinished string', '["abc'],
    ['a string that ends in a backslash', '["abc\\'],
    ['a no-break space', '[\u00a01]'],
    ['a comment', '[1] // one'],
    ['half a pair', '["\\ude00"]'],
    ['a name twice', '{"a":1,"a":1}'],
    ['deep nesting', '['.repeat(70) + ']'.repeat(70)],
  ])('refuses %s', (_name, text) => {
    expect(() => parseStrictJson(text)).toThrow(NotStrictJson);
  });
});
