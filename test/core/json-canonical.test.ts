import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/core/domain.ts';
import {
  canonicalJson,
  countMembers,
  hasSortedKeys,
  isCanonicalIfPlain,
  isJsonObject,
  isWellFormedJson,
} from '../../src/core/json-canonical.ts';
import { parseKeepingNumbers } from '../../src/core/json-exact.ts';
import { JsonScanner } from '../../src/core/json-scan.ts';

const text = fc.string({ unit: 'binary', maxLength: 8 });
const keys = fc.oneof(text, fc.constantFrom('10', '9', '__proto__', 'constructor', 'toString', 'a', 'B', ''));
const arbitraryJson = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.oneof(
      text,
      fc.boolean(),
      fc.constant(null),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(keys, tie('value')), { maxLength: 5 }).map((members) => {
      return JSON.parse(
        `{${members.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`,
      );
    }),
  ),
})).value;

/** The value printed with other spacing, and with the members of each object in reverse or another sequence. */
function printDifferently(value: JsonValue, seed: number): string {
  const space = [' ', '\n', '\t ', ''][seed % 4] as string;
  if (Array.isArray(value)) {
    return `[${space}${value.map((element) => printDifferently(element, seed + 1)).join(`${space},`)}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => {
    return `${JSON.stringify(key)}${space}:${space}${printDifferently(member, seed + 1)}`;
  });
  if (seed % 3 !== 0) members.reverse();
  return `${space}{${members.join(`,${space}`)}}${space}`;
}

/** The same again in the plainest way: another program for the same specification. */
function plainCanonical(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(plainCanonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${plainCanonical(member)}`).join(',')}}`;
}

describe('canonicalJson', () => {
  it('other spacing and another sequence of members give the same text', () => {
    fc.assert(
      fc.property(arbitraryJson, fc.nat(), (value, seed) => {
        const again = JSON.parse(printDifferently(value, seed)) as JsonValue;
        expect(canonicalJson(again)).toBe(canonicalJson(value));
        expect(canonicalJson(value)).toBe(plainCanonical(value));
      }),
      { numRuns: 1000 },
    );
  });

  it('the text is read back as the same value, and printed the same again', () => {
    fc.assert(
      fc.property(arbitraryJson, (value) => {
        const again = JSON.parse(canonicalJson(value)) as JsonValue;
        expect(canonicalJson(again)).toBe(canonicalJson(value));
        expect(hasSortedKeys(again)).toBe(hasSortedKeys(JSON.parse(JSON.stringify(again)) as JsonValue));
      }),
    );
  });

  it('the example of RFC 8785, section 3.2.4, is printed as it says', () => {
    const example = JSON.parse(`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
      "literals": [null, true, false]
    }`) as JsonValue;
    expect(canonicalJson(example)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('keys are sorted by UTF-16 code units, as in the example of RFC 8785, section 3.2.3', () => {
    const example = { '€': 1, '\r': 2, '\u{fb33}': 3, '1': 4, '\u{1f600}': 5, '\u0080': 6, ö: 7 };
    expect(Object.values(JSON.parse(canonicalJson(example)) as object)).toHaveLength(7);
    expect(canonicalJson(example)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"\u{1f600}":5,"\u{fb33}":3}');
  });

  it('minus zero is printed as zero', () => {
    expect(canonicalJson([-0])).toBe('[0]');
  });

  it('__proto__ is a name like any other', () => {
    const value = JSON.parse('{"toString":2,"__proto__":{"b":1,"a":1}}') as JsonValue;
    expect(canonicalJson(value)).toBe('{"__proto__":{"a":1,"b":1},"toString":2}');
    expect(countMembers(value)).toBe(4);
  });
});

describe('isCanonicalIfPlain', () => {
  const scanner = new JsonScanner(64);
  const isTakenAsItStands = (json: string) => {
    scanner.scan(Buffer.from(json));
    return scanner.isPlain && isCanonicalIfPlain(JSON.parse(json) as JsonValue);
  };

  it('a text that is not canonical is never taken as it stands', () => {
    fc.assert(
      fc.property(arbitraryJson, fc.nat(), (value, seed) => {
        for (const json of [canonicalJson(value), JSON.stringify(value), printDifferently(value, seed)]) {
          if (isTakenAsItStands(json)) expect(json).toBe(canonicalJson(value));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('a text as producers commonly write it is taken as it stands', () => {
    expect(
      isTakenAsItStands('{"eventType":"ORDER","orderId":"é","revision":12,"z":[true,null,{"a":1}]}'),
    ).toBe(true);
  });

  it.each(['{" ":1}', '{"!":1,"/":2}', '{":":1,"A":2}'])('the text %s is taken as it stands', (json) => {
    expect(isTakenAsItStands(json)).toBe(true);
  });

  it.each([
    '{"b":1,"a":2}',
    '{"b":1,"1":2}',
    '{"b":1,"0":2}',
    '{"b":1,"9":2}',
    '{"10":1,"9":2}',
    '{"9":1,"10":2}',
    '{"a": 1}',
    '{"a":1.0}',
    '{"a":-0}',
    '{"a":"\\u0041"}',
  ])('the text %s is printed anew', (json) => {
    expect(isTakenAsItStands(json)).toBe(false);
  });
});

describe('isWellFormedJson', () => {
  it('a lone surrogate is found in any text and any name', () => {
    for (const json of [
      '"\\ud800"',
      '["a","\\udc00"]',
      '{"a":{"\\ud800x":1}}',
      '{"a":["\\ud83d"]}',
      '{"a":1,"b":"\\ud800"}',
    ]) {
      expect(isWellFormedJson(JSON.parse(json) as JsonValue)).toBe(false);
    }
    expect(isWellFormedJson(JSON.parse('{"\\ud83d\\ude00":["\\ud83d\\ude00",1,null]}') as JsonValue)).toBe(
      true,
    );
  });
});

describe('countMembers', () => {
  it.each<[JsonValue, number]>([
    ['a', 0],
    [null, 0],
    [[], 0],
    [{}, 0],
    [[1, { a: 1 }, [{ b: 1, c: null }]], 3],
    [{ a: { b: [{ c: 1 }, 2] }, d: null }, 4],
  ])('the members of %j are %i', (value, members) => {
    expect(countMembers(value)).toBe(members);
  });
});

describe('isJsonObject', () => {
  it('an object is told from a list, null and nothing', () => {
    const values = [{}, { a: 1 }, [], null, 'a', 1, true, undefined];
    expect(values.map(isJsonObject)).toEqual([true, true, false, false, false, false, false, false]);
  });

  it('a number that was kept as its text is no object', () => {
    const kept = parseKeepingNumbers('[1, 12345678901234567890, {"a": 1}]', 'all') as JsonValue[];
    expect(kept.map(isJsonObject)).toEqual([false, false, true]);
  });
});

describe('hasSortedKeys', () => {
  it.each<[string, boolean]>([
    ['1', true],
    ['null', true],
    ['{}', true],
    ['{"a":1,"b":2,"c":3}', true],
    ['{"b":1,"a":2}', false],
    ['{"a":1,"c":2,"b":3}', false],
    ['[1,null,{"a":1,"b":2}]', true],
    ['[{"a":1},{"b":1,"a":2}]', false],
    ['{"a":null,"b":{"c":1,"d":[]},"e":"x"}', true],
    ['{"a":{"d":1,"c":2},"b":1}', false],
    ['{"a":[{"d":1,"c":2}]}', false],
  ])('the keys of %s are sorted: %s', (json, isSorted) => {
    const value = JSON.parse(json) as JsonValue;
    expect(hasSortedKeys(value)).toBe(isSorted);
    expect(isCanonicalIfPlain(value)).toBe(isSorted);
  });
});

describe('a long list', () => {
  it('the keys of a list with more than ten elements are sorted', () => {
    expect(hasSortedKeys(Array.from({ length: 12 }, (_, index) => ({ index })))).toBe(true);
  });
});
