import { describe, expect, it } from 'vitest';
import { uuidOf, wrongKey } from '../../../../src/pipeline/decode/forms/keys.ts';
import { alike, jsonKind, parsed, similarName } from '../../../../src/pipeline/decode/forms/kinds.ts';

const hex = (digits: string) => Buffer.from(digits, 'hex');
const verdict = (id: string, key: string | Buffer) => {
  const { reason, detail } = wrongKey(typeof key === 'string' ? Buffer.from(key) : key, id, 'orderId');
  return [reason, detail];
};
const text = (form: string) => ['key_not_entity_id', `The key is not the body's orderId: ${form}.`];
const binary = (form: string) => [
  'key_is_binary',
  `The key is ${form}, and not the text of the body's orderId.`,
];
const json = (form: string) => ['key_is_json', `The key is ${form}.`];

const UUID = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6';

describe('a key of bytes', () => {
  it.each([
    ['\u00e9t\u00e9', Buffer.from('\u00e9t\u00e9', 'latin1'), 'the id in ISO 8859-1 instead of UTF-8'],
    ['a', hex('00000000056161'), "bytes behind a schema registry's prefix, schema 5, with the id in them"],
    ['b', hex('000000000561'), "bytes behind a schema registry's prefix, schema 5"],
    ['a', hex('aced0005'), "4 bytes of Java's own serialization"],
    ['a', hex('aced00057400'), "6 bytes of Java's own serialization"],
    ['4711', hex('67120000'), '4 bytes of a number, the lowest first: the id as a number'],
    ['4711', hex('6712000000000000'), '8 bytes of a number, the lowest first: the id as a number'],
    ['-2', hex('feffffff'), '4 bytes of a number, the lowest first: the id as a number'],
    ['0', hex('00000000'), '4 bytes of a number: the id as a number'],
    ['0', hex('0000000000000000'), '8 bytes of a number: the id as a number'],
    ['4711', hex('00001267'), '4 bytes of a number: the id as a number'],
    ['a', hex('00001267'), '4 bytes of a number'],
    ['a', hex('fffffffe'), '4 bytes of a number'],
    ['a', hex('61621f63'), '4 bytes of a number'],
    ['1633837924', Buffer.from('abcd'), '4 bytes of a number: the id as a number'],
    ['7017280452245743464', Buffer.from('abcdefgh'), '8 bytes of a number: the id as a number'],
    [UUID, hex(UUID.replaceAll('-', '')), '16 bytes, as of a UUID: the id as bytes'],
    [UUID.toUpperCase(), hex(UUID.replaceAll('-', '')), '16 bytes, as of a UUID: the id as bytes'],
    ['a', hex(UUID.replaceAll('-', '')), '16 bytes, as of a UUID'],
    [
      uuidOf(Buffer.from('abcdefghijklmnop')),
      Buffer.from('abcdefghijklmnop'),
      '16 bytes, as of a UUID: the id as bytes',
    ],
    ['ab', Buffer.from('ab', 'utf16le'), '4 bytes of a number'],
    ['abc', Buffer.from('abc', 'utf16le'), 'the id in UTF-16'],
    ['a', hex('ff6162'), '3 bytes that are no UTF-8'],
    ['a', hex('00000000ff'), '5 bytes that are no UTF-8'],
  ])('of the id %j is named', (id, key, form) => {
    expect(verdict(id, key)).toEqual(binary(form));
  });

  it('stays text if it can be read as one, and is not the id as bytes', () => {
    expect(verdict('other', 'ab c')).toEqual(text('it is another text'));
    expect(verdict('other', 'abcdefgh')).toEqual(text('it is another text'));
    expect(verdict('other', 'abcdefghijklmnop')).toEqual(text('it is another text'));
    expect(verdict('\u00c3\u00a9', '\u00e9')).toEqual(text('it is another text'));
    expect(verdict('other', '')).toEqual(text('it is another text'));
  });
});

describe('a key of JSON', () => {
  const CONNECT = "an object with schema and payload, as Kafka Connect's JsonConverter writes it";

  it.each([
    ['a', '"a"', 'the id as a JSON text, in quotes'],
    ['a', ' "a"', 'the id as a JSON text, in quotes'],
    ['a', '"b"', "a JSON text, in quotes, and not the body's orderId in it"],
    ['a', '["a"]', 'a JSON array'],
    ['a', ' \n[12]', 'a JSON array'],
    ['a', '{"schema":{},"payload":"a"}', `${CONNECT}; the id is its payload`],
    ['7', '{"schema":{},"payload":7}', `${CONNECT}; the id is its payload`],
    ['7', '{"schema":{},"payload":{"a":1,"b":7}}', `${CONNECT}; the id is its payload`],
    ['a', '{"schema":{},"payload":"b"}', CONNECT],
    ['a', '{"schema":{},"payload":{"id":"b"}}', CONNECT],
    ['a', '{"schema":{},"payload":null}', CONNECT],
    ['a', '{"schema":"a"}', 'a JSON object with 1 member; the id is in it'],
    ['a', '{"payload":"b"}', 'a JSON object with 1 member, and the id is not in it'],
    ['7', '{"a":7,"b":1}', 'a JSON object with 2 members; the id is in it'],
    ['a', '{}', 'a JSON object with 0 members, and the id is not in it'],
    ['true', '{"a":true}', 'a JSON object with 1 member, and the id is not in it'],
  ])('of the id %s is named: %s', (id, key, form) => {
    expect(verdict(id, key)).toEqual(json(form));
  });

  it('counts as text if it is a number, or no JSON', () => {
    expect(verdict('a', '7')).toEqual(text('it is another number, such as the number of a row'));
    expect(verdict('a', '{b')).toEqual(text('it is another text'));
  });
});

describe('a key of another text', () => {
  it.each([
    ['a1', ' a1', 'white space stands around the id'],
    ['a1', 'A1', 'it is the id in other capitals'],
    ['A1', 'a1', 'it is the id in other capitals'],
    ['cafe\u0301', 'caf\u00e9', 'it is the id in another normal form of Unicode'],
    ['caf\u00e9', 'cafe\u0301', 'it is the id in another normal form of Unicode'],
    ['a-1_b', 'A1B', 'it is the id with other hyphens, underscores or capitals'],
    ['a.1', 'x:a.1', 'something stands before the id, such as the name of a tenant or of a type'],
    ['a.1', 'a.1:x', 'something stands behind the id'],
    ['a.1', 'x:a.1:x', 'the id stands inside of it'],
    ['a', '-12', 'it is another number, such as the number of a row'],
    ['a', '12', 'it is another number, such as the number of a row'],
    ['a', '12x', 'it is another text'],
    ['a', 'x12', 'it is another text'],
  ])('of the id %j is named: %j', (id, key, form) => {
    expect(verdict(id, key)).toEqual(text(form));
  });

  it('counts by its first 64 Ki bytes', () => {
    const long = 'x'.repeat(64 * 1024);
    expect(verdict('a.1', `${long.slice(3)}a.1`)).toEqual(
      text('something stands before the id, such as the name of a tenant or of a type'),
    );
    expect(verdict('a.1', `${long}a.1`)).toEqual(text('it is another text'));
  });
});

describe('the names of kinds', () => {
  it('names each kind of value with its article', () => {
    expect([undefined, null, [], {}, '', 1, true].map(jsonKind)).toEqual([
      'nothing',
      'null',
      'an array',
      'an object',
      'a text',
      'a number',
      'a boolean',
    ]);
  });

  it('finds a name that differs in capitals, hyphens, underscores and blanks alone', () => {
    expect(['event_type', 'Event-Type', 'EVENT TYPE'].map(alike)).toEqual(new Array(3).fill('eventtype'));
    expect(similarName(['x', 'eventType', 'event_type'], 'eventType')).toBe('event_type');
    expect(similarName(['x', 'eventType'], 'eventType')).toBeUndefined();
    expect([parsed('[1]'), parsed('[')]).toEqual([[1], undefined]);
  });
});
