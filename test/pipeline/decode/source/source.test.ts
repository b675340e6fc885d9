import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceOptions } from '../../../../src/pipeline/decode/source/options.ts';
import { KEY_FORMS, SOURCE_KINDS, TIME_FORMS } from '../../../../src/pipeline/decode/source/options.ts';
import {
  ENVELOPE,
  eventOf,
  ORDER_BODY,
  ORDER_SOURCE,
  ordersDecoder,
  PAYMENT_BODY,
  PAYMENT_SOURCE,
  type RecordParts,
  recordOf,
  STRUCTURED,
} from '../records.ts';

const decoderWith = (options: SourceOptions) => ordersDecoder({ sources: { [ORDER_SOURCE.topic]: options } });

/** The event of the record under these options, or its reason and detail. */
function read(options: SourceOptions, parts: RecordParts) {
  const decoded = decoderWith(options).decode(recordOf(parts), ORDER_SOURCE, 7);
  return decoded.kind === 'event' ? decoded.event : `${decoded.record.reason}: ${decoded.record.detail}`;
}

const { eventType: _type, ...UNTYPED } = ORDER_BODY;
const TEXT = JSON.stringify(ORDER_BODY);
const connect = (payload: unknown) => ({ schema: { type: 'string' }, payload });
const withId = [['id', 'outbox-1']] as const;

describe('a source', () => {
  it('concerns its own topic alone', () => {
    const decoder = decoderWith({ kind: 'cloudevents' });
    const payment = decoder.decode(recordOf({ value: PAYMENT_BODY }), PAYMENT_SOURCE, 7);
    expect(payment.kind).toBe('event');
    expect(read({ kind: 'cloudevents' }, {})).toMatch(/^source_mismatch: The record is no CloudEvent/);
  });

  it('keeps the raw record in quarantine', () => {
    const decoded = decoderWith({ kind: 'connect-json' }).decode(
      recordOf({ value: connect({ a: 1 }) }),
      ORDER_SOURCE,
      7,
    );
    expect(decoded.kind === 'rejected' && JSON.parse(String(decoded.record.value))).toEqual(
      connect({ a: 1 }),
    );
  });

  it('leaves a record alone that somebody made as a plain one', () => {
    const decoded = decoderWith({ kind: 'debezium-outbox' }).decodePlain(recordOf({}), ORDER_SOURCE, 7);
    expect(decoded).toEqual({ kind: 'event', event: eventOf({}) });
  });

  it('measures the record as it came', () => {
    const value = connect(ORDER_BODY);
    const bytes = JSON.stringify(value).length + 'order123'.length;
    const under = (maxRecordBytes: number) =>
      ordersDecoder({ maxRecordBytes, sources: { [ORDER_SOURCE.topic]: { kind: 'connect-json' } } }).decode(
        recordOf({ value }),
        ORDER_SOURCE,
        7,
      ).kind;
    expect([under(bytes), under(bytes - 1)]).toEqual(['event', 'rejected']);
  });

  it('never throws and never disagrees with itself, whatever the bytes are', () => {
    const bytes = fc.uint8Array({ maxLength: 60, size: 'max' });
    const json = fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text));
    const wrapped = fc.constantFrom(
      connect(TEXT),
      { op: 'c', after: { payload: 7 }, ts_ms: 1 },
      { ...ENVELOPE, data: 1 },
    );
    const value = fc.oneof(
      bytes,
      json,
      wrapped.map((object) => Buffer.from(JSON.stringify(object))),
    );
    const options = fc.record({
      kind: fc.constantFrom(...SOURCE_KINDS),
      key: fc.constantFrom(...KEY_FORMS),
      time: fc.constantFrom(...TIME_FORMS),
      fields: fc.constant(new Map([['a', 'eventType']])),
    });
    fc.assert(
      fc.property(options, value, fc.option(bytes), (source, content, key) => {
        const record = { ...recordOf({}), value: content, key, headers: [['id', Buffer.from('x')] as const] };
        const decoder = decoderWith(source);
        const first = decoder.decode(record, ORDER_SOURCE, 7);
        expect(decoder.decode(record, ORDER_SOURCE, 7)).toEqual(first);
      }),
      { numRuns: 1500 },
    );
  });
});

describe('the source json', () => {
  it('maps names, and leaves the other fields and all digits as they stand', () => {
    const fields = new Map([
      ['event_type', 'eventType'],
      ['order_id', 'orderId'],
    ]);
    const value =
      '{"event_type":"ORDER", "order_id":"order123","orderStatus":"CREATED","timestamp":"2025-04-05T02:26:30.265Z","n":7328465923847562342,"price":1.50}';
    expect(read({ fields }, { value })).toMatchObject({
      entityId: 'order123',
      data: '{"eventType":"ORDER","orderId":"order123","orderStatus":"CREATED","timestamp":"2025-04-05T02:26:30.265Z","n":7328465923847562342,"price":1.50}',
    });
    expect(read({ fields }, { value: { ...ORDER_BODY, event_type: 'ORDER' } })).toMatch(
      /^json_duplicate_key: .* mapped one/,
    );
    expect(read({ fields }, {})).toEqual(eventOf({}));
  });

  it('maps the names inside of an envelope', () => {
    const options = { fields: new Map([['event_type', 'eventType']]) };
    const data = { ...UNTYPED, event_type: 'ORDER' };
    for (const headers of [STRUCTURED, []])
      expect(read(options, { value: { ...ENVELOPE, data }, headers })).toMatchObject({
        eventId: 'e1',
        entityId: 'order123',
      });
    expect(read(options, { value: ENVELOPE, headers: STRUCTURED })).toMatch(/^cloudevents_data_missing/);
  });

  it('reads the event from a member of the value', () => {
    expect(read({ body: 'data' }, { value: { data: ORDER_BODY } })).toEqual(eventOf({}));
    expect(read({ body: 'Message' }, { value: { Message: TEXT } })).toEqual(eventOf({}));
    expect(read({ body: 'data' }, { value: { payload: 1 } })).toMatch(
      /^source_mismatch: The value has no member data/,
    );
    expect(read({ body: 'data' }, { value: { data: '{' } })).toMatch(/^json_invalid/);
    expect(read({ body: 'data' }, { value: { data: [7] } })).toMatch(/^body_not_object/);
  });

  it('takes any key, and none, if keys are ignored', () => {
    for (const key of ['shop1:order123', '', null])
      expect(read({ key: 'ignore' }, { key })).toEqual(eventOf({}));
  });
});

describe('the form of keys', () => {
  const withKey = (key: 'json' | 'number' | 'uuid', bytes: string | Uint8Array, orderId: string) => {
    const event = read({ key }, { key: bytes, value: { ...ORDER_BODY, orderId } });
    return typeof event === 'string' ? event.split(':')[0] : event.entityId;
  };

  it.each([
    ['json', '"a"', 'a'],
    ['json', 'a', 'a'],
    ['json', '{"schema":{},"payload":"a"}', 'a'],
    ['json', '{"schema":{},"payload":{"id":"a"}}', 'a'],
    ['json', '{"schema":{},"payload":12345678901234567890}', '12345678901234567890'],
    ['json', '1e3', '1e3'],
    ['json', Buffer.from('\0\0\0\0\u0007"a"'), 'a'],
    ['number', Buffer.from('0000000000001267', 'hex'), '4711'],
    ['number', Buffer.from('fffffffe', 'hex'), '-2'],
    ['number', '4711000', '4711000'],
    ['uuid', Buffer.from('3f2504e04f8941d39a0c0305e82c3301', 'hex'), '3f2504e0-4f89-41d3-9a0c-0305e82c3301'],
    ['uuid', '3f2504e0-4f89-41d3-9a0c-0305e82c3301', '3f2504e0-4f89-41d3-9a0c-0305e82c3301'],
  ] as const)('%s reads %j as %s', (form, key, orderId) => {
    expect(withKey(form, key, orderId)).toBe(orderId);
  });

  it.each([
    ['json', '"b"', 'a'],
    ['json', '{"a":"a","b":"a"}', 'a'],
    ['json', 'null', 'a'],
    ['number', Buffer.from('0000000000001267', 'hex'), '4712'],
  ] as const)('%s does not read %j as %s', (form, key, orderId) => {
    expect(withKey(form, key, orderId)).toMatch(/^key_/);
  });
});

describe('the form of times', () => {
  const timeOf = (time: (typeof TIME_FORMS)[number], given: string) => {
    const event = read({ time }, { value: TEXT.replace(`"${ORDER_BODY.timestamp}"`, given) });
    return typeof event === 'string' ? event.split(':')[0] : JSON.parse(event.data).timestamp;
  };

  it.each([
    ['seconds', '1718000000', '2024-06-10T06:13:20Z'],
    ['seconds', '1718000000.123456789', '2024-06-10T06:13:20.123456789Z'],
    ['seconds', '1.718e9', '2024-06-10T06:13:20Z'],
    ['seconds', '"1718000000"', '2024-06-10T06:13:20Z'],
    ['seconds', '0', '1970-01-01T00:00:00Z'],
    ['milliseconds', '1718000000123', '2024-06-10T06:13:20.123Z'],
    ['milliseconds', '1718000000123.5', '2024-06-10T06:13:20.1235Z'],
    ['milliseconds', '7', '1970-01-01T00:00:00.007Z'],
    ['milliseconds', '"/Date(1718000000123)/"', '2024-06-10T06:13:20.123Z'],
    ['milliseconds', String.raw`"\/Date(1718000000123+0200)\/"`, '2024-06-10T06:13:20.123Z'],
    ['microseconds', '1718000000123456', '2024-06-10T06:13:20.123456Z'],
    ['nanoseconds', '1718000000123456789', '2024-06-10T06:13:20.123456789Z'],
    ['jackson', '1718000000.123456000', '2024-06-10T06:13:20.123456000Z'],
    ['jackson', '1718000000123', '2024-06-10T06:13:20.123Z'],
    ['jackson', '[2024,6,10,6,13,20,5000]', '2024-06-10T06:13:20.000005000Z'],
    ['jackson', '[2024,6,10,6,13]', '2024-06-10T06:13:00Z'],
    ['local-utc', '"2024-06-10T06:13:20.1"', '2024-06-10T06:13:20.1Z'],
    ['local-utc', '"2024-06-10 06:13:20 +02:00"', '2024-06-10T06:13:20+02:00'],
    ['local-utc', '"2024-06-10T06:13"', '2024-06-10T06:13:00Z'],
    ['local-utc', '"2024-06-10T06:13+02:00"', '2024-06-10T06:13:00+02:00'],
    ['local-utc', '"2024-06-10T06:13:20.5+02:00[Europe/Berlin]"', '2024-06-10T06:13:20.5+02:00'],
    ['local-utc', '"2024-06-10T06:13:20Z[UTC]"', '2024-06-10T06:13:20Z'],
    ['local-utc', '"2024-06-10 06:13:20,123"', '2024-06-10T06:13:20.123Z'],
    ['local-utc', '"2024-06-10 06:13:20 UTC"', '2024-06-10T06:13:20Z'],
    ['local-utc', '"2024-06-10 06:13:20.5 +0000 UTC"', '2024-06-10T06:13:20.5+0000'],
    ['milliseconds', '"2024-06-10T06:13:20+02:00"', '2024-06-10T06:13:20+02:00'],
  ] as const)('%s reads %s as %s', (form, given, text) => {
    expect(timeOf(form, given)).toBe(text);
  });

  it.each([
    ['seconds', '1718000000123', 'time_not_text'],
    ['seconds', '-1', 'time_not_text'],
    ['seconds', '"now"', 'time_invalid'],
    ['seconds', '"/Date(1718000000123)/"', 'time_invalid'],
    ['milliseconds', '"/Date(-1)/"', 'time_invalid'],
    ['milliseconds', '"/Date(17+02)/"', 'time_invalid'],
    ['seconds', '1e400', 'time_not_text'],
    ['seconds', 'true', 'time_not_text'],
    ['jackson', '[2024,2,30,6,13]', 'time_not_text'],
    ['jackson', '[2024,6]', 'time_not_text'],
    ['local-utc', '1718000000', 'time_not_text'],
    ['local-utc', '"2024-06-10"', 'time_invalid'],
    ['local-utc', '"2024-02-30T06:13:20"', 'time_invalid'],
    ['local-utc', '"2024-06-10T06:13:20[Europe/Berlin]"', 'time_invalid'],
    ['local-utc', '"2024-06-10 06:13:20 CET"', 'time_invalid'],
    ['local-utc', '"2024-06-10 06:13:20 +0200 UTC"', 'time_invalid'],
    ['local-utc', '"2024-06-10 06:13.5"', 'time_invalid'],
    ['nanoseconds', '638536975200000000', 'time_not_text'],
    ['nanoseconds', '"638536975200000000"', 'time_invalid'],
  ] as const)('%s refuses %s', (form, given, reason) => {
    expect(timeOf(form, given)).toBe(reason);
  });
});

describe('the source cloudevents', () => {
  const CE = [
    ['ce_specversion', '1.0'],
    ['ce_id', 'e1'],
    ['ce_source', '/s'],
  ] as const;

  it('fills fields that the body lacks from the attributes', () => {
    const bare = { orderStatus: 'CREATED' };
    const headers = [
      ...CE,
      ['ce_type', 'ORDER'],
      ['ce_time', ORDER_BODY.timestamp],
      ['ce_subject', 'order123'],
    ] as const;
    const event = read({ kind: 'cloudevents' }, { value: bare, headers });
    expect(event).toMatchObject({
      entityId: 'order123',
      eventId: 'e1',
      eventType: 'ORDER',
      occurredAtMs: 1743819990265,
    });
    const envelope = {
      ...ENVELOPE,
      type: 'ORDER',
      time: ORDER_BODY.timestamp,
      subject: 'order123',
      data: bare,
    };
    expect(read({ kind: 'cloudevents' }, { value: envelope, headers: STRUCTURED })).toEqual(event);
    // The type of the setting is for records that name none.
    expect(read({ kind: 'cloudevents', type: 'PAYMENT' }, { value: bare, headers })).toEqual(event);
  });

  it('leaves the fields that the body has', () => {
    const headers = [
      ...CE,
      ['ce_type', 'x'],
      ['ce_time', '2020-01-01T00:00:00Z'],
      ['ce_subject', 'y'],
    ] as const;
    expect(read({ kind: 'cloudevents' }, { headers })).toEqual(eventOf({ headers: [['ce_id', 'e1']] }));
  });
});

describe('the source connect-json', () => {
  it.each([connect(ORDER_BODY), connect(TEXT), TEXT, JSON.stringify(TEXT)])('reads %j', (value) => {
    expect(read({ kind: 'connect-json' }, { value, key: '{"schema":{},"payload":"order123"}' })).toEqual(
      eventOf({}),
    );
  });

  it('refuses what holds no event', () => {
    expect(read({ kind: 'connect-json' }, { value: connect(null) })).toMatch(/^value_missing: The payload/);
    expect(read({ kind: 'connect-json' }, { value: connect('{') })).toMatch(/^json_invalid/);
    expect(read({ kind: 'connect-json' }, { value: connect([1]) })).toMatch(/^body_not_object/);
  });

  it('keeps a text byte for byte', () => {
    const text =
      '{ "eventType":"ORDER","orderId":"order123","orderStatus":"CREATED","timestamp":"2025-04-05T02:26:30.265Z","n":1.0}';
    expect(read({ kind: 'connect-json' }, { value: connect(text) })).toMatchObject({ data: text });
  });
});

describe('the source debezium-outbox', () => {
  const outbox = (value: unknown, headers: RecordParts['headers'] = withId) =>
    read({ kind: 'debezium-outbox' }, { value: JSON.stringify(value), headers });
  const expected = eventOf({ headers: [['ce_id', 'outbox-1']] });

  it('reads the payload as an object, as a text, and with its schema', () => {
    for (const value of [ORDER_BODY, TEXT, connect(ORDER_BODY), connect(TEXT)])
      expect(outbox(value)).toEqual(expected);
  });

  it('reads the payload beside additional fields', () => {
    for (const payload of [UNTYPED, JSON.stringify(UNTYPED)]) {
      const event = outbox({ eventType: 'ORDER', aggregateType: 'order', payload });
      expect(event).toMatchObject({ eventId: 'outbox-1', eventType: 'ORDER', entityId: 'order123' });
      expect(outbox(connect({ type: 'ORDER', payload }))).toEqual(event);
    }
  });

  it('reads the type from a header if the body has none', () => {
    for (const name of ['eventType', 'type', 'event_type'])
      expect(outbox(UNTYPED, [...withId, [name, 'ORDER']])).toMatchObject({
        eventType: 'ORDER',
        eventId: 'outbox-1',
      });
    expect(outbox(ORDER_BODY, [...withId, ['type', 'OTHER']])).toEqual(expected);
  });

  it.each(['"outbox-1"', '{"schema":{"type":"string"},"payload":"outbox-1"}'])('reads the id %s', (id) => {
    expect(outbox(ORDER_BODY, [['id', id]])).toEqual(expected);
  });

  it('refuses a record without an id', () => {
    for (const headers of [[], [['id', null]], [['id', '']]] as const)
      expect(outbox(ORDER_BODY, headers)).toMatch(/^source_mismatch: The record has no header id/);
  });
});

describe('the source debezium-table', () => {
  const table = (change: object, key: string | null = '{"id":1}') =>
    read({ kind: 'debezium-table' }, { value: change, key });
  const change = (after: unknown, op = 'c') => ({ before: null, after, source: {}, op, ts_ms: 1 });
  const row = { id: 'outbox-1', aggregateid: 'order123', type: 'ORDER' };
  const expected = eventOf({ headers: [['ce_id', 'outbox-1']] });

  it('reads the payload of inserted rows and of snapshots', () => {
    const payloads = [ORDER_BODY, TEXT, Buffer.from(TEXT).toString('base64')];
    for (const payload of payloads)
      for (const op of ['c', 'r']) expect(table(change({ ...row, payload }, op))).toEqual(expected);
    expect(table(connect(change({ ...row, payload: TEXT })), null)).toEqual(expected);
    expect(table(change(JSON.stringify({ ...row, payload: TEXT })))).toEqual(expected);
  });

  it('takes the type from the row if the payload has none, and the row itself if it has no payload', () => {
    expect(table(change({ ...row, payload: UNTYPED }))).toMatchObject({
      eventType: 'ORDER',
      eventId: 'outbox-1',
    });
    expect(table(change(ORDER_BODY))).toEqual(eventOf({}));
  });

  it('refuses other changes, and what is no change', () => {
    for (const op of ['u', 'd', 't', 'm']) expect(table(change(row, op))).toMatch(/^change_not_insert/);
    expect(table(ORDER_BODY)).toMatch(/^source_mismatch: The body is no change event/);
    expect(table(change(null))).toMatch(/^source_mismatch: The row after the change is null/);
    expect(table(connect(null))).toMatch(/^value_missing/);
  });
});

describe('the source schema-registry', () => {
  const framed = (prefix: string, text = TEXT) =>
    Buffer.concat([Buffer.from(prefix, 'hex'), Buffer.from(text)]);

  it.each([
    ["Confluent's", '00000186a1'],
    ["Apicurio's, of 8 bytes", '000000000000000007'],
    ['with a GUID', '01b7b4a7f0a1b2c3d4e5f60718293a4b5c'],
    ["AWS Glue's", '0300b7b4a7f0a1b2c3d4e5f60718293a4b5c'],
    ['no prefix, as with the id in a header', ''],
  ])('reads JSON behind the prefix: %s', (_name, prefix) => {
    const headers = prefix === '' ? [] : [['content-type', 'application/x'] as const];
    const event = read({ kind: 'schema-registry' }, { value: framed(prefix), headers });
    expect(event).toEqual(eventOf({}));
  });

  it('refuses what is no JSON behind it', () => {
    expect(read({ kind: 'schema-registry' }, { value: framed('0000000007', '\u0006abc') })).toMatch(
      /^schema_registry_prefix: .*Avro/,
    );
    expect(read({ kind: 'schema-registry' }, { value: 'abc' })).toMatch(
      /^source_mismatch: The value begins with no/,
    );
  });
});
