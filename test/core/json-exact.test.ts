import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/domain.ts';
import { canonicalJson } from '../../src/core/json-canonical.ts';
import {
  canonicalExactJson,
  holdsKeptNumber,
  membersWithKeptNumbers,
  numberTextOf,
  parseKeepingNumbers,
} from '../../src/core/json-exact.ts';

const canonical = (text: string) => canonicalExactJson(parseKeepingNumbers(text, 'huge'));

describe('parseKeepingNumbers', () => {
  it('keeps numbers beyond 2^53 as they stand, and prints the others as JSON.stringify does', () => {
    const text = '{"a":7328465923847562342,"b":[1.50,-1e400],"c":{"d":9007199254740991}}';
    expect(JSON.stringify(parseKeepingNumbers(text, 'huge'))).toBe(
      '{"a":7328465923847562342,"b":[1.5,-1e400],"c":{"d":9007199254740991}}',
    );
  });

  it('keeps all numbers as they stand if it is told to', () => {
    const text = '{"a":1718000000.123456000,"b":[1.0,2e0,-0],"c":"1.0"}';
    const value = parseKeepingNumbers(text, 'all') as JsonObject;
    expect(JSON.stringify(value)).toBe(text);
    expect([numberTextOf(value.a), numberTextOf(value.c), numberTextOf(undefined)]).toEqual([
      '1718000000.123456000',
      null,
      null,
    ]);
  });

  it('names the members that hold a kept number, however deep it stands', () => {
    const value = parseKeepingNumbers(
      '{"a":1,"b":[{"c":1e17}],"__proto__":1e99,"d":null}',
      'huge',
    ) as JsonObject;
    expect(membersWithKeptNumbers(value)).toEqual(['b', '__proto__']);
    expect([holdsKeptNumber('1e17'), holdsKeptNumber(null), holdsKeptNumber(value)]).toEqual([
      false,
      false,
      true,
    ]);
  });

  it.each([
    ['[1,1e17]', true],
    ['[[],[{"a":[0,1e17]}]]', true],
    ['[1,"1e17"]', false],
  ])('finds a kept number at any place of %s: %j', (text, holds) => {
    expect(holdsKeptNumber(parseKeepingNumbers(text, 'huge'))).toBe(holds);
  });
});

describe('canonicalExactJson', () => {
  it('writes what canonicalJson writes where no number is large', () => {
    const text = '{"b":[1.50,{"z":null,"a":"\\u00e9"}],"a":-0,"10":true}';
    expect(canonical(text)).toBe(canonicalJson(JSON.parse(text)));
  });

  it.each([
    ['7328465923847562342', '7328465923847562342'],
    ['7328465923847562342.0', '7328465923847562342'],
    ['7.328465923847562342e18', '7328465923847562342'],
    ['7328465923847562342000E-3', '7328465923847562342'],
    ['-9007199254740992', '-9007199254740992'],
    ['12345678901234567.890', '12345678901234567.89'],
    ['-12345678901234567.890', '-12345678901234567.89'],
    ['100000000000000000000', '100000000000000000000'],
    ['1e20', '100000000000000000000'],
    ['1e400', '1e400'],
    ['10E+399', '1e400'],
    ['1e399', `1${'0'.repeat(399)}`],
    ['1E9999999999999999999', '1e9999999999999999999'],
  ])('writes %s as %s', (text, exact) => {
    expect(canonical(`{"b":${text},"a":1}`)).toBe(`{"a":1,"b":${exact}}`);
  });

  it('tells numbers apart that are the same double', () => {
    expect(canonical('[9007199254740993]')).not.toBe(canonical('[9007199254740992]'));
    expect(canonical('[1e400]')).not.toBe(canonical('[1e401]'));
  });
});
