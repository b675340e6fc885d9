import { describe, expect, it } from 'vitest';
import { ORDER_BODY, rejectionOf } from '../records.ts';

const UUID = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
const withId = (orderId: string, key: string | Uint8Array) =>
  rejectionOf({ value: { ...ORDER_BODY, orderId }, key });

describe('the detail of a wrong key', () => {
  it.each([
    ['key_is_json', 'the id as a JSON text, in quotes', 'a', '"a"'],
    ['key_is_json', "a JSON text, in quotes, and not the body's orderId in it", 'a', '"b"'],
    ['key_is_json', 'an object with schema and payload', 'a', '{"schema":{"type":"string"},"payload":"a"}'],
    ['key_is_json', 'the id is its payload', '7', '{"schema":{"type":"int64"},"payload":7}'],
    ['key_is_json', 'the id is its payload', 'a', '{"schema":{},"payload":{"order_id":"a"}}'],
    ['key_is_json', 'a JSON object with 1 member; the id is in it', 'a', '{"id":"a"}'],
    ['key_is_json', 'a JSON object with 2 members, and the id is not in it', 'a', '{"id":"b","c":1}'],
    ['key_is_json', 'a JSON array', 'a', '["a"]'],
    [
      'key_is_binary',
      '8 bytes of a number: the id as a number',
      '4711',
      Buffer.from('0000000000001267', 'hex'),
    ],
    ['key_is_binary', '8 bytes of a number, and not', 'a', Buffer.from('0000000000001267', 'hex')],
    [
      'key_is_binary',
      '8 bytes of a number, the lowest first: the id as a number',
      '4711',
      Buffer.from('6712000000000000', 'hex'),
    ],
    [
      'key_is_binary',
      '16 bytes of a UUID, in the sequence of .NET',
      'f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
      Buffer.from('ae4f1df8ec7dd011a76500a0c91e6bf6', 'hex'),
    ],
    [
      'key_is_binary',
      '16 bytes of a UUID, in the sequence of .NET',
      'F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6',
      Buffer.from('ae4f1df8ec7dd011a76500a0c91e6bf6', 'hex'),
    ],
    ['key_is_binary', "Java's own serialization", 'a', Buffer.from('aced000574000161', 'hex')],
    ['key_is_binary', '4 bytes of a number: the id as a number', '4711', Buffer.from('00001267', 'hex')],
    [
      'key_is_binary',
      '16 bytes, as of a UUID: the id as bytes',
      UUID,
      Buffer.from(UUID.replaceAll('-', ''), 'hex'),
    ],
    [
      'key_is_binary',
      "a schema registry's prefix, schema 12, with the id in them",
      'order',
      Buffer.from('\0\0\0\0\u000c\u000aorder'),
    ],
    [
      'key_is_binary',
      "a schema registry's prefix, schema 5, with the id",
      'o1',
      Buffer.from('\0\0\0\0\u0005\u0004o1'),
    ],
    ['key_is_binary', 'the id in UTF-16', 'order', Buffer.from('order', 'utf16le')],
    ['key_is_binary', 'the id in ISO 8859-1', 'caf\u00e9', Buffer.from('caf\u00e9', 'latin1')],
    ['key_is_binary', '3 bytes that are no UTF-8', 'a', Buffer.from([0xff, 0xfe, 0xfd])],
    ['key_not_entity_id', 'it is the id in other capitals', UUID, UUID.toUpperCase()],
    ['key_not_entity_id', 'white space stands around the id', 'a', 'a\n'],
    ['key_not_entity_id', 'something stands before the id', 'a-1', 'shop1:a-1'],
    ['key_not_entity_id', 'something stands behind the id', 'a-1', 'a-1:ORDER'],
    ['key_not_entity_id', 'the id stands inside of it', 'a-1', 'x/a-1/y'],
    ['key_not_entity_id', 'other hyphens, underscores or capitals', UUID, UUID.replaceAll('-', '')],
    ['key_not_entity_id', 'it is another number', 'order7', '4712'],
    ['key_not_entity_id', 'it is another text', 'order7', 'customer9'],
    ['key_not_entity_id', 'another normal form', 'caf\u00e9', 'cafe\u0301'],
  ])('goes with the reason %s: %s', (reason, words, orderId, key) => {
    const { reason: given, detail } = withId(orderId, key);
    expect([given, detail]).toEqual([reason, expect.stringContaining(words)]);
  });
});

describe('the detail of a wrong time', () => {
  it.each([
    ['time_not_text', 'a number: seconds since 1970', 1718000000.123],
    ['time_not_text', 'a number: milliseconds since 1970', 1718000000123],
    ['time_not_text', 'a number: microseconds since 1970', 1718000000123456],
    ['time_not_text', 'of no unit', 7],
    ['time_not_text', 'an array of year, month, day', [2024, 6, 10, 6, 13]],
    ['time_not_text', 'timestamp is an object of seconds and nanoseconds', { seconds: 1 }],
    ['time_not_text', 'an object of seconds and nanoseconds', { epochSecond: 1718000000, nano: 5 }],
    ['time_not_text', 'an object of seconds and nanoseconds', { _seconds: 1718000000, _nanoseconds: 5 }],
    ['time_not_text', "MongoDB's extended JSON", { $date: '2026-11-01T10:00:00Z' }],
    ['time_not_text', 'timestamp is an object, and', { timezone: 'UTC' }],
    ['time_not_text', 'an array of seconds and nanoseconds', [1718000000, 123000000]],
    ['time_not_text', 'a number: ticks of .NET', 638536975200000000],
    ['time_not_text', 'a number: nanoseconds since 1970', 1718000000123456800],
    ['time_not_text', 'timestamp is null', null],
    ['time_invalid', 'the text is empty', ''],
    ['time_invalid', 'white space stands around it', '2026-11-01T10:00:00Z '],
    ['time_invalid', 'a blank stands where T belongs.', '2026-11-01 10:00:00+00:00'],
    ['time_invalid', 'a blank stands where T belongs, and the time has no zone', '2026-11-01 10:00:00'],
    ['time_invalid', ': the time has no zone.', '2026-11-01T10:00:00.123456'],
    ['time_invalid', 'a comma stands before the fraction', '2026-11-01T10:00:00,123Z'],
    ['time_invalid', "the zone's name stands behind its offset", '2026-11-01T11:00:00+01:00[Europe/Berlin]'],
    ['time_invalid', 'the zone is a name instead', '2026-11-01T11:00:00 CET'],
    ['time_invalid', 'the zone is a word instead', '2026-11-01 11:00:00 UTC'],
    ['time_invalid', 'the zone has seconds', '2026-11-01T10:00:00+00:00:00'],
    ['time_invalid', 'a blank stands before the zone', '2026-11-01T10:00:00 +02:00'],
    ['time_invalid', 'the seconds are missing', '2026-11-01T10:00Z'],
    ['time_invalid', 'the hour is 24', '2026-11-01T24:00:00Z'],
    ['time_invalid', 'there is no such time of day', '2026-11-01T10:61:00Z'],
    ['time_invalid', 'there is no such day', '2026-02-30T10:00:00Z'],
    ['time_invalid', 'second 60', '2026-02-28T10:00:60Z'],
    ['time_invalid', 'a date by RFC 1123', 'Sun, 01 Nov 2026 10:00:00 GMT'],
    ['time_invalid', 'as C and Java print it', 'Sun Nov 01 10:00:00 UTC 2026'],
    ['time_invalid', 'a date without a time', '2026-11-01'],
    ['time_invalid', 'basic format of ISO 8601', '20261101T100000Z'],
    ['time_invalid', 'a number as a text: milliseconds since 1970', '1793872800123'],
    ['time_invalid', 'a number as a text: ticks of .NET', '638536975200000000'],
    ['time_invalid', 'a number as a text: seconds since 1970', '1.718E9'],
    ['time_invalid', 'as Gson and older Java print it', 'Nov 1, 2026, 3:04:05 PM'],
    ['time_invalid', 'as Gson and older Java print it', 'Nov 1, 2026 3:04:05\u202fPM'],
    ['time_invalid', 'an abbreviated month', '01-NOV-26 10.00.00.000000 AM'],
    ['time_invalid', 'a day of the week stands before it', 'Sunday, 01-Nov-26 10:00:00 UTC'],
    ['time_invalid', 'day or month stand before the year', '11/01/2026 10:00:00'],
    ['time_invalid', 'other characters than hyphens', '2026/11/01 10:00:00'],
    ['time_invalid', 'more than four digits', '+002026-11-01T10:00:00Z'],
    ['time_invalid', ".NET's older serializers", '/Date(1793872800123)/'],
    ['time_invalid', 'its form is another one', 'yesterday'],
    ['time_invalid', 'too long', 'x'.repeat(1000)],
  ])('goes with the reason %s: %s', (reason, words, timestamp) => {
    const { reason: given, detail } = rejectionOf({ value: { ...ORDER_BODY, timestamp } });
    expect([given, detail]).toEqual([reason, expect.stringContaining(words)]);
  });
});
