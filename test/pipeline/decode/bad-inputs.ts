import { gzipSync } from 'node:zlib';
import type { QuarantineReason } from '../../../src/pipeline/decode/reasons.ts';
import { ENVELOPE, type RecordParts } from './records.ts';

type Body = Record<string, unknown>;
/** Each made from a good body of the topic, so that nothing else is wrong with it. */
export type BadInput = readonly [name: string, reason: QuarantineReason, make: (body: Body) => RecordParts];

const text = (body: Body) => JSON.stringify(body);
const withMember = (body: Body, member: string) => text(body).replace('{', `{${member},`);
const inEnvelope = (envelope: object, contentType = 'application/cloudevents+json'): RecordParts => ({
  value: envelope,
  headers: [['content-type', contentType]],
});
const longId = (length: number) => 'é'.repeat(length / 2);

export const BAD_INPUTS: readonly BadInput[] = [
  ['a tombstone', 'value_missing', () => ({ value: null })],
  ['an empty value', 'value_empty', () => ({ value: '' })],
  ['a null key', 'key_missing', (value) => ({ value, key: null })],
  ['an empty key', 'key_missing', (value) => ({ value, key: '' })],
  ['the id as a JSON text', 'key_is_json', (value) => ({ value, key: '"order123"' })],
  ['the id in an object', 'key_is_json', (value) => ({ value, key: '{"id":"order123"}' })],
  [
    'a number of 8 bytes',
    'key_is_binary',
    (value) => ({ value, key: Buffer.from('0000000000001267', 'hex') }),
  ],
  ['a key of another id', 'key_not_entity_id', (value) => ({ value, key: 'order124' })],
  ['a key that goes on after the id', 'key_not_entity_id', (value) => ({ value, key: 'order123 ' })],
  ['a key that ends before the id does', 'key_not_entity_id', (value) => ({ value, key: 'order12' })],
  ['a key in another case', 'key_not_entity_id', (value) => ({ value, key: 'Order123' })],
  [
    'a key in another normal form',
    'key_not_entity_id',
    (body) => ({ value: { ...body, orderId: 'caf\u00e9' }, key: 'cafe\u0301' }),
  ],
  [
    'a key that is the id in Latin-1',
    'key_is_binary',
    (body) => ({ value: { ...body, orderId: 'caf\u00e9' }, key: Buffer.from('caf\u00e9', 'latin1') }),
  ],
  [
    'a value over the limit',
    'record_too_large',
    (body) => ({ value: { ...body, note: 'x'.repeat(1024 * 1024) } }),
  ],
  [
    'headers over the limit',
    'headers_too_large',
    (value) => ({ value, headers: [['trace', 'x'.repeat(64 * 1024)]] }),
  ],
  [
    'very many headers',
    'headers_too_large',
    (value) => ({
      value,
      headers: Array.from({ length: 10_000 }, (_, index) => [`header${index}`, 'x'] as const),
    }),
  ],
  [
    'ce_id twice',
    'header_duplicate',
    (value) => ({
      value,
      headers: [
        ['ce_id', 'a'],
        ['trace', 'x'],
        ['ce_id', 'a'],
      ],
    }),
  ],
  [
    'ce_type twice among many headers',
    'header_duplicate',
    (value) => ({
      value,
      headers: [
        ...Array.from({ length: 40 }, () => ['trace', 'x'] as const),
        ['ce_type', 'a'],
        ['ce_type', 'b'],
      ],
    }),
  ],
  [
    'content-type twice',
    'header_duplicate',
    (value) => ({
      value,
      headers: [
        ['content-type', 'application/json'],
        ['content-type', 'application/json'],
      ],
    }),
  ],
  ['a null ce_id', 'header_invalid', (value) => ({ value, headers: [['ce_id', null]] })],
  ['a ce_id in Latin-1', 'header_invalid', (value) => ({ value, headers: [['ce_id', Buffer.from([0xe9])]] })],
  ['an empty ce_id', 'event_id_invalid', (value) => ({ value, headers: [['ce_id', '']] })],
  ['a ce_id of 256 bytes', 'event_id_invalid', (value) => ({ value, headers: [['ce_id', longId(256)]] })],
  [
    'CloudEvents of another version',
    'cloudevents_version_unsupported',
    (value) => ({ value, headers: [['ce_specversion', '0.3']] }),
  ],
  ['XML', 'content_type_unsupported', (value) => ({ value, headers: [['content-type', 'application/xml']] })],
  [
    'an empty content-type',
    'content_type_unsupported',
    (value) => ({ value, headers: [['content-type', '']] }),
  ],
  [
    'JSON in another character set',
    'content_type_unsupported',
    (value) => ({ value, headers: [['content-type', 'application/json; charset=utf-16']] }),
  ],
  [
    'CloudEvents in Avro',
    'content_type_unsupported',
    (value) => ({ value, headers: [['content-type', 'application/cloudevents+avro']] }),
  ],
  [
    'a batch of CloudEvents',
    'cloudevents_batch_unsupported',
    (body) => ({ value: [body], headers: [['content-type', 'application/cloudevents-batch+json']] }),
  ],
  [
    'an envelope that is an array',
    'cloudevents_envelope_invalid',
    (data) => inEnvelope([{ ...ENVELOPE, data }]),
  ],
  [
    'an envelope of another version',
    'cloudevents_version_unsupported',
    (data) => inEnvelope({ ...ENVELOPE, specversion: '2.0', data }),
  ],
  [
    'an envelope without id',
    'cloudevents_envelope_invalid',
    (data) => inEnvelope({ ...ENVELOPE, id: undefined, data }),
  ],
  ['an envelope with an empty id', 'event_id_invalid', (data) => inEnvelope({ ...ENVELOPE, id: '', data })],
  [
    'an envelope with a number as source',
    'cloudevents_envelope_invalid',
    (data) => inEnvelope({ ...ENVELOPE, source: 7, data }),
  ],
  [
    'an envelope with an empty type',
    'cloudevents_envelope_invalid',
    (data) => inEnvelope({ ...ENVELOPE, type: '', data }),
  ],
  ['an envelope without data', 'cloudevents_data_missing', () => inEnvelope(ENVELOPE)],
  [
    'an envelope with data twice',
    'cloudevents_envelope_invalid',
    (data) => inEnvelope({ ...ENVELOPE, data, data_base64: 'e30=' }),
  ],
  [
    'base64 with foreign characters',
    'cloudevents_envelope_invalid',
    () => inEnvelope({ ...ENVELOPE, data_base64: 'e3 0=' }),
  ],
  [
    'base64 that is no text',
    'cloudevents_envelope_invalid',
    () => inEnvelope({ ...ENVELOPE, data_base64: 1 }),
  ],
  [
    'base64 of what is not JSON',
    'json_invalid',
    () => inEnvelope({ ...ENVELOPE, data_base64: Buffer.from('{').toString('base64') }),
  ],
  [
    'base64 of a name twice',
    'json_duplicate_key',
    (body) => {
      return inEnvelope({
        ...ENVELOPE,
        data_base64: Buffer.from(withMember(body, '"orderId":"x"')).toString('base64'),
      });
    },
  ],
  [
    'an envelope with data in XML',
    'content_type_unsupported',
    (data) => inEnvelope({ ...ENVELOPE, datacontenttype: 'text/xml', data }),
  ],
  [
    'an envelope in an envelope',
    'cloudevents_envelope_invalid',
    (data) => inEnvelope({ ...ENVELOPE, datacontenttype: 'application/cloudevents+json', data }),
  ],
  ['an envelope with a text', 'body_not_object', () => inEnvelope({ ...ENVELOPE, data: 'CREATED' })],
  ['an envelope around null', 'body_not_object', () => inEnvelope({ ...ENVELOPE, data: null })],
  [
    'a byte that is not UTF-8',
    'utf8_invalid',
    (body) => ({ value: Buffer.from(withMember(body, '"note":"\u00e9"'), 'latin1') }),
  ],
  [
    'a surrogate encoded as UTF-8',
    'utf8_invalid',
    (body) => ({
      value: Buffer.concat([
        Buffer.from('{"n":"'),
        Buffer.from([0xed, 0xa0, 0x80]),
        Buffer.from(`",${text(body).slice(1)}`),
      ]),
    }),
  ],
  [
    'an overlong encoding',
    'utf8_invalid',
    (body) => ({
      value: Buffer.concat([
        Buffer.from('{"n":"'),
        Buffer.from([0xc0, 0xaf]),
        Buffer.from(`",${text(body).slice(1)}`),
      ]),
    }),
  ],
  ['gzip', 'value_compressed', (body) => ({ value: gzipSync(text(body)) })],
  [
    'a prefix of a schema registry',
    'schema_registry_prefix',
    (body) => ({ value: Buffer.concat([Buffer.from([0, 0, 0, 0, 7]), Buffer.from(text(body))]) }),
  ],
  ["Java's serialization", 'binary_format', () => ({ value: Buffer.from('aced0005740003616263', 'hex') })],
  ['UTF-16', 'utf16_text', (body) => ({ value: Buffer.from(`\ufeff${text(body)}`, 'utf16le') })],
  ['UTF-16 without a mark', 'utf16_text', (body) => ({ value: Buffer.from(text(body), 'utf16le') })],
  ['a byte order mark', 'byte_order_mark', (body) => ({ value: `\ufeff${text(body)}` })],
  ['a NUL after the text', 'nul_byte', (body) => ({ value: `${text(body)}\0` })],
  ['a NUL inside a text', 'nul_byte', (body) => ({ value: withMember(body, '"note":"\0"') })],
  ['a line feed inside a text', 'json_invalid', (body) => ({ value: withMember(body, '"note":"\n"') })],
  ['a truncated value', 'json_invalid', (body) => ({ value: text(body).slice(0, -1) })],
  ['two values', 'json_invalid', (body) => ({ value: text(body) + text(body) })],
  ['words', 'json_invalid', () => ({ value: 'order created' })],
  ['white space alone', 'json_invalid', () => ({ value: ' \n' })],
  ['NaN', 'json_invalid', (body) => ({ value: withMember(body, '"n":NaN') })],
  ['a comma too many', 'json_invalid', (body) => ({ value: text(body).replace('}', ',}') })],
  ['a number with a leading zero', 'json_invalid', (body) => ({ value: withMember(body, '"n":01') })],
  ['a depth bomb', 'json_too_deep', () => ({ value: '['.repeat(500_000) })],
  [
    '64 arrays in the body',
    'json_too_deep',
    (body) => ({ value: withMember(body, `"n":${'['.repeat(64)}${']'.repeat(64)}`) }),
  ],
  ['a name twice', 'json_duplicate_key', (body) => ({ value: withMember(body, '"orderId":"other"') })],
  [
    'a name twice by escapes',
    'json_duplicate_key',
    (body) => ({ value: withMember(body, '"\\u006frderId":"other"') }),
  ],
  [
    'a name twice deep inside',
    'json_duplicate_key',
    (body) => ({ value: withMember(body, '"n":[{"a":{"b":1,"b":1}}]') }),
  ],
  [
    '__proto__ twice',
    'json_duplicate_key',
    (body) => ({ value: withMember(body, '"__proto__":1,"__proto__":2') }),
  ],
  [
    'an integer above 2^53 - 1',
    'number_out_of_range',
    (body) => ({ value: withMember(body, '"revision":9007199254740992') }),
  ],
  [
    'an integer below -2^53 + 1',
    'number_out_of_range',
    (body) => ({ value: withMember(body, '"eventId":[-9007199254740993]') }),
  ],
  ['1e400', 'number_out_of_range', (body) => ({ value: withMember(body, '"revision":1e400') })],
  [
    'a lone surrogate in the id',
    'text_not_well_formed',
    (body) => ({ value: text({ ...body, orderId: 'x\ud800' }) }),
  ],
  [
    'a lone surrogate in an unknown field',
    'text_not_well_formed',
    (body) => ({ value: withMember(body, '"n":["\\udfff"]') }),
  ],
  [
    'a lone surrogate in a name',
    'text_not_well_formed',
    (body) => ({ value: withMember(body, '"\\uDC00":1') }),
  ],
  ['an array', 'body_not_object', (body) => ({ value: [body] })],
  ['a text', 'body_not_object', () => ({ value: '"CREATED"' })],
  ['null', 'body_not_object', () => ({ value: 'null' })],
  ['JSON in a text', 'json_in_text', (body) => ({ value: JSON.stringify(text(body)) })],
  [
    'schema and payload',
    'connect_envelope',
    (payload) => ({ value: { schema: { type: 'struct' }, payload } }),
  ],
  [
    'a change of a row',
    'change_event',
    (after) => ({ value: { before: null, after, source: {}, op: 'c', ts_ms: 1743819990265 } }),
  ],
  ['an event in an event', 'event_nested', (data) => ({ value: { data } })],
  ['no event type', 'event_type_missing', (body) => ({ value: { ...body, eventType: undefined } })],
  ['an unknown event type', 'event_type_unknown', (body) => ({ value: { ...body, eventType: 'REFUND' } })],
  [
    'an event type in another case',
    'event_type_unknown',
    (body) => ({ value: { ...body, eventType: 'order' } }),
  ],
  [
    'the event type of every object',
    'event_type_unknown',
    (body) => ({ value: { ...body, eventType: 'constructor' } }),
  ],
  [
    '__proto__ as event type',
    'event_type_unknown',
    (body) => ({ value: { ...body, eventType: '__proto__' } }),
  ],
  ['a baseline on a topic', 'event_type_unknown', (body) => ({ value: { ...body, eventType: 'BASELINE' } })],
  ['a number as event type', 'event_type_unknown', (body) => ({ value: { ...body, eventType: 1 } })],
  ['no id', 'field_missing', (body) => ({ value: { ...body, orderId: undefined } })],
  ['no timestamp', 'field_missing', (body) => ({ value: { ...body, timestamp: undefined } })],
  ['a number as id', 'field_type_wrong', (body) => ({ value: { ...body, orderId: 123 }, key: '123' })],
  ['null as id', 'field_type_wrong', (body) => ({ value: { ...body, orderId: null }, key: 'null' })],
  [
    'an object as id',
    'field_type_wrong',
    (body) => ({ value: { ...body, orderId: { toString: 'order123' } } }),
  ],
  ['a number as timestamp', 'time_not_text', (body) => ({ value: { ...body, timestamp: 1743819990265 } })],
  ['an empty id', 'entity_id_invalid', (body) => ({ value: { ...body, orderId: '' } })],
  [
    'an id of 256 bytes',
    'entity_id_invalid',
    (body) => ({ value: { ...body, orderId: longId(256) }, key: longId(256) }),
  ],
  [
    'a day that no calendar has',
    'time_invalid',
    (body) => ({ value: { ...body, timestamp: '2024-02-30T00:00:00Z' } }),
  ],
  [
    'a time without zone',
    'time_invalid',
    (body) => ({ value: { ...body, timestamp: '2025-04-05T02:26:30.265' } }),
  ],
  ['a time in words', 'time_invalid', (body) => ({ value: { ...body, timestamp: 'yesterday' } })],
  [
    'a time before 1970',
    'time_out_of_bounds',
    (body) => ({ value: { ...body, timestamp: '1969-12-31T23:59:59.999Z' } }),
  ],
  [
    'a time before 1970 by its zone',
    'time_out_of_bounds',
    (body) => ({ value: { ...body, timestamp: '1970-01-01T00:00:00+00:01' } }),
  ],
  [
    'a time after 9999 by its zone',
    'time_out_of_bounds',
    (body) => ({ value: { ...body, timestamp: '9999-12-31T23:59:59-00:01' } }),
  ],
  ...[0, -1, 1.5, '1', true, [1], {}].map((revision): BadInput => {
    return [
      `${JSON.stringify(revision)} as revision`,
      'revision_invalid',
      (body) => ({ value: { ...body, revision } }),
    ];
  }),
  ...['', longId(256), 7, ['a']].map((eventId): BadInput => {
    const name = `${JSON.stringify(eventId).slice(0, 10)} as event id`;
    return [name, 'event_id_invalid', (body) => ({ value: { ...body, eventId } })];
  }),
];
