import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { registryPayloadStart } from '../../../../src/pipeline/decode/forms/encodings.ts';
import type { QuarantineReason } from '../../../../src/pipeline/decode/reasons.ts';
import { ORDER_BODY, rejectionOf } from '../records.ts';

const TEXT = JSON.stringify(ORDER_BODY);
const hex = (digits: string, rest = TEXT) => Buffer.concat([Buffer.from(digits, 'hex'), Buffer.from(rest)]);
const length = (bytes: number, size: 2 | 4) => bytes.toString(16).padStart(size * 2, '0');
/** A raw snappy block that holds the text as one literal. */
const rawSnappy = (text: string) =>
  Buffer.concat([Buffer.from([text.length, 60 << 2, text.length - 1]), Buffer.from(text)]);

const reasonOf = (value: Uint8Array) => {
  const { reason, detail } = rejectionOf({ value });
  return [reason, detail] as const;
};

describe('bytes that are no JSON', () => {
  it.each<[QuarantineReason, RegExp, Uint8Array]>([
    ['value_compressed', /gzip/, gzipSync(TEXT)],
    ['value_compressed', /zstd/, zstdCompressSync(TEXT)],
    ['value_compressed', /zlib/, deflateSync(TEXT)],
    ['value_compressed', /zlib/, deflateSync(TEXT, { level: 9 })],
    ['value_compressed', /LZ4 \(frame/, hex('04224d186440')],
    [
      'value_compressed',
      /LZ4Block/,
      Buffer.concat([Buffer.from('LZ4Block'), Buffer.from('\u0016'), Buffer.from(TEXT)]),
    ],
    ['value_compressed', /snappy \(framing/, hex('ff060000734e61507059')],
    ['value_compressed', /SnappyOutputStream/, hex('82534e415050590000000001')],
    ['value_compressed', /raw block/, rawSnappy(TEXT)],
    ['value_compressed', /bzip2/, hex('425a6839314159265359')],
    ['value_compressed', /xz/, hex('fd377a585a0000')],
    ['value_compressed', /zip archive/, hex('504b030414000000')],
    ['utf16_text', /UTF-16 \(little-endian, with its mark\)/, Buffer.from(`\ufeff${TEXT}`, 'utf16le')],
    ['utf16_text', /UTF-16 \(big-endian, with its mark\)/, Buffer.from(`\ufeff${TEXT}`, 'utf16le').swap16()],
    ['utf16_text', /UTF-16 \(little-endian, without/, Buffer.from(TEXT, 'utf16le')],
    ['utf16_text', /UTF-16 \(big-endian, without/, Buffer.from(TEXT, 'utf16le').swap16()],
    ['utf16_text', /UTF-32/, hex('fffe0000', '{\0\0\0')],
    ['schema_registry_prefix', /prefix, schema 1; JSON/, hex('0000000001')],
    ['schema_registry_prefix', /prefix, schema 200; JSON/, hex('00000000c8')],
    ['schema_registry_prefix', /prefix, schema 100001; JSON/, hex('00000186a1')],
    ['schema_registry_prefix', /prefix, schema 8060962; JSON/, hex('00007b0022')],
    ['schema_registry_prefix', /schema 12; .*Avro or Protobuf/, hex('000000000c0a4f52444552', '\u000cord-1')],
    ['schema_registry_prefix', /schema 7 in 8 bytes; JSON/, hex('000000000000000007')],
    ['schema_registry_prefix', /AWS Glue; JSON/, hex('0300b7b4a7f0a1b2c3d4e5f60718293a4b5c')],
    [
      'schema_registry_prefix',
      /AWS Glue, and is compressed/,
      hex('0305b7b4a7f0a1b2c3d4e5f60718293a4b5c', 'x'.repeat(9)),
    ],
    ['schema_registry_prefix', /GUID; JSON/, hex('01b7b4a7f0a1b2c3d4e5f60718293a4b5c')],
    ['nul_byte', /first 4 bytes .* length/, hex(length(TEXT.length, 4))],
    ['nul_byte', /first 2 bytes .* length/, hex(length(TEXT.length, 2))],
    ['nul_byte', /ends with NUL bytes \(3\)/, Buffer.from(`${TEXT}\0\0\0`)],
    ['nul_byte', /holds a NUL byte/, Buffer.from(`${TEXT}\0x`)],
    ['binary_format', /Java's own serialization/, hex('aced00057400')],
    ['binary_format', /Avro container file/, hex('4f626a0104')],
    ['binary_format', /single-object/, hex('c3010011223344556677')],
    ['binary_format', /MessagePack/, hex('84a96576656e7454797065a5', 'ORDER\u0001')],
    ['binary_format', /CBOR/, hex('a4696576656e745479706565', 'ORDER\u0001')],
    ['binary_format', /BSON/, hex('12000000026100', '\u0006\0\0\0order\0\0')],
    ['utf8_invalid', /at byte 10 of 12\. Read with one byte/, Buffer.from('{"name":"\u00fc"}', 'latin1')],
    ['binary_format', /without a mark/, brotliCompressSync(TEXT)],
    ['binary_format', /without a mark, such as Avro or Protobuf/, Buffer.from('\n\u0005ORDER\u0012\u0002o1')],
    ['utf8_invalid', /at byte 2 of 4\.$/, Buffer.from([0x61, 0xff, 0x62, 0x63])],
  ])('gets the reason %s with %s', (reason, detail, value) => {
    expect(reasonOf(value)).toEqual([reason, expect.stringMatching(detail)]);
  });
});

describe('a text that is no JSON', () => {
  it.each([
    ['it is white space alone', ' \n'],
    ['it is XML or HTML', '<order id="7"/>'],
    ['it is JSON in base64', Buffer.from(TEXT).toString('base64')],
    ['it is JSON in base64', Buffer.from(TEXT).toString('base64url')],
    ['it is JSON in hexadecimal digits', Buffer.from(TEXT).toString('hex')],
    ['it is JSON in the encoding of URLs', encodeURIComponent(TEXT)],
    ['it is JSON whose quotes are escaped for HTML', TEXT.replaceAll('"', '&quot;')],
    ['its quotes stand behind backslashes, as inside of a text', TEXT.replaceAll('"', '\\"')],
    ['it is base64 of gzip', gzipSync(TEXT).toString('base64')],
    [
      "it is Kafka Connect's Struct, printed by StringConverter instead of JsonConverter",
      'Struct{orderId=7,a=b}',
    ],
    ['it is an object that was printed by its toString()', 'OrderEvent(orderId=7, orderStatus=CREATED)'],
    ['it is an object that was printed by its toString()', 'OrderEvent[orderId=7, orderStatus=CREATED]'],
    ['it is a map that was printed by its toString()', '{orderId=7, orderStatus=CREATED}'],
    ["it is PHP's serialize()", 'a:1:{s:9:"eventType";s:5:"ORDER";}'],
    ['it is a hash that Ruby printed', '{"eventType"=>"ORDER"}'],
    ['it is a hash that Ruby printed', '{:eventType=>"ORDER"}'],
    ['it is an object of JavaScript that was made a text without JSON.stringify', '[object Object]'],
    ['it is an object of Java that has no toString() of its own', 'com.shop.OrderEvent@1a2b3c4d'],
    ['it is a signed token (JWT)', 'eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2lnbg-_'],
    ["a line )]}' stands before it, as some web services write it", `)]}'\n${TEXT}`],
    ['comments stand in it', TEXT.replace('{', '{ // the "event"\n /* of */ "u":"http://a", ')],
    ['it is the form of a web page (name=value&...)', 'orderId=7&orderStatus=CREATED'],
    ['it is YAML or a header line', 'orderId: 7\norderStatus: CREATED'],
    ['it is 2 JSON texts, and each has to be a record of its own', `${TEXT}\n${TEXT}\n`],
    ['it is 2 JSON texts, and each has to be a record of its own', TEXT + TEXT],
    ['NaN or Infinity stands where a number belongs', TEXT.replace('{', '{"a":NaN,"b":[-Infinity],')],
    ["undefined, or Python's None, True or False, stands as a value", TEXT.replace('{', '{"a":None,')],
    ['a comma stands before a closing bracket', TEXT.replace('}', ',}')],
    ['a number begins with zeros', TEXT.replace('{', '{"a":007,')],
    ["its texts stand in single quotes, as Python's print writes a dict", "{'eventType': 'ORDER'}"],
    ['its names stand without quotes', '{eventType: "ORDER"}'],
    ['it ends in the middle, so it was cut off', TEXT.slice(0, -1)],
    ['it ends in the middle, so it was cut off', TEXT.slice(0, 20)],
    ['it ends in the middle, so it was cut off', '{"a":[1,2'],
    ['more stands behind its end, at character 3 of 4', '{}xy'],
    [
      'a line feed, a tab or another control character stands in a text without its escape, at character 7 of 9',
      '{"a":"\n"}',
    ],
    ['an escape in a text is none that JSON knows, at character 8 of 10', '{"a":"\\q"}'],
    ['its syntax is wrong at character 6 of 8', '{"a" 1}x'],
    ['its syntax is wrong', 'order created'],
  ])('says: %s', (fault, value) => {
    expect(reasonOf(Buffer.from(value))).toEqual(['json_invalid', `The value is not valid JSON: ${fault}.`]);
  });
});

describe('registryPayloadStart', () => {
  it.each([
    ['an id of 4 bytes', '0001020304', TEXT, 5],
    ['an id of 8 bytes', '000000000000000007', TEXT, 9],
    ['a GUID', `01${'ab'.repeat(16)}`, TEXT, 17],
    ['the prefix of AWS Glue', `0300${'ab'.repeat(16)}`, TEXT, 18],
    ['an id of 4 bytes and binary data with a brace', '000102030402020202', TEXT, null],
    ['no prefix', '', TEXT, null],
  ])('finds JSON behind %s', (_, digits, rest, start) => {
    expect(registryPayloadStart(hex(digits, rest))).toBe(start);
  });
});
