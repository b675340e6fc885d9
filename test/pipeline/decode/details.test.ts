import { describe, expect, it } from 'vitest';
import { orders } from '../../../src/orders/index.ts';
import { asBuffer, decodeUtf8, isUtf8Of } from '../../../src/pipeline/decode/bytes.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import { classifyContentType, headerBytesWithin } from '../../../src/pipeline/decode/headers.ts';
import {
  ENVELOPE,
  eventOf,
  ORDER_BODY,
  ORDER_SOURCE,
  ordersDecoder,
  PAYMENT_BODY,
  type RecordParts,
  recordOf,
  rejectionOf,
  STRUCTURED,
  TOPIC_NAMES,
} from './records.ts';

const structured = (envelope: object): RecordParts => ({ value: envelope, headers: STRUCTURED });
const withData = (more: object) => structured({ ...ENVELOPE, data: ORDER_BODY, ...more });
const typed = (datacontenttype: unknown) => withData({ datacontenttype });

describe('the detail of a rejection', () => {
  it.each<[string, RecordParts]>([
    ['The envelope is not an object.', structured([ORDER_BODY])],
    ['The CloudEvents specversion is not 1.0.', withData({ specversion: '0.3' })],
    ['The envelope has no id (a string).', withData({ id: 7 })],
    ['The envelope has no source (a string).', withData({ source: 7 })],
    ['The envelope has no source (a string).', withData({ source: '' })],
    ['The envelope has no type (a string).', withData({ type: null })],
    ['The envelope has no type (a string).', withData({ type: '' })],
    ['datacontenttype is not a string.', typed(7)],
    ['datacontenttype says that the data is an envelope again.', typed('application/cloudevents+json')],
    ['The record is a CloudEvent without data, and the data is the event.', structured(ENVELOPE)],
    ['The envelope has both data and data_base64.', withData({ data_base64: 'e30=' })],
    ['data_base64 is not a string.', structured({ ...ENVELOPE, data_base64: {} })],
    ['data_base64 is not valid base64.', structured({ ...ENVELOPE, data_base64: 'e30' })],
    [
      'The value is not valid JSON: it ends in the middle, so it was cut off.',
      structured({ ...ENVELOPE, data_base64: 'ew==' }),
    ],
    ['The header ce_id is null.', { headers: [['ce_id', null]] }],
    ['The header ce_id is not valid UTF-8.', { headers: [['ce_id', new Uint8Array([0xff])]] }],
    [
      'A CloudEvents header or content-type stands more than once.',
      {
        headers: [
          ['ce_type', 'a'],
          ['ce_type', 'a'],
        ],
      },
    ],
    ["The body's eventType is not one of ORDER, PAYMENT.", { value: { ...ORDER_BODY, eventType: 'REFUND' } }],
    [
      "The body's eventType is not one of ORDER, PAYMENT: it is a number.",
      { value: { ...ORDER_BODY, eventType: 7 } },
    ],
    ['Events of type PAYMENT belong on topic payments.v1.', { value: PAYMENT_BODY }],
    ['orderId is not 1 to 255 bytes of text.', { value: { ...ORDER_BODY, orderId: 'x'.repeat(256) } }],
    ["The key is not the body's orderId: it is another text.", { key: 'order124' }],
    [
      'timestamp is not a date and time with zone by RFC 3339: it is a date without a time.',
      { value: { ...ORDER_BODY, timestamp: '2025-04-05' } },
    ],
    [
      'timestamp is before 1970-01-01 or after 9999-12-31.',
      { value: { ...ORDER_BODY, timestamp: '1969-12-31T23:59:59.999Z' } },
    ],
    ["The body's eventId is not 1 to 255 bytes of text.", { value: { ...ORDER_BODY, eventId: '' } }],
    ['The CloudEvents id is not 1 to 255 bytes of text.', { headers: [['ce_id', 'x'.repeat(256)]] }],
    ['The CloudEvents id is not 1 to 255 bytes of text.', { headers: [['ce_id', '']] }],
  ])('the detail is: %s', (detail, parts) => {
    expect(rejectionOf(parts).detail).toBe(detail);
  });

  it('the place of a violation is named, and the value is not', () => {
    const { orderId: _, ...bare } = ORDER_BODY;
    expect(rejectionOf({ value: bare })).toMatchObject({
      reason: 'field_missing',
      detail: 'The body has no field orderId.',
    });
    expect(rejectionOf({ value: { ...ORDER_BODY, orderId: 4711 } })).toMatchObject({
      reason: 'field_type_wrong',
      detail: 'The field "/orderId" is a number, and must be string.',
    });
    expect(rejectionOf({ value: { ...ORDER_BODY, orderStatus: 'LOST' } })).toMatchObject({
      reason: 'value_unknown',
      detail: 'The field "/orderStatus" is a text, and none of CREATED.',
    });
  });

  it('the limits are named', () => {
    const small = ordersDecoder({ maxRecordBytes: 200, maxHeaderBytes: 50, maxEventIdBytes: 5 });
    const bodyBytes = JSON.stringify(ORDER_BODY).length + 'order123'.length;
    const header = (bytes: number): RecordParts => ({ headers: [['h', 'x'.repeat(bytes - 1)]] });
    expect(rejectionOf({ value: { ...ORDER_BODY, note: 'x'.repeat(200) } }, small)).toMatchObject({
      reason: 'record_too_large',
      detail: 'The record is over 200 bytes.',
    });
    expect(rejectionOf(header(51), small)).toMatchObject({
      reason: 'headers_too_large',
      detail: 'The headers are over 50 bytes together.',
    });
    const accepts = (parts: RecordParts, limits: { maxRecordBytes?: number; maxHeaderBytes?: number }) =>
      ordersDecoder(limits).decode(recordOf(parts), ORDER_SOURCE, 7).kind === 'event';
    expect(accepts(header(50), { maxHeaderBytes: 50 })).toBe(true);
    expect(accepts({}, { maxRecordBytes: bodyBytes })).toBe(true);
    expect(accepts({}, { maxRecordBytes: bodyBytes - 1 })).toBe(false);
    expect(accepts(header(20), { maxRecordBytes: bodyBytes + 20 })).toBe(true);
    expect(accepts(header(21), { maxRecordBytes: bodyBytes + 20 })).toBe(false);
    expect(rejectionOf({ value: { ...ORDER_BODY, eventId: 'abcdef' } }, small).detail).toBe(
      "The body's eventId is not 1 to 5 bytes of text.",
    );
    expect(rejectionOf({ value: { ...ORDER_BODY, a: [[]] } }, ordersDecoder({ maxDepth: 2 })).reason).toBe(
      'json_too_deep',
    );
    expect(accepts({ value: { ...ORDER_BODY, a: [] } }, {})).toBe(true);
  });
});

describe('an event that its domain does not understand', () => {
  const type = orders.eventTypes.ORDER as NonNullable<(typeof orders.eventTypes)['ORDER']>;
  const rejectionWith = (changed: Partial<typeof type>) => {
    const domain = { ...orders, eventTypes: { ORDER: { ...type, ...changed } } };
    return rejectionOf({}, createDecoder(domain, { topicNames: TOPIC_NAMES }));
  };
  const fails = () => {
    throw new Error('no');
  };

  it('the event is refused if a function of its type throws', () => {
    for (const changed of [{ toEvent: fails }, { stage: fails }, { cautionRank: fails }])
      expect(rejectionWith(changed)).toMatchObject({
        reason: 'event_not_understood',
        detail: 'The body is valid by its schema, but toEvent, stage or cautionRank of its type throws.',
      });
  });

  it('the event is refused if its place is no whole number', () => {
    for (const changed of [{ stage: () => 1.5 }, { cautionRank: () => Number.NaN }, { stage: () => 2 ** 53 }])
      expect(rejectionWith(changed)).toMatchObject({
        reason: 'event_not_understood',
        detail: 'The body is valid by its schema, but stage or cautionRank of its type is no whole number.',
      });
  });
});

describe('classifyContentType', () => {
  const kindOf = (contentType: string) => {
    const found = classifyContentType(contentType);
    return typeof found === 'string' ? found : found.reason;
  };

  it.each([
    ['application/json', 'body'],
    [' Application/JSON ; Charset = "UTF-8" ', 'body'],
    ['application/json;charset=utf8', 'body'],
    ['application/json;version=2;charset=utf-8', 'body'],
    ['application/json;charset=utf-16', 'content_type_unsupported'],
    ['application/json;x=1;charset="latin1"', 'content_type_unsupported'],
    ['application/json;mycharset=latin1', 'body'],
    ['application/vnd.a_b-c+json', 'body'],
    ['application/+json', 'content_type_unsupported'],
    ['application/a b+json', 'content_type_unsupported'],
    ['xapplication/a+json', 'content_type_unsupported'],
    ['application/a+jsonx', 'content_type_unsupported'],
    ['text/json', 'content_type_unsupported'],
    ['', 'content_type_unsupported'],
    ['application/cloudevents', 'structured'],
    ['application/cloudevents+json;charset=utf-8', 'structured'],
    ['application/cloudevents+json;charset=ascii', 'content_type_unsupported'],
    ['application/cloudevents-batch+json', 'cloudevents_batch_unsupported'],
  ])('the content type %j is read as %s', (contentType, kind) => {
    expect(kindOf(contentType)).toBe(kind);
  });

  it.each([
    ['text/plain; charset=UTF-8', /: it is text\/plain\.$/],
    ['application/octet-stream', /: it is application\/octet-stream\.$/],
    ['application/json;charset=ISO-8859-1', /: it names another character set\.$/],
    ['', /: it is empty\.$/],
    ['application/x-confidential', /\+json\)\.$/],
  ])('the detail of the content type %j says what it is', (contentType, detail) => {
    expect(classifyContentType(contentType)).toMatchObject({ detail: expect.stringMatching(detail) });
  });
});

describe('an envelope whose datacontenttype is text/plain', () => {
  const withText = (data: unknown, datacontenttype = 'text/plain; charset=utf-8') =>
    structured({ ...ENVELOPE, datacontenttype, data });

  it('holds an event if its data is a text with a JSON object, as Dapr writes it', () => {
    expect(eventOf(withText(JSON.stringify(ORDER_BODY)))).toMatchObject({
      entityId: 'order123',
      eventId: 'e1',
    });
  });

  it.each([
    ['a text without JSON', withText('created')],
    ['an object', withText(ORDER_BODY)],
    ['JSON under another type', withText(JSON.stringify(ORDER_BODY), 'text/xml')],
  ])('counts as no JSON with %s', (_what, parts) => {
    expect(rejectionOf(parts).reason).toBe('content_type_unsupported');
  });
});

describe('headerBytesWithin', () => {
  it('the bytes are exact if they are over the limit, and at most the limit otherwise', () => {
    const headers = [
      ['é', Buffer.from('abc')],
      [Buffer.from([0xff, 0xfe]), null],
    ] as const;
    expect(headerBytesWithin(headers, 0)).toBe(7);
    expect(headerBytesWithin(headers, 11)).toBe(7);
    expect(headerBytesWithin(headers, 12)).toBe(12);
    expect(headerBytesWithin([], 0)).toBe(0);
  });
});

describe('bytes', () => {
  it('a text is found in its UTF-8 form alone', () => {
    const is = (bytes: Uint8Array | string, text: string) =>
      isUtf8Of(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, text);
    expect([is('', ''), is('abc', 'abc'), is('aé😀', 'aé😀')]).toEqual([true, true, true]);
    expect([is('abcd', 'abc'), is('ab', 'abc'), is('abd', 'abc'), is('aéx', 'aé')]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(is(Buffer.from('é', 'latin1'), 'é')).toBe(false);
  });

  it('bytes that are no UTF-8 have no text', () => {
    expect(decodeUtf8(Buffer.from('a\u0000é😀'))).toBe('a\u0000é😀');
    expect(decodeUtf8(new Uint8Array([0x61, 0x7f]))).toBe('a\u007f');
    expect([decodeUtf8(new Uint8Array([0x80])), decodeUtf8(new Uint8Array([0x61, 0xc3]))]).toEqual([
      null,
      null,
    ]);
  });

  it('a Buffer is taken as it is, and other bytes in their part of the memory', () => {
    const buffer = Buffer.from('abc');
    expect(asBuffer(buffer)).toBe(buffer);
    const part = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
    expect([...asBuffer(part)]).toEqual([2, 3]);
  });
});

describe('the number of headers', () => {
  it.each([24, 25])('a name is found twice among %i headers, and other names may come twice', (count) => {
    const fill = (rest: number) => Array.from({ length: count - rest }, () => ['trace', 'x'] as const);
    const id = ['ce_id', 'a'] as const;
    expect(rejectionOf({ headers: [id, ...fill(2), id] }).reason).toBe('header_duplicate');
    expect(rejectionOf({ headers: [...fill(2), id, id] }).reason).toBe('header_duplicate');
    expect(eventOf({ headers: [['ce_type', 'b'], ...fill(2), id] }).eventId).toBe('a');
  });
});
