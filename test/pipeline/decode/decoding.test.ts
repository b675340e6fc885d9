import { describe, expect, it } from 'vitest';
import type { Domain, EventType } from '../../../src/core/domain.ts';
import { orders } from '../../../src/orders/index.ts';
import { createDecoder, type DecoderOptions } from '../../../src/pipeline/decode/decoder.ts';
import { EventPack, PackedEvent } from '../../../src/ports/packed-event.ts';
import type { ValueSchemas } from '../../../src/ports/value-schemas.ts';
import {
  decoder,
  ENVELOPE,
  eventOf,
  ORDER_BODY,
  ORDER_SOURCE,
  ordersDecoder,
  PAYMENT_BODY,
  PAYMENT_SOURCE,
  type RecordParts,
  recordOf,
  rejectionOf,
  sha256,
} from './records.ts';

const TEXT = JSON.stringify(ORDER_BODY);

describe('decodeInto', () => {
  const pack = () => new EventPack(ORDER_SOURCE, 7, 4, Buffer.alloc(64));

  it.each<RecordParts>([
    {},
    { value: { ...ORDER_BODY, revision: 3, eventId: 'own' } },
    { headers: [['traceparent', `00-${'a1'.repeat(16)}-${'b2'.repeat(8)}-01`]] },
    { value: { ...ENVELOPE, data: ORDER_BODY } },
    { value: TEXT.replace('order123', 'ord\u00e9r'), key: 'ord\u00e9r' },
  ])('puts into the pack what decode answers: %j', (parts) => {
    const packed = decoder.decodeInto(pack(), recordOf(parts));
    const { event, ...journaled } = eventOf(parts);
    if (!(packed instanceof PackedEvent)) throw new Error(packed.detail);
    expect(packed).toMatchObject({ ...journaled, event });
    expect(packed.trace).toEqual(journaled.trace);
  });

  it('answers with the record for quarantine, and leaves the pack as it is', () => {
    const target = pack();
    expect(decoder.decodeInto(target, recordOf({ value: '{' }))).toEqual(rejectionOf({ value: '{' }));
    const first = decoder.decodeInto(target, recordOf({}));
    expect(first instanceof PackedEvent && first.index).toBe(0);
  });

  it('asks the source of the topic', () => {
    const outbox = ordersDecoder({ sources: { [ORDER_SOURCE.topic]: { kind: 'debezium-outbox' } } });
    expect(outbox.decodeInto(pack(), recordOf({ headers: [['id', 'e9']] }))).toMatchObject({ eventId: 'e9' });
  });
});

describe('a record without what an event needs', () => {
  const CE = [['ce_id', 'e1']] as const;

  it.each<[string, string, RecordParts]>([
    ['value_missing', 'The value is null (a tombstone).', { value: null }],
    ['value_empty', 'The value has no bytes.', { value: '' }],
    ['key_missing', 'The key is null.', { key: null }],
    ['key_missing', 'The key has no bytes.', { key: '' }],
    [
      'cloudevents_data_missing',
      'The record is a CloudEvent without data, and the data is the event.',
      { value: null, headers: CE },
    ],
    [
      'cloudevents_data_missing',
      'The record is a CloudEvent without data, and the data is the event.',
      { value: '', headers: CE },
    ],
    [
      'revision_invalid',
      'The revision is not a positive integer.',
      { value: { ...ORDER_BODY, revision: 0 } },
    ],
    [
      'revision_invalid',
      'The revision is not a positive integer.',
      { value: { ...ORDER_BODY, revision: 1.5 } },
    ],
    [
      'revision_invalid',
      'The revision is not a positive integer: it is a text.',
      { value: { ...ORDER_BODY, revision: '1' } },
    ],
    [
      'number_out_of_range',
      'The field revision holds a number beyond 9007199254740991 in magnitude, which is read as a double and would change.',
      { value: TEXT.replace('}', ',"revision":9007199254740993}') },
    ],
    [
      'entity_id_invalid',
      'orderId is not 1 to 255 bytes of text.',
      { value: { ...ORDER_BODY, orderId: '' } },
    ],
    ['byte_order_mark', 'The value starts with a byte order mark.', { value: `\ufeff${TEXT}` }],
    ['json_too_deep', 'Arrays and objects stand inside each other too deeply.', { value: '['.repeat(65) }],
    [
      'nul_byte',
      'The value holds a NUL byte, so it is not valid JSON.',
      { value: TEXT.replace('order123', 'a\0b') },
    ],
    [
      'text_not_well_formed',
      'A text holds a lone surrogate, so it has no UTF-8 form.',
      { value: TEXT.replace('order123', '\\ud800') },
    ],
    [
      'json_duplicate_key',
      'An object names a member more than once.',
      { value: TEXT.replace('{', '{"a":1,"a":1,') },
    ],
  ])('is refused: %s, %s', (reason, detail, parts) => {
    expect(rejectionOf(parts)).toMatchObject({ reason, detail });
  });

  it('tells a byte order mark from bytes that begin like one', () => {
    for (const bytes of ['ef', 'efbb', 'efbbbe', 'efbfbf', 'eebbbf'])
      expect(
        rejectionOf({ value: Buffer.concat([Buffer.from(bytes, 'hex'), Buffer.from(TEXT)]) }).reason,
      ).not.toBe('byte_order_mark');
  });
});

describe('the limits without a setting', () => {
  const isEvent = (parts: RecordParts) => decoder.decode(recordOf(parts), ORDER_SOURCE, 7).kind === 'event';
  const reasonOf = (parts: RecordParts) => rejectionOf(parts).reason;

  it('allow 1 MiB for a record, and 64 KiB for its headers', () => {
    const record = (bytes: number) => {
      const empty = JSON.stringify({ ...ORDER_BODY, note: '' }).length + 'order123'.length;
      return { value: { ...ORDER_BODY, note: 'x'.repeat(bytes - empty) } };
    };
    expect(isEvent(record(1024 * 1024))).toBe(true);
    expect(reasonOf(record(1024 * 1024 + 1))).toBe('record_too_large');
    const headers = (bytes: number): RecordParts => ({ headers: [['h', 'x'.repeat(bytes - 1)]] });
    expect(isEvent(headers(64 * 1024))).toBe(true);
    expect(reasonOf(headers(64 * 1024 + 1))).toBe('headers_too_large');
    const keyless = ordersDecoder({ acceptsMissingKeys: true, maxRecordBytes: TEXT.length });
    expect(keyless.decode(recordOf({ key: null }), ORDER_SOURCE, 7).kind).toBe('event');
  });

  it('allow 64 levels of arrays and objects, and 255 bytes of an id', () => {
    const nested = (levels: number) => ({
      value: TEXT.replace('}', `,"n":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`),
    });
    expect(isEvent(nested(64))).toBe(true);
    expect(reasonOf(nested(65))).toBe('json_too_deep');
    const named = (eventId: string) => ({ value: { ...ORDER_BODY, eventId } });
    expect(isEvent(named('x'.repeat(255)))).toBe(true);
    expect(reasonOf(named('x'.repeat(256)))).toBe('event_id_invalid');
    expect(isEvent(named('\u4e2d'.repeat(85)))).toBe(true);
    expect(reasonOf(named('\u4e2d'.repeat(86)))).toBe('event_id_invalid');
  });

  it('hold for the bytes of the headers as they are, and not for more', () => {
    const bytes = TEXT.length + 'order123'.length;
    const under = (maxRecordBytes: number) =>
      ordersDecoder({ maxRecordBytes }).decode(
        recordOf({
          headers: [
            ['long-name', 'x'],
            ['n', null],
          ],
        }),
        ORDER_SOURCE,
        7,
      ).kind;
    expect([under(bytes + 11), under(bytes + 10)]).toEqual(['event', 'rejected']);
  });
});

describe('restore of a baseline event', () => {
  const journaled = { ...eventOf({}), eventType: 'BASELINE', data: '{"orderStatus":"CREATED"}' };

  it('asks the adoption of the domain, and no other type', () => {
    const adoption = { eventType: 'BASELINE', toEvent: (body: object) => ({ baseline: body }) };
    const adopting = createDecoder({ ...orders, adoption } as never, {
      topicNames: { order_events: 'a', payment_events: 'b' },
    });
    expect(adopting.restore(journaled)).toEqual({
      ...journaled,
      event: { baseline: { orderStatus: 'CREATED' } },
    });
    const { event } = adopting.restore({ ...eventOf({}) });
    expect(event).toEqual({ kind: 'order_created' });
  });

  it('fails in a domain that has none', () => {
    const { adoption: _none, ...plain } = orders;
    const other = createDecoder(plain, { topicNames: { order_events: 'a', payment_events: 'b' } });
    expect(() => other.restore(journaled)).toThrow(
      'The journal holds an event of type "BASELINE" (order_events/3 at offset 42) that the domain orders does not know. Give it back its definition.',
    );
  });
});

/** Two types of events on two topics, each with fields of its own. */
const thing = (
  topic: string,
  entityIdField: string,
  more: Partial<EventType<object>> = {},
): EventType<object> => ({
  topic,
  schema: {
    type: 'object',
    required: [],
    properties: { [entityIdField]: { type: 'string' }, at: { type: 'string' } },
  },
  entityIdField,
  occurredAtField: 'at',
  toEvent: (body) => body,
  stage: () => 4,
  cautionRank: () => 2,
  ...more,
});

function thingsDecoder(types: Record<string, EventType<object>>, options: Partial<DecoderOptions> = {}) {
  const domain: Domain<object, object> = {
    name: 'things',
    eventTypes: types,
    initialState: {},
    evolve: (state) => state,
    view: { table: 'things', keyColumn: 'id', columns: [], row: () => [], isReady: () => false },
  };
  return createDecoder(domain, { topicNames: { a: 'a', b: 'b' }, ...options });
}

describe('a domain with types of its own', () => {
  const at = '2026-01-01T00:00:00Z';
  const decode = (
    decoder: ReturnType<typeof thingsDecoder>,
    value: object | string,
    topic = 'a',
    key = 'k1',
  ) => {
    const decoded = decoder.decode(recordOf({ value, key }), { topic, partition: 0 }, 7);
    return decoded.kind === 'event' ? decoded.event : `${decoded.record.reason}: ${decoded.record.detail}`;
  };

  it('takes the content hash for the id of an event whose type names no meaningful fields', () => {
    const body = { at, eventType: 'A', x: 'k1' };
    const event = decode(thingsDecoder({ A: thing('a', 'x') }), body);
    expect(event).toMatchObject({
      entityId: 'k1',
      eventId: sha256(JSON.stringify(body)),
      contentHash: sha256(JSON.stringify(body)),
      position: 4,
      cautionRank: 2,
    });
  });

  it('takes the hash of the meaningful fields for the id, whatever their values are', () => {
    const decoder = thingsDecoder({ A: thing('a', 'x', { meaningfulFields: ['x', 'n', 'o', 'none'] }) });
    const id = (value: string) => (decode(decoder, value) as { eventId: string }).eventId;
    const meaning = sha256('["A","k1",1,{"a":2,"b":"\\""},null]');
    expect(id(`{"eventType":"A","at":"${at}","x":"k1","n":1,"o":{"b":"\\"","a":2}}`)).toBe(meaning);
    expect(
      id(`{"eventType":"A", "at":"${at}","x":"\\u006b1","n":1.0,"o":{"a":2,"b":"\\u0022"},"none":null}`),
    ).toBe(meaning);
  });

  it('takes attributes beside the body for the fields of the types of the topic', () => {
    const sources = { a: { kind: 'cloudevents' }, b: {} } as const;
    const decoder = thingsDecoder({ A: thing('a', 'x'), B: thing('b', 'y') }, { sources });
    const envelope = { ...ENVELOPE, type: 'A', subject: 'k1', time: at, data: {} };
    expect(decode(decoder, envelope)).toMatchObject({ entityId: 'k1', eventId: 'e1', eventType: 'A' });
    expect(decode(decoder, { eventType: 'B', y: 'k1', at }, 'b')).toMatchObject({ entityId: 'k1' });
    expect(decode(decoder, envelope, 'b')).toMatch(/^event_type_missing: /);
  });

  it('refuses a time that is no text, where the schema asks for none', () => {
    const schema = { type: 'object', properties: { x: { type: 'string' } } };
    const decoder = thingsDecoder({ A: thing('a', 'x', { schema }) });
    expect(decode(decoder, { eventType: 'A', x: 'k1', at: 7 })).toMatch(/^time_not_text: at is a number/);
    expect(decode(decoder, { eventType: 'A', x: 'k1' })).toMatch(/^time_not_text: at is null/);
    expect(decode(decoder, { eventType: 'A', x: 'k1', at: '1' })).toMatch(/^time_invalid: at /);
    expect(decode(decoder, { eventType: 'A', at })).toMatch(/^entity_id_invalid: x /);
    expect(decode(decoder, { eventType: 'A', x: 7, at }, 'a', '7')).toMatch(/^field_type_wrong/);
    const free = thingsDecoder({ A: thing('a', 'x', { schema: {} }) });
    expect(decode(free, { eventType: 'A', x: 7, at }, 'a', '7')).toMatch(/^entity_id_invalid: x /);
  });

  it('takes large numbers in the fields that it does not read', () => {
    const decoder = thingsDecoder({ A: thing('a', 'x') });
    const value = `{"at":"${at}","eventType":"A","other":9007199254740993,"x":"k1"}`;
    expect(decode(decoder, value)).toMatchObject({ contentHash: sha256(value), data: value });
    expect(decode(decoder, value.replace('other', 'eventId'))).toMatch(
      /^number_out_of_range: The field eventId /,
    );
  });
});

describe('the key of a record', () => {
  const sources = { [ORDER_SOURCE.topic]: { key: 'ignore' } } as const;

  it('counts on a topic without a source, also beside one whose keys are ignored', () => {
    const decoder = ordersDecoder({ sources });
    const payment = decoder.decode(recordOf({ value: PAYMENT_BODY, key: null }), PAYMENT_SOURCE, 7);
    expect(payment).toMatchObject({ record: { reason: 'key_missing' } });
    expect(decoder.decode(recordOf({ key: 'x' }), ORDER_SOURCE, 7).kind).toBe('event');
    expect(decoder.decodePlain(recordOf({ key: 'x' }), ORDER_SOURCE, 7)).toMatchObject({
      record: { reason: 'key_not_entity_id' },
    });
  });
});

describe('prepare', () => {
  it('waits for the schemas of the source of the topic', async () => {
    const asked: string[][] = [];
    const schemas = {
      prepare: async (names: ReadonlySet<string>) => {
        asked.push([...names]);
      },
    } as unknown as ValueSchemas;
    const decoder = ordersDecoder({
      schemas,
      sources: { [ORDER_SOURCE.topic]: { kind: 'schema-registry' } },
    });
    const record = recordOf({ value: Buffer.from('0000000007616263', 'hex') });
    const waiting = decoder.prepare([record], ORDER_SOURCE.topic);
    expect(waiting).toBeInstanceOf(Promise);
    await waiting;
    expect(asked).toEqual([['7']]);
    expect(decoder.prepare([record], PAYMENT_SOURCE.topic)).toBeNull();
  });
});
