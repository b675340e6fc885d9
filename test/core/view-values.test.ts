import { describe, expect, it } from 'vitest';
import type { ViewColumn, ViewValue } from '../../src/core/domain.ts';
import { parseKeepingNumbers } from '../../src/core/json-exact.ts';
import {
  canonicalValue,
  columnFault,
  decimalText,
  jsonText,
  jsonTextOf,
  shownJson,
  timestampText,
  valueFault,
} from '../../src/core/view-values.ts';

const MONEY = { precision: 6, scale: 2 };
const PRICE: ViewColumn = { name: 'price', type: 'decimal', ...MONEY };
const AT: ViewColumn = { name: 'at', type: 'timestamp' };
const DATA: ViewColumn = { name: 'data', type: 'json', maxLength: 200 };

describe('decimalText', () => {
  it.each([
    ['12.3', '12.30'],
    ['12', '12.00'],
    ['12.300', '12.30'],
    ['0012.30', '12.30'],
    ['-0', '0.00'],
    ['-0.00', '0.00'],
    ['0e5', '0.00'],
    ['.'.padStart(2, '0').concat('5'), '0.50'],
    ['-0.01', '-0.01'],
    ['+1', '1.00'],
    ['9999.99', '9999.99'],
    ['1e3', '1000.00'],
    ['1.5E-1', '0.15'],
    ['120e-1', '12.00'],
    ['100000e-5', '1.00'],
  ])('writes %s as %s', (given, text) => {
    expect(decimalText(given, MONEY)).toBe(text);
  });

  it.each(['12.345', '0.001', '1e-3', '10000', '9999.995', '1e4', '1e999999', '1e-999999', '1e99999999999'])(
    'refuses %s, which has more digits than the column',
    (given) => {
      expect(() => decimalText(given, MONEY)).toThrow(/does not fit a decimal of 6 digits, 2 of them/);
    },
  );

  it.each(['', '.5', '5.', '1,5', 'NaN', '0x10', '1_000', ' 1', '--1', '1e'])('refuses "%s"', (given) => {
    expect(() => decimalText(given, MONEY)).toThrow(/is no decimal number/);
  });

  it('writes whole numbers without a point for a scale of zero, and every digit of a bigint', () => {
    expect(decimalText(12_345_678_901_234_567_890n, { precision: 20, scale: 0 })).toBe(
      '12345678901234567890',
    );
    expect(decimalText('5.0', { precision: 1, scale: 0 })).toBe('5');
    expect(decimalText('0.0', { precision: 1, scale: 0 })).toBe('0');
    expect(decimalText('0.5', { precision: 1, scale: 1 })).toBe('0.5');
  });
});

describe('timestampText', () => {
  it.each([
    ['2026-11-30T07:46:58Z', '2026-11-30T07:46:58.000000Z'],
    ['2026-11-30T00:00:00Z', '2026-11-30T00:00:00.000000Z'],
    ['2026-11-30T07:46:58.1Z', '2026-11-30T07:46:58.100000Z'],
    ['2026-11-30T07:46:58.1234567891Z', '2026-11-30T07:46:58.123456Z'],
    ['2026-11-30T07:46:58.999999999Z', '2026-11-30T07:46:58.999999Z'],
    ['2026-11-30T00:30:00.000001+01:00', '2026-11-29T23:30:00.000001Z'],
    ['2016-12-31T23:59:60Z', '2016-12-31T23:59:59.999999Z'],
    ['2017-01-01T00:59:60.5+01:00', '2016-12-31T23:59:59.999999Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000000Z'],
    ['9999-12-31T23:59:59.9999999Z', '9999-12-31T23:59:59.999999Z'],
    ['1969-12-31T23:59:59.999999Z', '1969-12-31T23:59:59.999999Z'],
  ])('writes %s as %s', (given, text) => {
    expect(timestampText(given)).toBe(text);
    expect(timestampText(text)).toBe(text);
  });

  it.each(['0000-12-31T23:59:59Z', '0001-01-01T00:00:00+00:01', '9999-12-31T23:59:59-00:01'])(
    'refuses %s, which is outside the years 0001 to 9999',
    (given) => {
      expect(() => timestampText(given)).toThrow(/outside the years/);
    },
  );

  it.each(['2026-11-30', '2026-11-30T07:46:58', '2026-02-30T00:00:00Z', '2026-11-30T07:46:60Z'])(
    'refuses %s',
    (given) => {
      expect(() => timestampText(given)).toThrow(/no moment of RFC 3339/);
    },
  );
});

describe('jsonText', () => {
  it('sorts members, and writes the same value in the same way', () => {
    expect(jsonText({ b: 1, a: [1.5, { d: null, c: 'é' }] })).toBe('{"a":[1.5,{"c":"é","d":null}],"b":1}');
    expect(jsonText({ '9': 1, '10': 2 })).toBe('{"10":2,"9":1}');
    expect(jsonText(-0)).toBe('0');
    expect(jsonText(null)).toBeNull();
  });

  it('keeps every digit of a large number that was kept, and writes a double in plain notation', () => {
    expect(jsonTextOf('{"n":12345678901234567890.0}')).toBe('{"n":12345678901234567890}');
    expect(jsonTextOf('1e21')).toBe('1000000000000000000000');
    expect(jsonText(1e21)).toBe('1000000000000000000000');
    expect(jsonText([2 ** 53 - 1, 2 ** 53])).toBe('[9007199254740991,9007199254740992]');
  });

  it('refuses JSON that is nested more than 64 times, and texts that are not well-formed', () => {
    expect(jsonTextOf(`${'['.repeat(64)}1${']'.repeat(64)}`)).toHaveLength(129);
    expect(() => jsonTextOf(`${'['.repeat(65)}${']'.repeat(65)}`)).toThrow(/nested more than 64 times/);
    expect(() => jsonText({ a: '\ud800' })).toThrow(/not well-formed/);
    expect(() => jsonText({ '\ud800': 1 })).toThrow(/not well-formed/);
  });
});

describe('a value of a column', () => {
  it.each<[ViewColumn, ViewValue, RegExp]>([
    [PRICE, 12.3, /no text of a decimal, but a number/],
    [PRICE, '12.3', /no canonical decimal: "12.3", where "12.30" is right/],
    [PRICE, '-0.00', /where "0.00" is right/],
    [PRICE, '012.30', /where "12.30" is right/],
    [PRICE, '12.345', /does not fit a decimal of 6 digits, 2 of them behind the point/],
    [PRICE, '10000.00', /does not fit/],
    [PRICE, 'ten', /no decimal number/],
    [AT, '2026-11-30T07:46:58Z', /where "2026-11-30T07:46:58.000000Z" is right/],
    [AT, '2026-11-30T07:46:58.1234567Z', /where "2026-11-30T07:46:58.123456Z" is right/],
    [AT, '2026-11-30T07:46:58.000000+00:00', /is right/],
    [AT, '2016-12-31T23:59:60.000000Z', /is right/],
    [AT, 0, /no text of a timestamp, but a number/],
    [DATA, '{"b":1,"a":2}', /no canonical JSON/],
    [DATA, '[1, 2]', /no canonical JSON/],
    [DATA, '1e21', /no canonical JSON/],
    [DATA, 'null', /the JSON null, which is null in the row/],
    [DATA, '{', /it cannot be parsed/],
    [DATA, JSON.stringify('x'.repeat(199)), /no JSON of at most 200 characters/],
    [DATA, true, /no text of a JSON, but a boolean/],
    [{ name: 'place', type: 'text', maxLength: 3 }, 'Oslo', /no well-formed text of at most 3 characters/],
    [{ name: 'is_fragile', type: 'boolean' }, 1, /no boolean/],
    [{ name: 'weight', type: 'integer' }, 1.5, /no integer/],
  ])('%o cannot hold %j', (column, value, reason) => {
    expect(valueFault(column, value as Exclude<ViewValue, null>)).toMatch(reason);
  });

  it('a value in the notation of somebody else gets its canonical form', () => {
    expect(canonicalValue(PRICE, '12.3')).toBe('12.30');
    expect(canonicalValue(AT, '2026-11-30T08:46:58+01:00')).toBe('2026-11-30T07:46:58.000000Z');
    expect(canonicalValue(DATA, { b: [], a: 1 })).toBe('{"a":1,"b":[]}');
    expect(canonicalValue(DATA, parseKeepingNumbers('[12345678901234567890]', 'huge'))).toBe(
      '[12345678901234567890]',
    );
    expect(canonicalValue(DATA, null)).toBeNull();
    // A number may have lost digits on its way, so it is not taken for a decimal.
    expect(() => canonicalValue(PRICE, 12.3)).toThrow(/no text of a decimal/);
    expect(() => canonicalValue({ name: 'place', type: 'text' }, {})).toThrow(/no text of a text/);
  });

  it('a value loses no digit where it is shown as JSON', () => {
    expect(JSON.stringify({ price: shownJson(PRICE, '12.30') })).toBe('{"price":"12.30"}');
    const text = '{"n":[12345678901234567890,1.5],"t":"x"}';
    expect(JSON.stringify({ data: shownJson(DATA, text) })).toBe(`{"data":${text}}`);
    expect(shownJson(DATA, 'damaged')).toBe('damaged');
  });
});

describe('the definition of a column', () => {
  it.each<[ViewColumn, RegExp | null]>([
    [PRICE, null],
    [{ name: 'x', type: 'decimal', precision: 65, scale: 30 }, null],
    [{ name: 'x', type: 'decimal', precision: 66, scale: 2 }, /precision from 1 to 65/],
    [{ name: 'x', type: 'decimal', precision: 0, scale: 0 }, /precision/],
    [{ name: 'x', type: 'decimal', precision: 40, scale: 31 }, /scale from 0 to 30/],
    [{ name: 'x', type: 'decimal', precision: 2, scale: 3 }, /at most its precision/],
    [{ name: 'x', type: 'decimal', precision: 2.5, scale: 1 }, /precision/],
    [{ name: 'x', type: 'json', maxLength: 262_144 }, null],
    [{ name: 'x', type: 'json', maxLength: 262_145 }, /from 1 to 262144/],
  ])('the sizes of %o are checked', (column, fault) => {
    if (fault === null) expect(columnFault(column)).toBeNull();
    else expect(columnFault(column)).toMatch(fault);
  });
});
