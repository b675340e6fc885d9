import { describe, expect, it } from 'vitest';
import {
  hasRegistryPrefix,
  knownEncoding,
  registryFrame,
  registryPayloadStart,
} from '../../../../src/pipeline/decode/forms/encodings.ts';

const hex = (digits: string, rest = '') => Buffer.concat([Buffer.from(digits, 'hex'), Buffer.from(rest)]);
const utf16 = (text: string) => Buffer.from(text, 'utf16le');
const detailOf = (bytes: Buffer) => {
  const found = knownEncoding(bytes);
  return found === null ? null : `${found.reason}: ${found.detail}`;
};

const compressed = (name: string) =>
  `value_compressed: The value is compressed by the producer's own code: ${name}. Kafka itself compresses by the producer's compression.type, which needs no change here.`;
const wide = (name: string) => `utf16_text: The value is text in ${name}, and JSON has to be in UTF-8.`;
const binary = (name: string) => `binary_format: The value is no JSON text but ${name}.`;
const prefix = (found: string) =>
  `schema_registry_prefix: The value begins with a schema registry's prefix, ${found}.`;
const counted = (size: number) =>
  `nul_byte: The first ${size} bytes of the value are the length of the text behind them.`;

const LITTLE = 'UTF-16 (little-endian, without a mark)';
const BIG = 'UTF-16 (big-endian, without a mark)';
const UNMARKED = 'a binary format without a mark, such as Avro or Protobuf, or encrypted';
const NO_JSON = '; what stands behind it is no JSON, so probably Avro or Protobuf';
const SNAPPY = 'snappy (a raw block)';

describe('bytes with a signature', () => {
  it.each([
    ['1f8b', 'gzip'],
    ['28b52ffd', 'zstd'],
    ['04224d18', 'LZ4 (frame format)'],
    ['4c5a34426c6f636b', "LZ4 (Java's LZ4Block)"],
    ['ff060000734e61507059', 'snappy (framing format)'],
    ['82534e4150505900', "snappy (Java's SnappyOutputStream)"],
    ['425a68', 'bzip2'],
    ['fd377a585a00', 'xz'],
    ['504b0304', 'a zip archive'],
  ])('%s are compressed, also without a byte behind them', (digits, name) => {
    expect(detailOf(hex(digits))).toBe(compressed(name));
    expect(detailOf(hex(digits, '{"a":1}'))).toBe(compressed(name));
    expect(detailOf(hex(digits.slice(0, -2)))).not.toBe(compressed(name));
  });

  it.each([
    ['aced0005', "Java's own serialization"],
    ['4f626a01', 'an Avro container file'],
    ['c301', 'Avro in single-object encoding'],
    ['3a290a', 'Smile (binary JSON)'],
    ['e00100ea', 'Amazon Ion'],
    ['d9d9f7', 'CBOR'],
    ['50415231', 'a Parquet file'],
    ['8004', "Python's pickle"],
    ['8005', "Python's pickle"],
  ])('%s are of a binary format', (digits, name) => {
    expect(detailOf(hex(digits))).toBe(binary(name));
  });
});

describe('compression without a signature', () => {
  const text = (length: number) => `{${'x'.repeat(length - 1)}`;

  it('counts as zlib, if the bytes are no text', () => {
    expect(detailOf(hex('789cff000000'))).toBe(compressed('zlib (deflate)'));
    expect(detailOf(hex('7801ff000000'))).toBe(compressed('zlib (deflate)'));
    expect(detailOf(hex('789cff0000'))).not.toBe(compressed('zlib (deflate)'));
    expect(detailOf(hex('789dff000000'))).not.toBe(compressed('zlib (deflate)'));
    expect(detailOf(hex('799cff000000'))).not.toBe(compressed('zlib (deflate)'));
    expect(detailOf(Buffer.from('x\u0001abcdef'))).not.toBe(compressed('zlib (deflate)'));
  });

  it.each([
    ['in its tag', hex('289c', text(40))],
    ['in one byte', hex('64f063', text(100))],
    ['in two bytes', hex('ac02f42b01', text(300))],
    ['in three bytes', hex('80808001f8000001', text(100))],
  ])('counts as a block of snappy with the length of its literal %s', (_, bytes) => {
    expect(detailOf(bytes)).toBe(compressed(SNAPPY));
  });

  it.each([
    ['a copy', hex('289d', text(40))],
    ['a copy', hex('289e', text(40))],
    ['another first byte', hex('289c', `x${text(40)}`)],
    ['a length of one byte more', hex('64f463', text(100))],
    ['a length of one byte less', hex('64ec63', text(100))],
  ])('counts as no snappy with %s', (_, bytes) => {
    expect(detailOf(bytes)).not.toBe(compressed(SNAPPY));
  });
});

describe('text of wide characters', () => {
  it.each([
    [hex('fffe0000'), wide('UTF-32 (little-endian, with its mark)')],
    [hex('0000feff'), wide('UTF-32 (big-endian, with its mark)')],
    [hex('fffe'), wide('UTF-16 (little-endian, with its mark)')],
    [hex('feff'), wide('UTF-16 (big-endian, with its mark)')],
    [utf16('{}'), wide(LITTLE)],
    [utf16('{}').swap16(), wide(BIG)],
    [utf16('{}\u4e2d\u4e2d'), null],
    [utf16('{}ab\u4e2d'), wide(LITTLE)],
    [utf16('{}a\u4e2d'), wide(LITTLE)],
    [utf16('{}a\u4e2d').swap16(), wide(BIG)],
    [utf16('{\u4e2dabcdefgh'), null],
    [utf16('\u4e2d{abcdefgh'), null],
    [utf16('{}'.repeat(64) + '\u4e2d'.repeat(100)), wide(LITTLE)],
    [utf16('{}'.repeat(32) + '\u4e2d'.repeat(40) + 'a'.repeat(500)), null],
  ])('gets its name: %#', (bytes, detail) => {
    const found = detailOf(bytes);
    if (detail === null) expect(found ?? '').not.toContain('UTF-16');
    else expect(found).toBe(detail);
  });

  it('needs a whole number of characters, and two at least', () => {
    for (const bytes of [
      utf16('{}').subarray(0, 3),
      utf16('{'),
      hex('7b007d0000'),
      hex('00000000'),
      hex('000000007b'),
    ])
      expect(detailOf(bytes) ?? '').not.toContain('UTF-16');
  });
});

describe('bytes of a fixed or a counted length', () => {
  it.each([
    ['00000002', '{}', 4],
    ['02000000', '{}', 4],
    ['00000002', '[]', 4],
    ['00000003', '{x}', 4],
    ['0002', '{}', 2],
    ['0200', '{}', 2],
    ['0004', '[{}]', 2],
  ])('%s before %s is a length', (digits, text, size) => {
    expect(detailOf(hex(digits, text))).toBe(counted(size));
  });

  it.each([
    ['00000003', '{}'],
    ['0000000c', 'x{}'],
    ['0003', '{}'],
    ['0001', '{'],
    ['00000001', '{'],
  ])('%s before %s is none', (digits, text) => {
    expect(detailOf(hex(digits, text)) ?? '').not.toContain('length of the text');
  });

  it('ends with NUL bytes, which are counted, and holds no other', () => {
    const ends = (count: number) =>
      `nul_byte: The value ends with NUL bytes (${count}), as a field of fixed length does.`;
    expect(detailOf(hex('', '{}\0'))).toBe(ends(1));
    expect(detailOf(hex('', '[]\0\0\0'))).toBe(ends(3));
    expect(detailOf(hex('', '{\0\0'))).toBe(ends(2));
    expect(detailOf(hex('', '{\0}x\0'))).toBeNull();
    expect(detailOf(hex('', '{}x'))).toBeNull();
  });
});

describe("a schema registry's prefix", () => {
  const GUID = 'b26b3bd53fc24d1c8a3f0c9ab3a0e4f1';

  it.each([
    [hex('0000000001', '{'), prefix('schema 1; JSON stands behind it')],
    [hex('0000000101', '['), prefix('schema 257; JSON stands behind it')],
    [hex('0000000001', 'x'), prefix(`schema 1${NO_JSON}`)],
    [hex('000000000000000007', '{'), prefix('schema 7 in 8 bytes; JSON stands behind it')],
    [hex('000000000000000007', 'x'), prefix(`schema 7 in 8 bytes${NO_JSON}`)],
    [hex('000000000100000007', 'x'), prefix(`schema 1${NO_JSON}`)],
    [hex('0000000000', '{0000'), prefix('schema 0; JSON stands behind it')],
    [hex('000000000000000007'), prefix(`schema 0${NO_JSON}`)],
    [hex(`01${GUID}`, '{'), prefix("with the schema's GUID; JSON stands behind it")],
    [hex(`01${GUID}`, 'x'), binary(UNMARKED)],
    [hex(`01${GUID}`), binary(UNMARKED)],
    [hex(`02${GUID}`, '{'), binary(UNMARKED)],
    [hex(`0300${GUID}`, '{'), prefix('that of AWS Glue; JSON stands behind it')],
    [hex(`0300${GUID}`, 'x'), prefix(`that of AWS Glue${NO_JSON}`)],
    [hex(`0305${GUID}`, 'x'), prefix('that of AWS Glue, and is compressed')],
    [hex(`0300${GUID}`), binary(UNMARKED)],
    [hex(`0301${GUID}`, '{'), binary(UNMARKED)],
    [hex('0000000001'), binary(UNMARKED)],
  ])('gets its name: %#', (bytes, detail) => {
    expect(detailOf(bytes)).toBe(detail);
  });

  it('ends before another byte', () => {
    expect([hasRegistryPrefix(hex('000000000101')), hasRegistryPrefix(hex('0000000001'))]).toEqual([
      true,
      false,
    ]);
    expect(hasRegistryPrefix(hex('010000000101'))).toBe(false);
  });

  it.each([
    [hex('0001020304', '{'), 5],
    [hex('0001020304', '['), 5],
    [hex('0001020304', '"'), 5],
    [hex('0101020304', '{'), null],
    [hex('000000010203040506', '{'), 9],
    [hex('000000010203040506', '"'), 9],
    [hex('000001010203040506', '{'), null],
    [hex('000100010203040506', '{'), null],
    [hex('010000010203040506', '{'), null],
    [hex(`01${GUID}`, '{'), 17],
    [hex(`01${GUID}`, '"'), 17],
    [hex(`02${GUID}`, '{'), null],
    [hex(`0300${GUID}`, '{'), 18],
    [hex(`0301${GUID}`, '{'), null],
    [hex(`0200${GUID}`, '{'), null],
    [hex(`0300${GUID}`, 'x'), null],
  ])('stands before JSON at the place: %#', (bytes, start) => {
    expect(registryPayloadStart(bytes)).toBe(start);
  });

  it.each([
    [hex('0000000007', 'x'), { schema: '7', start: 5 }],
    [hex('0000000007'), null],
    [hex('000000000000000007', 'x'), { schema: 'global-7', start: 9 }],
    [hex('000000000000000007'), null],
    [hex(`01${GUID}`, 'x'), { schema: 'b26b3bd5-3fc2-4d1c-8a3f-0c9ab3a0e4f1', start: 17 }],
    [hex(`01${GUID}`), null],
    [hex(`02${GUID}`, 'x'), null],
  ])('names a schema: %#', (bytes, frame) => {
    expect(registryFrame(bytes)).toEqual(frame);
  });
});

describe('a map of a binary format', () => {
  it.each([
    ['0500000000', 'BSON'],
    ['0600000001', null],
    ['0500000001', null],
    ['81a1ffffff', 'MessagePack'],
    ['8fbfffffff', 'MessagePack'],
    ['81d9ffffff', 'MessagePack'],
    ['80a1ffffff', null],
    ['90a1ffffff', null],
    ['81a0ffffff', null],
    ['81c0ffffff', null],
    ['81a1ffff', null],
    ['a161ffffff', 'CBOR'],
    ['b777ffffff', 'CBOR'],
    ['bf61ffffff', 'CBOR'],
    ['a061ffffff', null],
    ['b861ffffff', null],
    ['c061ffffff', null],
    ['a160ffffff', null],
    ['a178ffffff', null],
  ])('begins with %s: %s', (digits, name) => {
    expect(detailOf(hex(digits))).toBe(
      name === null ? (digits.startsWith('0') ? binary(UNMARKED) : null) : binary(name),
    );
  });
});

describe('bytes of an unknown format', () => {
  it.each([
    ['a\u0000b', true],
    ['a\u001fb', true],
    ['a b', false],
    ['a\t\n\rb', false],
    ['a\u000bb', true],
    ['{\u0001', false],
    ['[\u0001', false],
    ['"\u0001', false],
    [`${'x'.repeat(63)}\u0001`, true],
    [`${'x'.repeat(64)}\u0001`, false],
    ['', false],
  ])('hold control characters among the first ones: %j, %s', (text, isBinary) => {
    expect(detailOf(Buffer.from(text))).toBe(isBinary ? binary(UNMARKED) : null);
  });
});
