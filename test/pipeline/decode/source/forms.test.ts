import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../../src/core/domain.ts';
import { parseKeepingNumbers } from '../../../../src/core/json-exact.ts';
import { schemaInHeaders, schemaRefusal } from '../../../../src/pipeline/decode/forms/schema-headers.ts';
import { headerText, payloadOf } from '../../../../src/pipeline/decode/source/header-text.ts';
import { keyText } from '../../../../src/pipeline/decode/source/key-text.ts';
import type { KeyForm, TimeForm } from '../../../../src/pipeline/decode/source/options.ts';
import { outermostOf, valueAt } from '../../../../src/pipeline/decode/source/places.ts';
import { schemaOf } from '../../../../src/pipeline/decode/source/registry-value.ts';
import { timeText } from '../../../../src/pipeline/decode/source/time-text.ts';
import type { LoggedHeader } from '../../../../src/ports/event-log.ts';

const hex = (digits: string) => Buffer.from(digits, 'hex');

describe('timeText', () => {
  const of = (json: string, form: TimeForm) => timeText(parseKeepingNumbers(json, 'all'), form);

  it.each<[TimeForm, string, string | null]>([
    ['seconds', '"2024-06-10T06:13:20Z"', null],
    ['local-utc', '"2024-06-10T06:13:20Z"', null],
    ['seconds', '0', '1970-01-01T00:00:00Z'],
    ['seconds', '253402300799', '9999-12-31T23:59:59Z'],
    ['seconds', '253402300800', null],
    ['seconds', '-1', null],
    ['seconds', '"1."', null],
    ['seconds', '"x1"', null],
    ['seconds', '"1x"', null],
    ['seconds', '"1.5x"', null],
    ['seconds', '12.34', '1970-01-01T00:00:12.34Z'],
    ['seconds', '1.5e1', '1970-01-01T00:00:15Z'],
    ['seconds', '1.5E1', '1970-01-01T00:00:15Z'],
    ['seconds', '1.5e-1', null],
    ['seconds', `1.${'0'.repeat(38)}`, `1970-01-01T00:00:01.${'0'.repeat(38)}Z`],
    ['seconds', `1.${'0'.repeat(39)}`, null],
    ['seconds', 'null', null],
    ['seconds', '[1]', null],
    ['milliseconds', '1', '1970-01-01T00:00:00.001Z'],
    ['milliseconds', '1000', '1970-01-01T00:00:01.000Z'],
    ['milliseconds', '1000.5', '1970-01-01T00:00:01.0005Z'],
    ['milliseconds', '"/Date(1000)/"', '1970-01-01T00:00:01.000Z'],
    ['milliseconds', '"/Date(1000+0100)/"', '1970-01-01T00:00:01.000Z'],
    ['milliseconds', '"/Date(1000-0100)/"', '1970-01-01T00:00:01.000Z'],
    ['milliseconds', '"x/Date(1000)/"', null],
    ['milliseconds', '"/Date(1000)/x"', null],
    ['milliseconds', '"/Date(1000+01000)/"', null],
    ['seconds', '"/Date(1000)/"', null],
    ['microseconds', '1', '1970-01-01T00:00:00.000001Z'],
    ['nanoseconds', '1', '1970-01-01T00:00:00.000000001Z'],
    ['nanoseconds', '638536975200000000', null],
    ['microseconds', '638536975200000000', null],
    ['microseconds', '638536975200000', '1990-03-27T11:22:55.200000Z'],
    ['milliseconds', '638536975200', '1990-03-27T11:22:55.200Z'],
    ['jackson', '1000', '1970-01-01T00:00:01.000Z'],
    ['jackson', '1.5', '1970-01-01T00:00:01.5Z'],
    ['jackson', '"1000"', '1970-01-01T00:00:01.000Z'],
    ['jackson', 'true', null],
    ['jackson', '[2024,6,10,6]', null],
    ['jackson', '[2024,6,10,6,13]', '2024-06-10T06:13:00Z'],
    ['jackson', '[2024,12,10,16,13,20]', '2024-12-10T16:13:20Z'],
    ['jackson', '[2024,6,10,6,13,20,5]', '2024-06-10T06:13:20.000000005Z'],
    ['jackson', '[2024,6,10,6,13,20,999999999]', '2024-06-10T06:13:20.999999999Z'],
    ['jackson', '[2024,6,10,6,13,20,5,1]', null],
    ['jackson', '[2024,6,10,6,"13"]', null],
    ['jackson', '[2024,6,10,6,1.5]', null],
    ['jackson', '[2024,6,10,6,-1]', null],
    ['jackson', '[2024,6,10,6,13,20,1234567890]', null],
    ['jackson', '[2024,13,10,6,13]', null],
    ['jackson', '[98,6,10,6,13]', '0098-06-10T06:13:00Z'],
    ['seconds', '[2024,6,10,6,13]', null],
    ['local-utc', '"2024-06-10t06:13:20z"', null],
    ['local-utc', '"2024-06-10 06:13:20"', '2024-06-10T06:13:20Z'],
    ['local-utc', '"2024-06-10 06:13"', '2024-06-10T06:13:00Z'],
    ['local-utc', '"2024-06-10 06:13:20,25"', '2024-06-10T06:13:20.25Z'],
    ['local-utc', '"2024-06-10 06:13:20+02"', '2024-06-10T06:13:20+02'],
    ['local-utc', '"2024-06-10 06:13:20 +0000 GMT"', '2024-06-10T06:13:20+0000'],
    ['local-utc', '"2024-06-10 06:13:20GMT"', '2024-06-10T06:13:20Z'],
    ['local-utc', '"2024-06-10 06:13:20Z[Etc/GMT+1]"', '2024-06-10T06:13:20Z'],
    ['local-utc', '"2024-06-10 06:13:20Z[]"', null],
    ['local-utc', '"x2024-06-10 06:13:20"', null],
    ['local-utc', '"2024-06-10 06:13:20x"', null],
    ['local-utc', '"2024-06-31 06:13:20"', null],
    ['local-utc', '7', null],
  ])('%s: %s becomes %s', (form, json, text) => {
    expect(of(json, form)).toBe(text);
  });
});

describe('keyText', () => {
  const of = (key: string | Buffer, form: KeyForm) => keyText(Buffer.from(key), form).toString('latin1');
  const latin1 = (key: Buffer) => key.toString('latin1');

  it.each<[KeyForm, string | Buffer, string]>([
    ['text', '"a"', '"a"'],
    ['ignore', '"a"', '"a"'],
    ['json', '"a"', 'a'],
    ['json', '7', '7'],
    ['json', 'a', 'a'],
    ['json', 'true', 'true'],
    ['json', 'null', 'null'],
    ['json', '["a"]', '["a"]'],
    ['json', '{}', '{}'],
    ['json', '{"id":"a"}', 'a'],
    ['json', '{"id":{"id":7}}', '7'],
    ['json', '{"id":"a","b":"a"}', '{"id":"a","b":"a"}'],
    ['json', '{"schema":{},"payload":"a"}', 'a'],
    ['json', '{"schema":"b","other":"a"}', '{"schema":"b","other":"a"}'],
    ['json', '{"other":"b","payload":"a"}', '{"other":"b","payload":"a"}'],
    ['json', '{"schema":{},"payload":"a","more":"b"}', 'a'],
    ['json', '{"payload":"a"}', 'a'],
    ['json', Buffer.concat([hex('0000000007'), Buffer.from('"a"')]), 'a'],
    ['json', hex('ff'), latin1(hex('ff'))],
    ['number', hex('0000000000000007'), '7'],
    ['number', hex('ffffffffffffffff'), '-1'],
    ['number', hex('00000007'), '7'],
    ['number', '7654321', '7654321'],
    ['number', '', ''],
    ['uuid', hex('f81d4fae7dec11d0a76500a0c91e6bf6'), 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
    ['uuid', 'abc', 'abc'],
  ])('reads as %s: %j is %j', (form, key, text) => {
    expect(of(key, form)).toBe(text);
  });

  it('looks at JSON of up to 64 Ki bytes', () => {
    const key = (length: number) => `"${'x'.repeat(length - 2)}"`;
    expect(of(key(64 * 1024), 'json')).toHaveLength(64 * 1024 - 2);
    expect(of(key(64 * 1024 + 1), 'json')).toHaveLength(64 * 1024 + 1);
  });
});

describe('headerText', () => {
  const of = (value: string | Buffer | null) =>
    headerText([['id', value === null ? null : Buffer.from(value)]], 'id');

  it.each<[string | Buffer | null, string | null]>([
    ['a', 'a'],
    ['"a"', 'a'],
    [' "a"', 'a'],
    ['x"a"', 'x"a"'],
    ['7', '7'],
    ['{"schema":{},"payload":"a"}', 'a'],
    ['{"schema":{},"payload":9007199254740993}', '9007199254740993'],
    ['{"schema":{},"payload":null}', '{"schema":{},"payload":null}'],
    ['{"a":"b"}', '{"a":"b"}'],
    ['{"a', '{"a'],
    ['"a', '"a'],
    [null, null],
    ['', null],
    [hex('f81d4fae7dec11d0a76500a0c91e6bf6'), 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
    [hex('ff4fae7dec11d0a76500a0c91e6b'), null],
  ])('%j is %j', (value, text) => {
    expect(of(value)).toBe(text);
  });

  it('reads the header of this name, and only an envelope has a payload', () => {
    expect(headerText([['other', Buffer.from('b')]], 'id')).toBeNull();
    expect(payloadOf({ schema: {}, payload: 1 })).toBe(1);
    expect(payloadOf({ payload: 1 })).toEqual({ payload: 1 });
    expect(payloadOf([1])).toEqual([1]);
  });
});

describe('valueAt', () => {
  const parse = (text: string): JsonValue | undefined => {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  };

  it.each<[JsonValue, string, JsonValue | undefined]>([
    [{ a: 1 }, 'a', 1],
    [{ a: { b: 1 } }, 'a.b', 1],
    [{ 'a.b': 1, a: { b: 2 } }, 'a.b', 1],
    [{ 'a.b': { c: 1 } }, 'a.b.c', 1],
    [{ a: { x: 1 }, 'a.b': { c: 2 } }, 'a.b.c', 2],
    [{ a: { 'b.c': 3 } }, 'a.b.c', 3],
    [{ a: ' {"b":1}' }, 'a.b', 1],
    [{ a: '{' }, 'a.b', undefined],
    [{ a: '[{"b":1}]' }, 'a.b', undefined],
    [{ a: 1 }, 'a.b', undefined],
    [{ b: 1 }, 'a', undefined],
    [[1], '0', undefined],
    [null, 'a', undefined],
    [{}, 'toString', undefined],
  ])('of %j at %s is %j', (value, place, found) => {
    expect(valueAt(value, place, parse)).toEqual(found);
  });

  it('reads a text as JSON only if it begins with a brace', () => {
    const asked: string[] = [];
    valueAt({ a: '"x"', b: '{}' }, 'a.b', (text) => {
      asked.push(text);
      return undefined;
    });
    expect(asked).toEqual([]);
  });

  it.each([
    [{ a: 1 }, 'a.b', 'a'],
    [{ 'a.b': 1 }, 'a.b.c', 'a.b'],
    [{ b: 1 }, 'a.b', null],
    [{ a: 1 }, 'a', null],
  ])('begins at the outermost member: %j at %s is %s', (value, place, name) => {
    expect(outermostOf(value, place)).toBe(name);
  });
});

describe('a schema in the headers', () => {
  const id = hex('0000000000000007');
  const GUID = 'b26b3bd53fc24d1c8a3f0c9ab3a0e4f1';
  const named = (header: LoggedHeader, part: 'key' | 'value' = 'value') => schemaInHeaders([header], part);

  it.each<[string, Buffer, string]>([
    ['apicurio.value.contentId', id, '7'],
    ['apicurio.value.globalId', id, 'global-7'],
    ['__value_schema_id', hex('0000000007'), '7'],
    ['__value_schema_id', hex(`01${GUID}`), 'b26b3bd5-3fc2-4d1c-8a3f-0c9ab3a0e4f1'],
  ])('is named by %s', (header, value, schema) => {
    expect(named([header, value])).toEqual({ header, schema });
    expect(named([header, value], 'key')).toBeNull();
    expect(named([header.replace('value', 'key'), value], 'key')?.schema).toBe(schema);
    expect(named([header, null])).toBeNull();
    expect(named([Buffer.from(header), value])).toBeNull();
    expect(named([header, value.subarray(1)])).toBeNull();
    expect(named([header, Buffer.concat([value, value])])).toBeNull();
    expect(named([`x${header}`, value])).toBeNull();
  });

  it('comes from the first header that can be read', () => {
    const headers: LoggedHeader[] = [
      ['apicurio.value.contentId', hex('07')],
      ['other', id],
      ['apicurio.value.globalId', id],
    ];
    expect(schemaInHeaders(headers, 'value')?.schema).toBe('global-7');
    expect(schemaRefusal(headers)).toEqual({
      reason: 'schema_registry_prefix',
      detail:
        'The header apicurio.value.globalId names a schema of a registry; the value is no JSON, so probably Avro or Protobuf.',
    });
    expect(schemaRefusal([])).toBeNull();
  });

  it('comes before the prefix, and JSON needs none', () => {
    const headers: LoggedHeader[] = [['apicurio.value.contentId', id]];
    const framed = hex('000000000961');
    expect(schemaOf({ headers }, 'value', framed)).toEqual({ schema: '7', start: 0 });
    expect(schemaOf({ headers }, 'key', framed)).toEqual({ schema: '9', start: 5 });
    expect(schemaOf({ headers }, 'value', Buffer.from('{}'))).toBeNull();
    expect(schemaOf({ headers: [] }, 'value', Buffer.from('{}'))).toBeNull();
  });
});
