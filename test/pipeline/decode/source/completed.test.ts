import { describe, expect, it } from 'vitest';
import { JsonReader } from '../../../../src/pipeline/decode/json-body.ts';
import type { SourceOptions } from '../../../../src/pipeline/decode/source/options.ts';
import {
  createSource,
  type RecordSource,
  sourceFieldsOf,
} from '../../../../src/pipeline/decode/source/source.ts';
import type { ValueSchemas } from '../../../../src/ports/value-schemas.ts';
import { ENVELOPE, type RecordParts, recordOf } from '../records.ts';

const TYPE = {
  schema: { properties: { state: { enum: ['OPEN'] }, note: {} } },
  entityIdField: 'id',
  occurredAtField: 'at',
};
const ONE = sourceFieldsOf([TYPE]);
const TWO = sourceFieldsOf([TYPE, { schema: {}, entityIdField: 'key', occurredAtField: 'time' }]);

function sourceOf(options: SourceOptions, fields = ONE, schemas: ValueSchemas | null = null): RecordSource {
  return createSource(options, fields, new JsonReader(64), schemas) as RecordSource;
}

/** The plain record: its value as a text, its key and its headers; or the refusal. */
function plain(source: RecordSource, parts: RecordParts) {
  const read = source.plain(recordOf(parts));
  if ('reason' in read) return `${read.reason}: ${read.detail}`;
  const headers = read.headers.map(([name, value]) => [name, value === null ? null : String(value)]);
  return { value: String(read.value), key: read.key === null ? null : String(read.key), headers };
}

const named = (fields: Record<string, string>): SourceOptions => ({
  fields: new Map(Object.entries(fields)),
});
const bodyOf = (options: SourceOptions, parts: RecordParts, fields = ONE) => {
  const read = plain(sourceOf(options, fields), parts);
  return typeof read === 'string' ? read : read.value;
};

describe('the fields of a domain', () => {
  it('come from all of its types', () => {
    expect(ONE).toEqual({
      entityId: new Set(['id']),
      occurredAt: new Set(['at']),
      enumerated: new Set(['state']),
    });
    expect(TWO).toEqual({
      entityId: new Set(['id', 'key']),
      occurredAt: new Set(['at', 'time']),
      enumerated: new Set(['state']),
    });
  });
});

describe('a plain record', () => {
  it('keeps offset, time and key of the record, and null stays null', () => {
    const source = sourceOf({ time: 'seconds' });
    expect(source.plain(recordOf({ value: '{}', key: null }))).toMatchObject({
      offset: 42n,
      timestampMs: 1,
      key: null,
    });
    const tombstone = recordOf({ value: null });
    expect(source.plain(tombstone)).toBe(tombstone);
    expect([source.ignoresKey, sourceOf({ key: 'ignore' }).ignoresKey]).toEqual([false, true]);
    expect(sourceOf({ kind: 'debezium-table' }).ignoresKey).toBe(true);
    expect(createSource({}, ONE, new JsonReader(64))).toBeNull();
  });

  it('carries the id of the event as its only ce_id, and no content-type of a wrapping', () => {
    const headers = [
      ['ce_id', 'old'],
      ['content-type', 'application/json'],
      ['x', 'y'],
      ['id', 'e1'],
    ] as const;
    expect(plain(sourceOf({ time: 'seconds' }), { value: '{}', headers })).toMatchObject({
      headers: headers.map((each) => [...each]),
    });
    expect(plain(sourceOf({ kind: 'debezium-outbox' }), { value: '{}', headers })).toMatchObject({
      headers: [
        ['x', 'y'],
        ['id', 'e1'],
        ['ce_id', 'e1'],
      ],
    });
    expect(plain(sourceOf({ kind: 'connect-json' }), { value: '{}', headers })).toMatchObject({
      headers: [
        ['ce_id', 'old'],
        ['x', 'y'],
        ['id', 'e1'],
      ],
    });
  });

  it('keeps its bytes where nothing of it changes', () => {
    const value = '{ "a" : 1.0 }';
    expect(bodyOf({ type: 'T' }, { value: '{ "eventType" : "U" }' })).toBe('{ "eventType" : "U" }');
    expect(bodyOf({ time: 'seconds' }, { value })).toBe(value);
    expect(bodyOf({ id: 'number' }, { value: '[ 1 ]' })).toBe('[1]');
    expect(bodyOf({ kind: 'connect-json' }, { value: JSON.stringify(value) })).toBe(value);
    expect(bodyOf({ key: 'ignore' }, { value })).toBe(value);
  });

  it('needs to be JSON with the member that is set', () => {
    expect(bodyOf({ time: 'seconds' }, { value: '{' })).toMatch(/^json_invalid/);
    expect(bodyOf({ body: 'data.order' }, { value: '{"data":{}}' })).toBe(
      'source_mismatch: The value has no member data.order with the event.',
    );
    expect(bodyOf({ body: 'data' }, { value: '{"data":"{"}' })).toMatch(/^json_invalid/);
    expect(bodyOf({ body: 'data' }, { value: '{"data":7}' })).toBe('7');
    expect(bodyOf({ type: 'T' }, { value: '7' })).toBe('7');
    expect(bodyOf({ type: 'T' }, { value: '[]' })).toBe('[]');
    expect(bodyOf({ body: 'data' }, { value: '{"data":"7"}' })).toBe('7');
  });
});

describe('what stands beside the body', () => {
  const outer = { ...ENVELOPE, type: 'T', time: '2026-01-01T00:00:00Z', subject: 's' };
  const headers = [['content-type', 'application/cloudevents+json']] as const;
  const completed = (data: object, fields = ONE, options: SourceOptions = { kind: 'cloudevents' }) =>
    JSON.parse(bodyOf(options, { value: { ...outer, data }, headers }, fields));

  it('stands in for fields that the body lacks, or that are null', () => {
    const full = { eventType: 'T', id: 's', at: '2026-01-01T00:00:00Z' };
    expect(completed({})).toEqual(full);
    expect(completed({ eventType: null, id: null, at: null })).toEqual(full);
    expect(completed({ eventType: 'U', id: 'i', at: 'a' })).toEqual({ eventType: 'U', id: 'i', at: 'a' });
    expect(completed({ id: '' })).toEqual({ ...full, id: '' });
  });

  it('stands in for no field of which there are several, or none', () => {
    expect(completed({}, TWO)).toEqual({ eventType: 'T' });
    expect(completed({}, sourceFieldsOf([]))).toEqual({ eventType: 'T' });
  });

  it('stands behind the headers that are mapped', () => {
    const options: SourceOptions = {
      kind: 'cloudevents',
      ...named({ 'header:t': 'eventType', 'header:s': 'id', 'header:a': 'at', 'header:r': 'revision' }),
    };
    const given = [...headers, ['t', 'H'], ['s', '"x"'], ['a', 'y'], ['r', '7']] as const;
    const read = (data: object) => JSON.parse(bodyOf(options, { value: { ...outer, data }, headers: given }));
    expect(read({})).toEqual({ eventType: 'H', id: 'x', at: 'y', revision: 7 });
    expect(read({ revision: 1 })).toMatchObject({ revision: 1 });
  });

  it.each([
    ['7', 7],
    ['1234567890123456', 1234567890123456],
    ['12345678901234567', '12345678901234567'],
    ['-7', '-7'],
    ['7x', '7x'],
    ['x7', 'x7'],
  ])('gives a revision of up to 16 digits as a number: %s', (text, revision) => {
    const options = named({ 'header:r': 'revision', 'header:n': 'note' });
    const read = bodyOf(options, {
      value: '{}',
      headers: [
        ['r', text],
        ['n', text],
      ],
    });
    expect(JSON.parse(read)).toEqual({ revision, note: text });
  });
});

describe('values of another form', () => {
  const values = new Map([
    ['open', 'OPEN'],
    ['7', 'SEVEN'],
  ]);

  it('stand in fields with few values, and in the type', () => {
    const body = { eventType: 'open', state: 7, note: 'open', id: 7, other: [1] };
    expect(JSON.parse(bodyOf({ values }, { value: body }))).toEqual({
      ...body,
      eventType: 'OPEN',
      state: 'SEVEN',
    });
    expect(JSON.parse(bodyOf({ values }, { value: { state: 'shut', eventType: true } }))).toEqual({
      state: 'shut',
      eventType: true,
    });
  });

  it.each([
    ['7', '"7"'],
    ['7.0', '"7"'],
    ['"7"', '"7"'],
    ['7e2', '"700"'],
    ['0.0', '"0"'],
    ['-7', '-7'],
    ['-0', '-0'],
    ['7.5', '7.5'],
    ['123456789012345678901', '"123456789012345678901"'],
    ['1e300', '1e300'],
    ['true', 'true'],
    ['null', 'null'],
  ])('include the digits of an id: %s', (given, id) => {
    expect(bodyOf({ id: 'number' }, { value: `{"id":${given}}` })).toBe(`{"id":${id}}`);
    expect(bodyOf({ values, id: 'text' }, { value: `{"id":${given}}` })).toBe(`{"id":${given}}`);
  });

  it('include the time of every field that has one', () => {
    const read = (body: object) => JSON.parse(bodyOf({ time: 'seconds' }, { value: body }, TWO));
    expect(read({ at: 1, time: 2, id: 3 })).toEqual({
      at: '1970-01-01T00:00:01Z',
      time: '1970-01-01T00:00:02Z',
      id: 3,
    });
    expect(read({ at: 'x' })).toEqual({ at: 'x' });
  });
});

describe('names of another form', () => {
  it.each<[Record<string, string>, object, object | string]>([
    [{ order_id: 'id' }, { order_id: 1, x: 2 }, { id: 1, x: 2 }],
    [{ order_id: 'id' }, { x: 2 }, { x: 2 }],
    [{ order_id: 'id' }, { order_id: 1, id: 2 }, 'json_duplicate_key'],
    [{ 'o.i': 'id' }, { o: { i: 1 } }, { o: { i: 1 }, id: 1 }],
    [{ 'o.i': 'id' }, { 'o.i': 1 }, { id: 1 }],
    [{ 'o.i': 'id' }, { 'o.i': 1, o: { i: 2 } }, { id: 1, o: { i: 2 } }],
    [{ 'o.i': 'id' }, { o: { i: 1 }, id: 2 }, 'json_duplicate_key'],
    [{ 'o.i': 'id' }, { o: { i: null }, id: 2 }, { o: { i: null }, id: 2 }],
    [{ 'o.i': 'id' }, { o: {}, id: 2 }, { o: {}, id: 2 }],
    [{ 'id.i': 'id' }, { id: { i: 1 } }, { id: 1 }],
    [{ 'o.i': 'id', o: 'id' }, { o: { i: 1 } }, { id: 1 }],
    [{ 'header:o': 'id' }, { o: 1 }, { o: 1 }],
    [{ s: 'a+b' }, { s: 1 }, { a: 1, b: 1 }],
  ])('%j: %j', (fields, body, expected) => {
    const read = bodyOf(named(fields), { value: body });
    if (typeof expected === 'string') expect(read).toMatch(new RegExp(`^${expected}: `));
    else expect(JSON.parse(read)).toEqual(expected);
  });

  it('include the type beside the event', () => {
    const options: SourceOptions = { body: 'data', ...named({ kind: 'eventType' }) };
    expect(JSON.parse(bodyOf(options, { value: { kind: 'T', data: { id: 1 } } }))).toEqual({
      id: 1,
      eventType: 'T',
    });
    expect(JSON.parse(bodyOf({ body: 'data' }, { value: { kind: 'T', data: { id: 1 } } }))).toEqual({
      id: 1,
    });
    expect(JSON.parse(bodyOf({ body: 'data' }, { value: { eventType: 7, data: {} } }))).toEqual({});
    const withType: SourceOptions = { body: 'data', type: 'S' };
    expect(JSON.parse(bodyOf(withType, { value: { eventType: 'T', data: {} } }))).toEqual({
      eventType: 'S',
    });
  });

  it('include headers, each of which comes once', () => {
    const options = named({ 'header:h': 'eventId' });
    expect(plain(sourceOf(options), { value: '{}', headers: [['h', 'e9']] })).toEqual({
      value: '{}',
      key: 'order123',
      headers: [
        ['h', 'e9'],
        ['ce_id', 'e9'],
      ],
    });
    expect(
      plain(sourceOf(options), {
        value: '{}',
        headers: [
          ['h', 'a'],
          ['h', 'a'],
        ],
      }),
    ).toBe('header_duplicate: A header that is mapped to a field stands more than once.');
  });
});

describe('the schemas of a source', () => {
  const asked: string[][] = [];
  const schemas = {
    prepare: (names: ReadonlySet<string>) => {
      asked.push([...names]);
      return null;
    },
    read: (schema: string, bytes: Buffer) =>
      schema === '9'
        ? {
            kind: 'value',
            json: Buffer.from(JSON.stringify({ read: String(bytes), revision: '7' })),
            hasTextNumbers: true,
          }
        : schema === '8'
          ? { kind: 'mismatch', detail: 'another form' }
          : { kind: 'no_schema', detail: `nobody knows ${schema}` },
  } as unknown as ValueSchemas;
  const framed = (id: number, text: string) =>
    Buffer.concat([Buffer.from([0, 0, 0, 0, id]), Buffer.from(text)]);
  const source = (options: SourceOptions) => sourceOf(options, ONE, schemas);

  it('come from the values, and from the keys that are JSON', () => {
    const record = recordOf({ key: framed(8, 'k'), value: framed(9, 'v') });
    expect(
      source({ kind: 'schema-registry' }).prepare([record, record, recordOf({ value: null })]),
    ).toBeNull();
    source({ kind: 'schema-registry', key: 'text' }).prepare([record]);
    expect(source({ kind: 'json', key: 'json' }).prepare([record])).toBeNull();
    expect(asked).toEqual([['9', '8'], ['9']]);
  });

  it('read the value, whose revision may be a text of digits, and the key', () => {
    const key = framed(9, 'k');
    expect(plain(source({ kind: 'schema-registry' }), { key, value: framed(9, 'v') })).toMatchObject({
      value: '{"read":"v","revision":7}',
      key: '{"read":"k","revision":"7"}',
    });
    expect(plain(source({ kind: 'schema-registry' }), { value: framed(8, 'v') })).toBe(
      'schema_mismatch: another form',
    );
    expect(plain(source({ kind: 'schema-registry' }), { value: framed(7, 'v') })).toBe(
      'schema_unknown: nobody knows 7',
    );
  });
});
