import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/core/domain.ts';
import {
  bodyThatIsNoObject,
  bodyWithoutType,
  changeForm,
  eventBesideType,
  isChangeEvent,
  isConnectEnvelope,
  looksLikeCloudEvent,
} from '../../../../src/pipeline/decode/forms/bodies.ts';
import type { LoggedHeader } from '../../../../src/ports/event-log.ts';

const KNOWN = new Set(['ORDER', 'PAYMENT']);
const EVENT = { eventType: 'ORDER', orderId: 'a' };
const ENVELOPE = { specversion: '1.0', id: 'e', source: '/s' };
const said = ({ reason, detail }: { reason: string; detail: string }) => `${reason}: ${detail}`;
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a value that is no object', () => {
  const of = (value: JsonValue) => said(bodyThatIsNoObject(value, KNOWN));
  const not = (form: string) => `body_not_object: The body is JSON, but not an object: it is ${form}.`;
  const twice = (what: string) =>
    `json_in_text: The body is a text that holds JSON: ${what} was serialized twice.`;
  const THRICE =
    'json_in_text: The body is a text that holds JSON in a text: it was serialized three times or more.';
  const IN_BASE64 = 'json_in_text: The body is a text that holds JSON in base64, as bytes become in JSON.';

  it.each<[JsonValue, string]>([
    [null, not('null')],
    [7, not('a number')],
    [true, not('a boolean')],
    ['CREATED', not('a text')],
    ['', not('a text')],
    ['7', not('a text')],
    ['null', not('a text')],
    [JSON.stringify('plain'), not('a text')],
    [JSON.stringify('x{'), not('a text')],
    [JSON.stringify(EVENT), twice('an event')],
    [JSON.stringify({ eventType: 'REFUND' }), twice('an object')],
    [JSON.stringify({ eventType: 7 }), twice('an object')],
    [JSON.stringify([EVENT]), twice('an array')],
    [JSON.stringify(JSON.stringify(EVENT)), THRICE],
    [JSON.stringify(' [1]'), THRICE],
    [JSON.stringify('"a"'), THRICE],
    [gzipSync('{}').toString('base64'), not('a text that holds gzip in base64')],
    ['H4sIAAAA', not('a text that holds gzip in base64')],
    ['xH4sIAAAA', not('a text')],
    ['H4sIAAAA!', not('a text')],
    [base64('{"a":1}'), IN_BASE64],
    [base64('{"a":1 }'), IN_BASE64],
    [base64('[1,2,3]'), IN_BASE64],
    [base64('123456'), IN_BASE64],
    [base64('1234567'), IN_BASE64],
    [base64('12345'), not('a text')],
    [base64('{}'), not('a text')],
    [`!${base64('{"a":1}')}`, not('a text')],
    [`${base64('{"a":1}')}!`, not('a text')],
    [base64('{"a":'), not('a text')],
    [[], not('an array of 0')],
    [[1, 2], not('an array of 2')],
    [[EVENT, EVENT, 7], not('an array of 3, 2 of them events')],
    [
      ['com.shop.Order', EVENT],
      not("an array of a class name and an object, as Jackson's default typing writes it"),
    ],
    [['com.shop.Order', EVENT, EVENT], not('an array of 3, 2 of them events')],
    [['a', 'b'], not('an array of 2')],
    [[7, EVENT], not('an array of 2, 1 of them events')],
    [[ENVELOPE], 'cloudevents_batch_unsupported: The value is an array of 1 CloudEvents (a batch).'],
    [
      [ENVELOPE, ENVELOPE],
      'cloudevents_batch_unsupported: The value is an array of 2 CloudEvents (a batch).',
    ],
    [[ENVELOPE, EVENT], not('an array of 2, 1 of them events')],
  ])('%j is refused: %s', (value, refusal) => {
    expect(of(value)).toBe(refusal);
  });
});

describe('looksLikeCloudEvent', () => {
  it.each<[JsonValue, boolean]>([
    [ENVELOPE, true],
    [{ specversion: 1, type: 't', data: 1 }, true],
    [{ specversion: '1.0', data_base64: 'e30=', id: 'e' }, true],
    [{ specversion: '1.0', source: '/s', type: 't' }, true],
    [{ specversion: '1.0', id: 'e' }, false],
    [{ specversion: true, id: 'e', source: '/s' }, false],
    [{ id: 'e', source: '/s', type: 't' }, false],
    [[ENVELOPE], false],
    ['1.0', false],
    [null, false],
  ])('%j: %s', (value, looks) => {
    expect(looksLikeCloudEvent(value)).toBe(looks);
  });
});

describe('a body without a type that is known', () => {
  const of = (body: JsonObject, headers: readonly LoggedHeader[] = []) =>
    said(bodyWithoutType(body, headers, KNOWN));
  const header = (name: LoggedHeader[0], value: string | null): LoggedHeader => [
    name,
    value === null ? null : Buffer.from(value),
  ];
  const missing = (detail: string) => `event_type_missing: The body has no field eventType${detail}.`;
  const ONE_OF = missing(', which has to be one of ORDER, PAYMENT');

  it.each<[JsonValue, string]>([
    ['REFUND', ''],
    [7, ': it is a number'],
    [[], ': it is an array'],
    ['order', ': it differs in capitals, hyphens or underscores'],
    ['PAY_MENT', ': it differs in capitals, hyphens or underscores'],
  ])('has the type %j%s', (eventType, because) => {
    expect(of({ eventType })).toBe(
      `event_type_unknown: The body's eventType is not one of ORDER, PAYMENT${because}.`,
    );
  });

  it.each<[JsonObject, string]>([
    [{}, ONE_OF],
    [{ a: 1 }, ONE_OF],
    [{ event_type: 'x' }, missing(' (there is event_type)')],
    [{ type: 'ORDER' }, missing(' (there is type, which names a type)')],
    [{ event: 'ORDER' }, missing(' (there is event, which names a type)')],
    [{ kind: 'PAYMENT' }, missing(' (there is kind, which names a type)')],
    [{ event_name: 'ORDER' }, missing(' (there is event_name, which names a type)')],
    [{ name: 'ORDER' }, missing(' (there is name, which names a type)')],
    [{ type: 'REFUND', name: 7 }, ONE_OF],
    [
      { eventType: null },
      "event_type_missing: The body's eventType is null, which has to be one of ORDER, PAYMENT.",
    ],
    [
      { eventType: null, EventType: 'x' },
      "event_type_missing: The body's eventType is null (there is EventType).",
    ],
    [{ data: EVENT }, 'event_nested: The body has no field eventType; the event stands in the member data.'],
    [
      { Order: EVENT },
      'event_nested: The body has no field eventType; the event stands in the member Order.',
    ],
    [
      { secret: EVENT },
      'event_nested: The body has no field eventType; the event stands in one of its members.',
    ],
    [
      { body: ` ${JSON.stringify(EVENT)}` },
      'event_nested: The body has no field eventType; the event stands in the member body, as a text that holds JSON.',
    ],
    [{ body: '{' }, ONE_OF],
    [{ body: { eventType: 'REFUND' } }, ONE_OF],
  ])('%j is refused: %s', (body, refusal) => {
    expect(of(body)).toBe(refusal);
  });

  it('counts as an event around one that stands among its first 100 members', () => {
    const members = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, index]));
    expect(of({ ...members(99), x: EVENT })).toMatch(/^event_nested/);
    expect(of({ ...members(100), x: EVENT })).toBe(ONE_OF);
    const inner = { eventType: 'ORDER', ...members(98), x: { orderId: 'a' } };
    expect(eventBesideType(inner, KNOWN, 'orderId')?.reason).toBe('event_nested');
    expect(eventBesideType({ ...members(100), x: { orderId: 'a' } }, KNOWN, 'orderId')).toBeNull();
  });

  it.each([
    ['eventType', 'ORDER', 'eventType'],
    ['Event-Type', '"ORDER"', 'Event-Type'],
    ['type', 'PAYMENT', 'type'],
    ['ce_type', 'ORDER', 'ce_type'],
  ])('names it in the header %s: %s', (name, value, shown) => {
    expect(of({}, [header('trace', 'ORDER'), header(name, value)])).toBe(
      missing(`; the header ${shown} names the type`),
    );
  });

  it.each<LoggedHeader>([
    header('eventType', 'REFUND'),
    header('eventType', null),
    header('eventType', 'xORDER'),
    header('eventType', 'x"ORDER"'),
    header('eventType', '"ORDER"x'),
    header('eventType', `"${'x'.repeat(254)}"`),
    header(Buffer.from('eventType'), 'ORDER'),
    header('topic', 'ORDER'),
    ['eventType', Buffer.from([0xff])],
  ])('names none in the header %#', (...given) => {
    expect(of({}, [given as unknown as LoggedHeader])).toBe(ONE_OF);
  });

  it('looks at headers of up to 255 bytes', () => {
    const long = 'T'.repeat(255);
    const refusal = (name: string) => bodyWithoutType({}, [header('type', name)], new Set([name])).detail;
    expect(refusal(long)).toContain('the header type names the type');
    expect(refusal(`${long}T`)).not.toContain('header');
  });
});

describe('the envelope of Kafka Connect', () => {
  const payload = (value: JsonValue) => said(bodyWithoutType({ schema: {}, payload: value }, [], KNOWN));
  const is = (form: string) =>
    `connect_envelope: The body is Kafka Connect's envelope, schema and payload; its payload is ${form}.`;

  it.each<[JsonValue, string]>([
    [EVENT, 'an event'],
    [{ a: 1 }, 'an object'],
    [{ op: 'c', after: {}, ts_ms: 1 }, "Debezium's change event (before, after, op, source) of an insert"],
    ['x', 'a text'],
    [JSON.stringify(EVENT), 'a text that holds JSON: an event'],
    ['[1]', 'a text that holds JSON: an array'],
    [null, 'null'],
    [[], 'an array'],
  ])('holds %j', (value, form) => {
    expect(payload(value)).toBe(is(form));
  });

  it('consists of two members and no other', () => {
    expect(isConnectEnvelope({ schema: {}, payload: {} })).toBe(true);
    expect(isConnectEnvelope({ schema: {}, payload: {}, more: 1 })).toBe(false);
    expect(isConnectEnvelope({ schema: {}, other: 1 })).toBe(false);
    expect(isConnectEnvelope({ payload: {}, other: 1 })).toBe(false);
  });
});

describe('a change event', () => {
  it.each<[JsonObject, boolean]>([
    [{ op: 'c', before: null, source: {} }, true],
    [{ op: 'c', after: {}, ts_ms: 1 }, true],
    [{ op: 'c', after: {} }, false],
    [{ op: 'c', source: {} }, false],
    [{ op: 7, after: {}, source: {} }, false],
    [{ after: {}, source: {} }, false],
  ])('of Debezium is %j: %s', (body, is) => {
    expect(isChangeEvent(body)).toBe(is);
  });

  it.each([
    ['c', 'an insert'],
    ['x', 'another operation'],
  ])('of Debezium names its operation: %s', (op, name) => {
    expect(changeForm({ op, after: {}, source: {} })).toBe(
      `Debezium's change event (before, after, op, source) of ${name}`,
    );
  });

  it('counts as a heartbeat if it holds a time alone', () => {
    expect(changeForm({ ts_ms: 1 })).toBe('a heartbeat of Debezium');
    expect(changeForm({ ts_ms: 1, a: 2 })).toBeNull();
    expect(changeForm({ a: 2 })).toBeNull();
  });

  it('of another program has all of its fields', () => {
    expect(changeForm({ eventName: 'MODIFY', dynamodb: {} })).toBe('a change event of DynamoDB');
    expect(changeForm({ eventName: 'MODIFY' })).toBeNull();
    expect(said(bodyWithoutType({ eventName: 'MODIFY', dynamodb: {} }, [], KNOWN))).toBe(
      'change_event: The body is a change event of DynamoDB, and not an event.',
    );
  });
});

describe('a body with a type beside its event', () => {
  const of = (body: JsonObject) => {
    const found = eventBesideType(body, KNOWN, 'orderId');
    return found === null ? null : said(found);
  };

  it.each<[JsonObject, string | null]>([
    [
      { eventType: 'ORDER', payload: EVENT },
      'event_nested: The body has an eventType of its own; the event stands in the member payload.',
    ],
    [
      { eventType: 'ORDER', orderId: 'a', payload: EVENT },
      'event_nested: The body has an eventType of its own; the event stands in the member payload.',
    ],
    [
      { eventType: 'ORDER', DATA: { orderId: 'a' } },
      'event_nested: The body has an eventType, and its other fields stand in the member DATA.',
    ],
    [
      { eventType: 'ORDER', x: '{"orderId":"a"}' },
      'event_nested: The body has an eventType, and its other fields stand in one of its members.',
    ],
    [{ eventType: 'ORDER', orderId: 'a', data: { orderId: 'a' } }, null],
    [{ eventType: 'ORDER', data: { other: 'a' } }, null],
    [{ eventType: 'ORDER', data: ['orderId'] }, null],
  ])('%j: %s', (body, refusal) => {
    expect(of(body)).toBe(refusal);
  });
});
