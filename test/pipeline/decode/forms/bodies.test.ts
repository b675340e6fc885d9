import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { QuarantineReason } from '../../../../src/pipeline/decode/reasons.ts';
import { ENVELOPE, eventOf, ORDER_BODY, type RecordParts, recordOf, rejectionOf } from '../records.ts';

const { eventType: _, ...UNTYPED } = ORDER_BODY;
const TEXT = JSON.stringify(ORDER_BODY);
const CHANGE = {
  before: null,
  after: { order_id: 'order123' },
  source: { table: 'orders' },
  op: 'c',
  ts_ms: 1,
};

describe('a body that is no event', () => {
  it.each<[QuarantineReason, string, RecordParts]>([
    ['body_not_object', 'it is null', { value: 'null' }],
    ['body_not_object', 'it is a number', { value: '7' }],
    ['body_not_object', 'it is a text', { value: '"CREATED"' }],
    ['body_not_object', 'it is an array of 2, 1 of them events', { value: [ORDER_BODY, 7] }],
    ['body_not_object', "Jackson's default typing", { value: ['com.shop.OrderEvent', ORDER_BODY] }],
    [
      'cloudevents_batch_unsupported',
      'an array of 1 CloudEvents',
      { value: [{ ...ENVELOPE, data: ORDER_BODY }] },
    ],
    ['json_in_text', 'holds JSON: an event was serialized twice', { value: JSON.stringify(TEXT) }],
    ['json_in_text', 'serialized three times', { value: JSON.stringify(JSON.stringify(TEXT)) }],
    ['body_not_object', 'gzip in base64', { value: JSON.stringify(gzipSync(TEXT).toString('base64')) }],
    [
      'change_event',
      'a change of the schema',
      { value: { source: {}, ts_ms: 1, databaseName: 'shop', ddl: 'ALTER', tableChanges: [] } },
    ],
    [
      'change_event',
      'of a transaction',
      { value: { status: 'BEGIN', id: '7', event_count: null, data_collections: null } },
    ],
    ['json_in_text', 'JSON in base64', { value: JSON.stringify(Buffer.from(TEXT).toString('base64')) }],
    ['connect_envelope', 'its payload is an event', { value: { schema: {}, payload: ORDER_BODY } }],
    ['connect_envelope', 'a text that holds JSON: an event', { value: { schema: {}, payload: TEXT } }],
    ['connect_envelope', "Debezium's change event", { value: { schema: {}, payload: CHANGE } }],
    [
      'event_nested',
      'stands in the member payload',
      { value: { schema: {}, payload: ORDER_BODY, version: 1 } },
    ],
    ['connect_envelope', 'its payload is null', { value: { schema: null, payload: null } }],
    ['change_event', 'of an insert', { value: CHANGE }],
    ['change_event', 'of a row of a snapshot', { value: { ...CHANGE, op: 'r' } }],
    ['change_event', 'of an update', { value: { ...CHANGE, op: 'u' } }],
    ['change_event', 'of a delete', { value: { ...CHANGE, op: 'd' } }],
    [
      'change_event',
      'Maxwell',
      { value: { database: 'shop', table: 'orders', type: 'insert', ts: 1, data: {} } },
    ],
    [
      'change_event',
      'Canal',
      { value: { database: 's', table: 'o', type: 'INSERT', data: [], isDdl: false } },
    ],
    ['change_event', 'DynamoDB', { value: { eventName: 'MODIFY', dynamodb: { NewImage: {} } } }],
    ['change_event', 'a heartbeat of Debezium', { value: { ts_ms: 1718000000123 } }],
    ['event_nested', 'stands in the member data', { value: { type: 'ORDER', data: ORDER_BODY } }],
    [
      'event_nested',
      'the member Message, as a text that holds JSON',
      { value: { Type: 'n', Message: TEXT } },
    ],
    [
      'event_nested',
      'has an eventType, and its other fields stand in the member data.',
      { value: { eventType: 'ORDER', data: UNTYPED } },
    ],
    [
      'event_nested',
      'its other fields stand in one of its members.',
      { value: { eventType: 'ORDER', confidential: JSON.stringify(UNTYPED) } },
    ],
    [
      'field_missing',
      'has no field orderStatus',
      { value: { ...ORDER_BODY, orderStatus: undefined, data: UNTYPED } },
    ],
    ['event_nested', 'in one of its members', { value: { confidential: ORDER_BODY } }],
    [
      'event_nested',
      'an eventType of its own; the event stands in the member payload, as a text that holds JSON',
      { value: { eventType: 'ORDER', payload: JSON.stringify(ORDER_BODY) } },
    ],
    [
      'event_type_missing',
      'no field eventType (there is event_type)',
      { value: { ...UNTYPED, event_type: 'ORDER' } },
    ],
    [
      'event_type_missing',
      'no field eventType (there is EventType)',
      { value: { ...UNTYPED, EventType: 'ORDER' } },
    ],
    ['event_type_missing', 'there is type, which names a type', { value: { ...UNTYPED, type: 'ORDER' } }],
    [
      'event_type_missing',
      'the header eventType names the type',
      { value: UNTYPED, headers: [['eventType', 'ORDER']] },
    ],
    ['event_type_missing', 'the header ce_type names', { value: UNTYPED, headers: [['ce_type', '"ORDER"']] }],
    ['event_type_missing', 'which has to be one of ORDER, PAYMENT', { value: UNTYPED }],
    ['event_type_missing', "The body's eventType is null", { value: { ...ORDER_BODY, eventType: null } }],
    ['event_type_unknown', 'it differs in capitals', { value: { ...ORDER_BODY, eventType: 'Order' } }],
    [
      'field_missing',
      'no field orderId (there is order_id)',
      { value: { eventType: 'ORDER', order_id: 'order123' } },
    ],
    ['value_unknown', 'is CREATED in other capitals', { value: { ...ORDER_BODY, orderStatus: 'created ' } }],
    ['value_unknown', 'is a number, and none of CREATED', { value: { ...ORDER_BODY, orderStatus: 0 } }],
  ])('gets the reason %s: %s', (reason, words, parts) => {
    const { reason: given, detail } = rejectionOf(parts);
    expect([given, detail]).toEqual([reason, expect.stringContaining(words)]);
  });

  it('lists every allowed value of a status', () => {
    const { detail } = rejectionOf({ value: { ...ORDER_BODY, orderStatus: 'LOST' } });
    expect(detail).toBe('The field "/orderStatus" is a text, and none of CREATED.');
  });
});

describe('a CloudEvent that no content-type announces', () => {
  it('passes as one in structured mode', () => {
    const envelope = { ...ENVELOPE, data: ORDER_BODY, iodebeziumtxid: null };
    const announced = eventOf({
      value: envelope,
      headers: [['content-type', 'application/cloudevents+json']],
    });
    for (const name of ['content-type', 'Content-Type', 'contentType'])
      expect(eventOf({ value: envelope, headers: [[name, 'application/json']] })).toEqual(announced);
    expect(eventOf({ value: envelope })).toEqual(announced);
    expect(eventOf({ value: { ...envelope, specversion: 1 } })).toEqual(announced);
  });

  it('differs from an event that has such fields', () => {
    const event = eventOf({ value: { ...ORDER_BODY, ...ENVELOPE, data: 7 } });
    expect(event.data).toContain('specversion');
  });

  it('gets a reason that says what the envelope lacks', () => {
    const reasonOf = (value: object) => rejectionOf({ value }).reason;
    expect(reasonOf({ ...ENVELOPE, specversion: '0.3', data: ORDER_BODY })).toBe(
      'cloudevents_version_unsupported',
    );
    expect(reasonOf({ ...ENVELOPE, id: undefined, data: ORDER_BODY })).toBe('cloudevents_envelope_invalid');
    expect(reasonOf(ENVELOPE)).toBe('cloudevents_data_missing');
  });

  it('passes with its data as a text that holds JSON', () => {
    const text = JSON.stringify(ORDER_BODY, null, 1);
    const event = eventOf({ value: { ...ENVELOPE, data: text } });
    expect(event.data).toBe(text);
    expect(event.contentHash).toBe(eventOf({ value: { ...ENVELOPE, data: ORDER_BODY } }).contentHash);
  });
});

describe('a number beyond 2^53', () => {
  const withMember = (member: string) => `${TEXT.slice(0, -1)},${member}}`;

  it('stays in the data as it stands, where no field that is read has it', () => {
    const value = withMember('"shopId":7328465923847562342,"more":[{"ns":1793872800123456789}]');
    expect(eventOf({ value }).data).toBe(value);
  });

  it('counts digit by digit in the content hash, in any notation', () => {
    const hashOf = (number: string) => eventOf({ value: withMember(`"n":${number}`) }).contentHash;
    expect(hashOf('7328465923847562342')).toBe(hashOf('7328465923847562342.0'));
    expect(hashOf('7328465923847562342')).not.toBe(hashOf('7328465923847562343'));
  });

  it('stays as it stands in the data of an envelope', () => {
    const data = withMember('"shopId":7328465923847562342,"price":1.50');
    const value = `{"specversion":"1.0","id":"e1","source":"/s","type":"t","ns":1793872800123456789,"data":${data}}`;
    const event = eventOf({ value });
    expect(event.data).toBe(data.replace('1.50', '1.5'));
    expect(event.contentHash).toBe(eventOf({ value: data }).contentHash);
    const plain = value.replace('7328465923847562342', '7');
    expect(eventOf({ value: plain }).contentHash).toBe(
      eventOf({ value: withMember('"shopId":7,"price":1.5') }).contentHash,
    );
  });

  it('keeps a record out if it stands in a field that is read, which the detail names', () => {
    const { reason, detail } = rejectionOf({ value: withMember('"revision":9007199254740993') });
    expect([reason, detail]).toEqual([
      'number_out_of_range',
      expect.stringContaining('The field revision holds'),
    ]);
  });
});

describe('null in an optional field', () => {
  it('means that the field is absent', () => {
    const event = eventOf({ value: { ...ORDER_BODY, eventId: null, revision: null, coupon: null } });
    expect(event).toMatchObject({ eventId: eventOf({}).eventId, revision: null, position: 1 });
    expect(event.contentHash).not.toBe(eventOf({}).contentHash);
    expect(eventOf({ headers: [['ce_id', 'e1']], value: { ...ORDER_BODY, eventId: null } }).eventId).toBe(
      'e1',
    );
  });
});

describe('headers', () => {
  it('count without the quotes of JSON, if specversion stands in them', () => {
    const quoted = [
      ['ce_specversion', '"1.0"'],
      ['ce_id', '"e\\u00e9"'],
      ['content-type', '"application/json"'],
    ] as const;
    expect(eventOf({ headers: quoted }).eventId).toBe('e\u00e9');
    expect(eventOf({ headers: [['ce_id', '"e1"']] }).eventId).toBe('"e1"');
    expect(
      eventOf({
        headers: [
          ['ce_specversion', '1'],
          ['ce_id', 'e1'],
        ],
      }).eventId,
    ).toBe('e1');
  });

  it('count as absent if they are null', () => {
    const headers = ['ce_dataschema', 'ce_subject', 'ce_specversion', 'content-type'].map(
      (name) => [name, null] as const,
    );
    expect(eventOf({ headers })).toEqual(eventOf({}));
  });

  it('tell a CloudEvent without data from a tombstone', () => {
    const headers = [
      ['ce_specversion', '1.0'],
      ['ce_id', 'e1'],
    ] as const;
    expect(rejectionOf({ value: null, headers }).reason).toBe('cloudevents_data_missing');
    expect(rejectionOf({ value: '', headers }).reason).toBe('cloudevents_data_missing');
    expect(recordOf({ value: null }).value).toBeNull();
  });
});
