import { describe, expect, it } from 'vitest';
import { JsonReader } from '../../../../src/pipeline/decode/json-body.ts';
import type { SourceKind } from '../../../../src/pipeline/decode/source/options.ts';
import { UNWRAP } from '../../../../src/pipeline/decode/source/unwrap.ts';
import { ENVELOPE, type RecordParts, recordOf } from '../records.ts';

const reader = new JsonReader(64);

/** What the record holds by the source, its bytes as a text; or the refusal. */
function unwrap(kind: SourceKind, value: unknown, headers: RecordParts['headers'] = [], isPrefixed = false) {
  const record = recordOf({ value: typeof value === 'string' ? value : JSON.stringify(value), headers });
  const read = UNWRAP[kind](record, record.value as Buffer, reader, isPrefixed);
  if ('reason' in read) return `${read.reason}: ${read.detail}`;
  const body = Buffer.isBuffer(read.body) ? String(read.body) : JSON.parse(JSON.stringify(read.body));
  return { ...read, body };
}

const EVENT = { eventType: 'ORDER', orderId: 'a' };
const TEXT = JSON.stringify(EVENT);
const ID = [['id', 'e1']] as const;
const STRUCTURED = [['content-type', 'application/cloudevents+json']] as const;
const CE = [
  ['ce_specversion', '1.0'],
  ['ce_id', 'e1'],
] as const;
const mismatch = (kind: SourceKind, detail: string) =>
  `source_mismatch: ${detail}, as the source ${kind} expects.`;
const EMPTY = 'value_missing: The payload in the envelope is null (a tombstone).';

describe('the source json', () => {
  it('takes the value as it is, or the data of an envelope', () => {
    expect(unwrap('json', TEXT)).toEqual({ body: TEXT, eventId: null, keepsContentType: true });
    expect(unwrap('json', { ...ENVELOPE, data: EVENT })).toEqual({
      body: TEXT,
      eventId: 'e1',
      type: 'order',
    });
    expect(unwrap('json', { ...ENVELOPE, data: EVENT, time: 't', subject: 's' }, STRUCTURED)).toEqual({
      body: TEXT,
      eventId: 'e1',
      type: 'order',
      time: 't',
      subject: 's',
    });
    expect(unwrap('json', { ...ENVELOPE, data: EVENT, time: 7, subject: null })).toEqual({
      body: TEXT,
      eventId: 'e1',
      type: 'order',
    });
  });

  it('takes an event with the fields of an envelope as an event', () => {
    const value = JSON.stringify({ ...ENVELOPE, ...EVENT, data: 1 });
    expect(unwrap('json', value)).toMatchObject({ body: value, eventId: null });
    expect(unwrap('json', value, STRUCTURED)).toMatchObject({ body: '1', eventId: 'e1' });
    const single = JSON.stringify({ specversion: '1.0', id: 'e1' });
    expect(unwrap('json', single)).toMatchObject({ body: single });
  });

  it('refuses what the decoder refuses', () => {
    expect(unwrap('json', '{')).toMatch(/^json_invalid/);
    expect(unwrap('json', TEXT, [['ce_id', null]])).toMatch(/^header_invalid/);
    expect(unwrap('json', { ...ENVELOPE, id: 7, data: EVENT })).toMatch(/^cloudevents_envelope_invalid/);
  });
});

describe('the source cloudevents', () => {
  it('takes the attributes of the headers, out of their quotes', () => {
    expect(unwrap('cloudevents', TEXT, CE)).toEqual({ body: TEXT, eventId: null, keepsContentType: true });
    const headers = [...CE, ['ce_type', '"T"'], ['ce_time', 't'], ['ce_subject', 's']] as const;
    expect(unwrap('cloudevents', TEXT, headers)).toEqual({
      body: TEXT,
      eventId: null,
      keepsContentType: true,
      type: 'T',
      time: 't',
      subject: 's',
    });
  });

  it('refuses a record that is none', () => {
    expect(unwrap('cloudevents', TEXT)).toBe(mismatch('cloudevents', 'The record is no CloudEvent'));
    expect(unwrap('cloudevents', { ...ENVELOPE, data: EVENT })).toMatchObject({ eventId: 'e1' });
  });
});

describe('the source connect-json', () => {
  it('takes the payload, or the value without an envelope', () => {
    expect(unwrap('connect-json', { schema: {}, payload: EVENT })).toEqual({ body: EVENT, eventId: null });
    expect(unwrap('connect-json', { schema: {}, payload: TEXT })).toEqual({ body: TEXT, eventId: null });
    expect(unwrap('connect-json', EVENT)).toEqual({ body: EVENT, eventId: null });
    expect(unwrap('connect-json', { schema: {}, payload: null })).toBe(EMPTY);
    expect(unwrap('connect-json', 'null')).toBe(EMPTY);
    expect(unwrap('connect-json', '{')).toMatch(/^json_invalid/);
  });
});

describe('the source debezium-outbox', () => {
  const of = (value: unknown, headers: RecordParts['headers'] = ID) =>
    unwrap('debezium-outbox', value, headers);

  it('takes the id from its header, and the payload', () => {
    expect(of(EVENT)).toEqual({ body: EVENT, eventId: 'e1' });
    expect(of({ schema: {}, payload: TEXT })).toEqual({ body: TEXT, eventId: 'e1' });
    expect(of(EVENT, [])).toBe(
      mismatch('debezium-outbox', "The record has no header id with the event's id"),
    );
    expect(of('null')).toBe(EMPTY);
    expect(of('{')).toMatch(/^json_invalid/);
  });

  it.each(['eventType', 'event_type', 'Type', 'event-type'])('takes the type from the header %s', (name) => {
    expect(of(EVENT, [...ID, ['x', 'y'], [name, 'T']])).toEqual({ body: EVENT, eventId: 'e1', type: 'T' });
    expect(of(EVENT, [...ID, [name, null]])).toEqual({ body: EVENT, eventId: 'e1' });
    expect(of(EVENT, [...ID, [`${name}s`, 'T']])).toEqual({ body: EVENT, eventId: 'e1' });
  });

  it('takes the event out of a payload beside other fields', () => {
    expect(of({ payload: EVENT })).toEqual({ body: EVENT, eventId: 'e1' });
    expect(of({ payload: EVENT, type: 'T' })).toEqual({ body: EVENT, eventId: 'e1', type: 'T' });
    expect(of({ payload: ` ${TEXT}`, type: 'T' })).toEqual({ body: ` ${TEXT}`, eventId: 'e1', type: 'T' });
    expect(of({ payload: EVENT, type: 7, eventType: 'U' })).toEqual({
      body: EVENT,
      eventId: 'e1',
      type: 'U',
    });
    for (const value of [
      { payload: 'x', type: 'T' },
      { payload: 7 },
      { payload: [EVENT] },
      { payload: null },
    ])
      expect(of(value)).toEqual({ body: value, eventId: 'e1' });
    expect(of(JSON.stringify('x'))).toEqual({ body: 'x', eventId: 'e1' });
  });
});

describe('the source debezium-table', () => {
  const of = (value: unknown) => unwrap('debezium-table', value);
  const change = (after: unknown, op = 'c') => ({ before: null, after, source: {}, op });

  it('takes the row of an insert, or the payload in it', () => {
    const row = { x: 'y' };
    expect(of(change(row))).toEqual({ body: row, eventId: null });
    expect(of(change(row, 'r'))).toEqual({ body: row, eventId: null });
    expect(of(change(JSON.stringify(row)))).toEqual({ body: row, eventId: null });
    expect(of(change({ id: 'e1', payload: EVENT }))).toEqual({ body: EVENT, eventId: 'e1' });
    expect(of(change({ Event_Id: 'e1', PAYLOAD: EVENT, type: 'T' }))).toEqual({
      body: EVENT,
      eventId: 'e1',
      type: 'T',
    });
    expect(of('{"op":"c","after":{"id":9007199254740993,"payload":"{}"},"ts_ms":1}')).toEqual({
      body: '{}',
      eventId: '9007199254740993',
    });
    expect(of(change({ payload: EVENT }))).toEqual({ body: EVENT, eventId: null });
    expect(of(change({ id: 'e1', payload: 7 }))).toEqual({ body: { id: 'e1', payload: 7 }, eventId: null });
    expect(of(change({ id: 'e1', payload: null }))).toEqual({
      body: { id: 'e1', payload: null },
      eventId: null,
    });
  });

  it.each([
    [Buffer.from(TEXT).toString('base64'), TEXT],
    [Buffer.from('{"a":1}').toString('base64'), '{"a":1}'],
    ['e30=', '{}'],
    ['!e30=', '!e30='],
    ['e30=!', 'e30=!'],
    ['', ''],
    ['{}', '{}'],
  ])('takes a payload that may be base64: %s', (payload, body) => {
    expect(of(change({ payload }))).toEqual({ body, eventId: null });
  });

  it('refuses what inserts no row', () => {
    expect(of(change({}, 'u'))).toBe(
      'change_not_insert: The change event is of an update, a delete or a truncation; only rows that are inserted are events.',
    );
    expect(of(EVENT)).toBe(mismatch('debezium-table', 'The body is no change event with op and after'));
    expect(of([EVENT])).toBe(mismatch('debezium-table', 'The body is no change event with op and after'));
    expect(of(change(null))).toBe(mismatch('debezium-table', 'The row after the change is null, no object'));
    expect(of({ op: 'c', before: {}, source: {} })).toBe(
      mismatch('debezium-table', 'The row after the change is null, no object'),
    );
    expect(of(change('[1]'))).toBe(
      mismatch('debezium-table', 'The row after the change is an array, no object'),
    );
    expect(of(change('{'))).toMatch(/^json_invalid/);
    expect(of('null')).toBe(EMPTY);
    expect(of('{')).toMatch(/^json_invalid/);
  });
});

describe('the source schema-registry', () => {
  it('takes JSON behind a prefix, or without one', () => {
    expect(unwrap('schema-registry', TEXT)).toEqual({ body: TEXT, eventId: null });
    expect(unwrap('schema-registry', TEXT, [], true)).toEqual({ body: TEXT, eventId: null });
    expect(unwrap('schema-registry', JSON.stringify(TEXT), [], true)).toEqual({ body: TEXT, eventId: null });
    expect(unwrap('schema-registry', '[1]', [], true)).toEqual({ body: '[1]', eventId: null });
    expect(unwrap('schema-registry', '"x', [], true)).toMatch(/^json_invalid/);
    const NO_PREFIX = mismatch('schema-registry', "The value begins with no schema registry's prefix");
    expect(unwrap('schema-registry', JSON.stringify(TEXT))).toBe(NO_PREFIX);
    expect(unwrap('schema-registry', 'a\u0001b')).toMatch(/^binary_format/);
  });
});
