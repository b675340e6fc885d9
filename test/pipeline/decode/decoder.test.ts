import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import { orders } from '../../../src/orders/index.ts';
import { createDecoder, type Decoded } from '../../../src/pipeline/decode/decoder.ts';
import type { LogRecord, RecordHeader } from '../../../src/ports/event-log.ts';
import {
  decoder,
  ENVELOPE,
  eventOf,
  ORDER_BODY,
  ORDER_SOURCE,
  ordersDecoder,
  PAYMENT_BODY,
  PAYMENT_SOURCE,
  recordOf,
  rejectionOf,
  STRUCTURED,
  sha256,
  TOPIC_NAMES,
} from './records.ts';

describe('an event', () => {
  it('an event has its identity, its place in the sequence, its origin, and the body as received', () => {
    const value = JSON.stringify(PAYMENT_BODY);
    expect(eventOf({ value }, PAYMENT_SOURCE)).toEqual({
      entityId: 'order123',
      eventId: sha256('["PAYMENT","order123","PAYMENT_AUTHORIZED","2025-04-05T02:26:31.265Z",null]'),
      contentHash: sha256(value),
      position: 2,
      occurredAtMs: Date.UTC(2025, 3, 5, 2, 26, 31, 265),
      cautionRank: 0,
      eventType: 'PAYMENT',
      revision: null,
      observedAtMs: 7,
      topic: 'payments.v1',
      partition: 4,
      offset: 42n,
      data: value,
      event: { kind: 'payment_status_changed', status: 'PAYMENT_AUTHORIZED' },
    });
  });

  it('an event with a revision has it as its position', () => {
    expect(eventOf({ value: { ...ORDER_BODY, revision: 17 } })).toMatchObject({ position: 17, revision: 17 });
  });

  it('unknown fields stay in the data and in the content hash, and the fold does not see them', () => {
    const plain = eventOf({});
    const more = eventOf({ value: { ...ORDER_BODY, amount: 12.5, items: [{ b: 1, a: 2 }] } });
    expect(more.data).toContain('"items":[{"b":1,"a":2}]');
    expect(more.contentHash).not.toBe(plain.contentHash);
    expect(more.eventId).toBe(plain.eventId);
    expect(more.event).toEqual({ kind: 'order_created' });
  });

  it('an event has the same content hash for any spacing, sequence and escapes of its body', () => {
    const compact = eventOf({
      value:
        '{"eventType":"ORDER","orderId":"order123","orderStatus":"CREATED","n":1,"timestamp":"2025-04-05T02:26:30.265Z"}',
    });
    const spaced = eventOf({
      value: `{
        "timestamp" : "2025-04-05T02:26:30.265Z", "n": 1.0,
        "\\u006frderId": "order\\u0031\\u0032\\u0033",\t"orderStatus": "CREATED",  "eventType": "ORDER" }\r\n`,
    });
    expect(spaced.contentHash).toBe(compact.contentHash);
    expect(spaced.eventId).toBe(compact.eventId);
    expect(spaced.data).not.toBe(compact.data);
    expect(compact.contentHash).toBe(
      sha256(
        '{"eventType":"ORDER","n":1,"orderId":"order123","orderStatus":"CREATED","timestamp":"2025-04-05T02:26:30.265Z"}',
      ),
    );
  });

  it('a misspelt status stays in the data, and the fold sees the right one', () => {
    const event = eventOf(
      { value: { ...PAYMENT_BODY, paymentStatus: 'PAYMENT_AUHTORIZED' } },
      PAYMENT_SOURCE,
    );
    expect(event.data).toContain('PAYMENT_AUHTORIZED');
    expect(event.event).toEqual({ kind: 'payment_status_changed', status: 'PAYMENT_AUTHORIZED' });
  });

  it.each([
    'A1 ',
    ' ',
    '__proto__',
    'constructor',
    'toString',
    "'; DROP TABLE orders; --",
    '=HYPERLINK("x")',
    '<script>',
    'a\nb\u0000c',
    '\u202eabc',
    'zero\u200bwidth',
    '😀',
    'cafe\u0301',
    'caf\u00e9',
    '\ufeffx',
    'é'.repeat(127),
    'x'.repeat(255),
  ])('an event may have the id %j, byte for byte', (orderId) => {
    expect(eventOf({ value: { ...ORDER_BODY, orderId }, key: orderId }).entityId).toBe(orderId);
  });

  it('a body that names __proto__ is copied without harm', () => {
    const value = JSON.stringify(ORDER_BODY).replace('{', '{"__proto__":{"isAdmin":true},');
    const event = eventOf({ value });
    expect(event.data).toBe(value);
    expect(event.contentHash).toBe(sha256(value));
    expect(({} as Record<string, unknown>).isAdmin).toBeUndefined();
    expect((event as unknown as Record<string, unknown>).isAdmin).toBeUndefined();
  });

  it('a field that the body only inherits is not read', () => {
    const value = JSON.stringify(ORDER_BODY).replace('{', '{"__proto__":{"eventId":"x","revision":3},');
    expect(eventOf({ value })).toMatchObject({ revision: null, eventId: eventOf({}).eventId });
  });
});

describe('the id of an event', () => {
  const own = { ...ORDER_BODY, eventId: 'own' };

  it('the id is ce_id before eventId, and eventId before the hash of the meaningful fields', () => {
    expect(eventOf({ value: own, headers: [['ce_id', 'é😀']] }).eventId).toBe('é😀');
    expect(eventOf({ value: own }).eventId).toBe('own');
    expect(eventOf({}).eventId).toMatch(/^[0-9a-f]{64}$/);
  });

  it('the id stays the same for a change of other fields, and changes with the revision', () => {
    const ids = [{}, { note: 'x' }, { revision: 1 }, { revision: 2 }].map((more) => {
      return eventOf({ value: { ...ORDER_BODY, ...more } }).eventId;
    });
    expect(new Set(ids).size).toBe(3);
    expect(ids[0]).toBe(ids[1]);
  });

  it('an id of 255 bytes is accepted', () => {
    const eventId = `${'é'.repeat(127)}x`;
    expect(eventOf({ headers: [['ce_id', eventId]] }).eventId).toBe(eventId);
  });
});

describe('CloudEvents', () => {
  it('a CloudEvent in binary mode is the body with headers beside it', () => {
    const headers = [
      ['ce_specversion', '1.0'],
      ['ce_id', 'e1'],
      ['ce_source', '/shop'],
      ['ce_type', 'order'],
      ['content-type', 'application/json; charset="utf-8"'],
      ['traceparent', 'a'],
      ['traceparent', 'b'],
    ] as const;
    expect(eventOf({ headers })).toEqual({ ...eventOf({}), eventId: 'e1' });
    expect(eventOf({ headers: [['content-type', 'application/vnd.shop.order+json']] })).toEqual(eventOf({}));
  });

  it('a CloudEvent in structured mode is the same event as in binary mode', () => {
    const inData = eventOf({ value: { ...ENVELOPE, data: ORDER_BODY }, headers: STRUCTURED });
    const inBase64 = eventOf({
      value: { ...ENVELOPE, data_base64: Buffer.from(JSON.stringify(ORDER_BODY)).toString('base64') },
      headers: [...STRUCTURED, ['ce_id', 'not this one']],
    });
    const inBody = eventOf({ headers: [['ce_id', 'e1']] });
    expect(inData).toEqual(inBody);
    expect(inBase64).toEqual(inBody);
  });

  it('data that came in base64 keeps its text', () => {
    const spaced = JSON.stringify(ORDER_BODY, null, 2);
    const value = {
      ...ENVELOPE,
      datacontenttype: 'application/json',
      data_base64: Buffer.from(spaced).toString('base64'),
    };
    expect(eventOf({ value, headers: STRUCTURED }).data).toBe(spaced);
  });
});

describe('decode', () => {
  const bytes = fc.uint8Array({ maxLength: 300, size: 'max' });
  const header: fc.Arbitrary<RecordHeader> = fc.tuple<[string, Uint8Array | null]>(
    fc.oneof(fc.constantFrom('ce_id', 'ce_specversion', 'content-type', 'ce_type'), fc.string()),
    fc.option(
      fc.oneof(
        bytes,
        fc.constantFrom(...['1.0', 'application/cloudevents+json'].map((text) => Buffer.from(text))),
      ),
    ),
  );
  /** Good records with a few bytes changed get further than bytes by chance do. */
  const damaged = fc
    .tuple(
      fc.constantFrom(ORDER_BODY, { ...ENVELOPE, data: ORDER_BODY }),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
    )
    .map(([body, changes]) => {
      const value = Buffer.from(JSON.stringify(body));
      for (const [place, byte] of changes) value[place % value.length] = byte;
      return value;
    });

  /** What a verdict says, without the bytes, of which a clone is of another class. */
  const verdictOf = (decoded: Decoded<unknown>) =>
    decoded.kind === 'event' ? decoded.event : { ...decoded.record, key: null, value: null };

  it('decode never throws, and says the same of the same bytes', () => {
    const another = ordersDecoder();
    const record = fc.record({
      key: fc.option(fc.oneof(bytes, fc.constant(Buffer.from('order123')))),
      value: fc.option(fc.oneof(bytes, damaged)),
      headers: fc.array(header, { maxLength: 4 }),
    });
    fc.assert(
      fc.property(record, fc.constantFrom(ORDER_SOURCE, PAYMENT_SOURCE), (parts, source) => {
        const given: LogRecord = { offset: 1n, timestampMs: 0, ...parts };
        const decoded = decoder.decode(given, source, 7);
        expect(['event', 'rejected']).toContain(decoded.kind);
        expect(verdictOf(another.decode(structuredClone(given), source, 7))).toEqual(verdictOf(decoded));
      }),
      { numRuns: 3000 },
    );
  });

  it('decode agrees with JSON.parse on what is JSON, where no limit is hit', () => {
    const json = fc.json({ noUnicodeString: false, maxDepth: 5 });
    const spoilt = fc
      .tuple(json, fc.nat(), fc.constantFrom('"', '{', '}', ',', ':', '\\', '0', '-', 'e', '\n', 'x'))
      .map(([text, place, change]) => {
        const index = place % (text.length + 1);
        return text.slice(0, index) + change + text.slice(index);
      });
    const limits = ['json_too_deep', 'json_duplicate_key', 'number_out_of_range', 'text_not_well_formed'];
    fc.assert(
      fc.property(fc.oneof(json, spoilt), (text) => {
        const value = Buffer.from(text);
        const { reason } = rejectionOf({ value });
        let isJson = true;
        try {
          JSON.parse(value.toString());
        } catch {
          isJson = false;
        }
        if (!limits.includes(reason)) expect(reason === 'json_invalid').toBe(!isJson);
        else expect(isJson || reason === 'json_too_deep').toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('records whose bytes are no Buffer are decoded the same', () => {
    const record = recordOf({ headers: [['ce_id', 'e1']] });
    const plain = (view: Uint8Array | null) => view && Uint8Array.from(view);
    const copy: LogRecord = {
      ...record,
      key: plain(record.key),
      value: plain(record.value),
      headers: record.headers.map(([name, value]) => [name, plain(value)]),
    };
    expect(decoder.decode(copy, ORDER_SOURCE, 7)).toEqual(decoder.decode(record, ORDER_SOURCE, 7));
  });
});

describe('restore', () => {
  it('the decoded event comes back from what the journal keeps', () => {
    const events = [
      eventOf({}),
      eventOf(
        { value: { ...PAYMENT_BODY, paymentStatus: 'PAYMENT_AUHTORIZED', revision: 4 } },
        PAYMENT_SOURCE,
      ),
      eventOf({ value: { ...ENVELOPE, data: ORDER_BODY }, headers: STRUCTURED }),
    ];
    for (const decoded of events) {
      const { event: _, ...journaled } = decoded;
      expect(decoder.restore(journaled)).toEqual(decoded);
    }
  });

  it('the place in the sequence stays as it was journaled, even if the domain gives another today', () => {
    const { event: _, ...journaled } = eventOf({});
    expect(decoder.restore({ ...journaled, position: 9, cautionRank: 5, occurredAtMs: 1 })).toMatchObject({
      position: 9,
      cautionRank: 5,
      occurredAtMs: 1,
    });
  });

  it('an event type that the domain does not know is refused', () => {
    const { event: _, ...journaled } = eventOf({});
    expect(() => decoder.restore({ ...journaled, eventType: 'REFUND' })).toThrow(
      expect.objectContaining({ code: 'domain_invalid' }),
    );
  });
});

describe('createDecoder', () => {
  it('a domain that cannot work is refused with the reason', () => {
    const type = orders.eventTypes.ORDER;
    if (type === undefined) throw new Error('The domain has lost its event type');
    const attempts: [RegExp, () => unknown][] = [
      [
        /no topic is named for "payment_events"/,
        () => createDecoder(orders, { topicNames: { order_events: 'a' } }),
      ],
      [/letters, digits/, () => createDecoder({ ...orders, name: 'a b' }, { topicNames: TOPIC_NAMES })],
      [/no event types/, () => createDecoder({ ...orders, eventTypes: {} }, { topicNames: TOPIC_NAMES })],
      [
        /that of adopted rows/,
        () => createDecoder({ ...orders, eventTypes: { BASELINE: type } }, { topicNames: TOPIC_NAMES }),
      ],
      [
        /schema of "ORDER" is not valid/,
        () => {
          const eventTypes = { ORDER: { ...type, schema: { type: 'object', propertees: {} } } };
          return createDecoder({ ...orders, eventTypes }, { topicNames: TOPIC_NAMES });
        },
      ],
    ];
    for (const [message, attempt] of attempts) {
      expect(attempt).toThrow(TributaryError);
      expect(attempt).toThrow(message);
    }
  });

  it('the rules of a schema without a reason of their own give schema_invalid', () => {
    const type = orders.eventTypes.ORDER;
    if (type === undefined) throw new Error('The domain has lost its event type');
    const schema = { ...type.schema, maxProperties: 4 };
    const strict = createDecoder(
      { ...orders, eventTypes: { ORDER: { ...type, schema } } },
      { topicNames: TOPIC_NAMES },
    );
    const decoded = strict.decode(recordOf({ value: { ...ORDER_BODY, more: 1 } }), ORDER_SOURCE, 7);
    expect(decoded).toMatchObject({ kind: 'rejected', record: { reason: 'schema_invalid' } });
  });
});
