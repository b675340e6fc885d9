import { isUtf8 } from 'node:buffer';
import { Rejection } from '../reasons.ts';
import { uuidOf } from './keys.ts';

/**
 * Says what bytes are that are no JSON text in UTF-8, by their first bytes: compressed, behind the prefix of a schema
 * registry, in UTF-16, or in a binary format. Null if they are of no kind that is known here. One cause gives one reason,
 * whatever the other bytes are. It is asked only about bytes that are refused.
 */
export function knownEncoding(bytes: Buffer): Rejection | null {
  return wideText(bytes) ?? compressed(bytes) ?? counted(bytes) ?? registryFraming(bytes) ?? binary(bytes);
}

interface Signature {
  readonly name: string;
  /** The first bytes, in hexadecimal digits. */
  readonly hex: string;
}

const COMPRESSED: readonly Signature[] = [
  { name: 'gzip', hex: '1f8b' },
  { name: 'zstd', hex: '28b52ffd' },
  { name: 'LZ4 (frame format)', hex: '04224d18' },
  { name: "LZ4 (Java's LZ4Block)", hex: '4c5a34426c6f636b' },
  { name: 'snappy (framing format)', hex: 'ff060000734e61507059' },
  { name: "snappy (Java's SnappyOutputStream)", hex: '82534e4150505900' },
  { name: 'bzip2', hex: '425a68' },
  { name: 'xz', hex: 'fd377a585a00' },
  { name: 'a zip archive', hex: '504b0304' },
];

function compressed(bytes: Buffer): Rejection | null {
  const name = COMPRESSED.find(({ hex }) => beginsWith(bytes, hex))?.name ?? unmarkedCompression(bytes);
  if (name === null) return null;
  return new Rejection(
    'value_compressed',
    `The value is compressed by the producer's own code: ${name}. Kafka itself compresses by the producer's compression.type, which needs no change here.`,
  );
}

/** Compression whose first bytes are no signature, so that it is believed only if the bytes are no text. */
function unmarkedCompression(bytes: Buffer): string | null {
  if (bytes.length < 6 || isUtf8(bytes)) return null;
  const [first = 0, second = 0] = bytes;
  if (first === 0x78 && (first * 256 + second) % 31 === 0) return 'zlib (deflate)';
  return isRawSnappy(bytes) ? 'snappy (a raw block)' : null;
}

/** A raw snappy block of a JSON object: its length as a varint, then a literal that begins with a brace. */
function isRawSnappy(bytes: Buffer): boolean {
  let index = 0;
  while (index < 4 && ((bytes[index] as number) & 0x80) !== 0) index++;
  const tag = bytes[index + 1] as number;
  if ((tag & 3) !== 0) return false;
  const lengthBytes = tag >> 2 >= 60 ? (tag >> 2) - 59 : 0;
  return bytes[index + 2 + lengthBytes] === OPEN_BRACE;
}

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/** UTF-16 or UTF-32, with its mark or without. */
function wideText(bytes: Buffer): Rejection | null {
  const name = wideEncoding(bytes);
  if (name === null) return null;
  return new Rejection('utf16_text', `The value is text in ${name}, and JSON has to be in UTF-8.`);
}

function wideEncoding(bytes: Buffer): string | null {
  if (beginsWith(bytes, 'fffe0000')) return 'UTF-32 (little-endian, with its mark)';
  if (beginsWith(bytes, '0000feff')) return 'UTF-32 (big-endian, with its mark)';
  if (beginsWith(bytes, 'fffe')) return 'UTF-16 (little-endian, with its mark)';
  if (beginsWith(bytes, 'feff')) return 'UTF-16 (big-endian, with its mark)';
  if (bytes.length < 4 || bytes.length % 2 !== 0) return null;
  if (isMostly(bytes, 1, 2)) return bytes[0] === 0 ? null : 'UTF-16 (little-endian, without a mark)';
  if (isMostly(bytes, 0, 2)) return bytes[1] === 0 ? null : 'UTF-16 (big-endian, without a mark)';
  return null;
}

/** Whether most of the first bytes at the places `start`, `start + step`, ... are zero, the first two among them. */
function isMostly(bytes: Buffer, start: number, step: number): boolean {
  const end = Math.min(bytes.length, 256);
  let zeros = 0;
  let places = 0;
  for (let index = start; index < end; index += step) {
    places++;
    if (bytes[index] === 0) zeros++;
  }
  return bytes[start] === 0 && bytes[start + step] === 0 && zeros * 4 >= places * 3;
}

/** A length before the text, or NUL bytes behind it. */
function counted(bytes: Buffer): Rejection | null {
  const { length } = bytes;
  for (const size of [4, 2] as const) {
    if (length < size + 2 || !isOpening(bytes[size])) continue;
    const rest = length - size;
    if (bytes.readUIntBE(0, size) === rest || bytes.readUIntLE(0, size) === rest) {
      return new Rejection(
        'nul_byte',
        `The first ${size} bytes of the value are the length of the text behind them.`,
      );
    }
  }
  if (isOpening(bytes[0]) && bytes[length - 1] === 0) {
    let end = length;
    while (end > 0 && bytes[end - 1] === 0) end--;
    if (bytes.indexOf(0) === end) {
      return new Rejection(
        'nul_byte',
        `The value ends with NUL bytes (${length - end}), as a field of fixed length does.`,
      );
    }
  }
  return null;
}

function isOpening(byte: number | undefined): boolean {
  return byte === OPEN_BRACE || byte === OPEN_BRACKET;
}

/** The bytes of Confluent's prefix: a zero, and the schema's id in 4 bytes. */
export const REGISTRY_PREFIX_BYTES = 5;

/** Whether the bytes begin as a schema registry's serializer writes them: a zero, 4 bytes of the schema's id, the payload. */
export function hasRegistryPrefix(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes.length > REGISTRY_PREFIX_BYTES;
}

/** Where JSON begins behind a schema registry's prefix of any known kind; null if there is none. */
export function registryPayloadStart(bytes: Uint8Array): number | null {
  const isJsonAt = (place: number) => isOpening(bytes[place]) || bytes[place] === QUOTE;
  if (bytes[0] === 0 && isJsonAt(REGISTRY_PREFIX_BYTES)) return REGISTRY_PREFIX_BYTES;
  if (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && isJsonAt(9)) return 9;
  if (bytes[0] === 1 && isJsonAt(17)) return 17;
  return bytes[0] === 3 && bytes[1] === 0 && isJsonAt(18) ? 18 : null;
}

/** The schema that a prefix names, as a registry knows it, and where the payload begins. */
export interface RegistryFrame {
  /** A name as `ValueSchemas` knows it. */
  readonly schema: string;
  readonly start: number;
}

/**
 * Reads a schema registry's prefix: a zero and an id of 4 bytes; a zero and an id of 8 bytes, whose first four are zero,
 * because no registry gives the id 0; or a one and a GUID. Null if the bytes begin with none of them. Only Apicurio writes 8
 * bytes, and the id in them is a global one if nobody has set it otherwise.
 */
export function registryFrame(bytes: Buffer): RegistryFrame | null {
  if (bytes[0] === 1 && bytes.length > 17) return { schema: uuidOf(bytes.subarray(1, 17)), start: 17 };
  if (!hasRegistryPrefix(bytes)) return null;
  const id = bytes.readUInt32BE(1);
  if (id !== 0) return { schema: String(id), start: REGISTRY_PREFIX_BYTES };
  return bytes.length > 9 ? { schema: `global-${bytes.readUInt32BE(5)}`, start: 9 } : null;
}

const QUOTE = 0x22;

/** The prefix of a schema registry, and what kind of payload stands behind it. */
function registryFraming(bytes: Buffer): Rejection | null {
  const found = registryPrefix(bytes);
  if (found === null) return null;
  return new Rejection(
    'schema_registry_prefix',
    `The value begins with a schema registry's prefix, ${found}.`,
  );
}

function registryPrefix(bytes: Buffer): string | null {
  if (bytes[0] === 3 && (bytes[1] === 0 || bytes[1] === 5) && bytes.length > 18)
    return `that of AWS Glue${bytes[1] === 5 ? ', and is compressed' : payloadAt(bytes, 18)}`;
  if (bytes[0] === 1 && bytes.length > 17 && isOpening(bytes[17]))
    return `with the schema's GUID${payloadAt(bytes, 17)}`;
  if (!hasRegistryPrefix(bytes)) return null;
  const isLong = bytes.length > 9 && !isOpening(bytes[5]) && bytes.readUInt32BE(1) === 0;
  if (isLong) return `schema ${bytes.readUInt32BE(5)} in 8 bytes${payloadAt(bytes, 9)}`;
  return `schema ${bytes.readUInt32BE(1)}${payloadAt(bytes, REGISTRY_PREFIX_BYTES)}`;
}

function payloadAt(bytes: Buffer, place: number): string {
  return isOpening(bytes[place])
    ? '; JSON stands behind it'
    : '; what stands behind it is no JSON, so probably Avro or Protobuf';
}

const BINARY: readonly Signature[] = [
  { name: "Java's own serialization", hex: 'aced0005' },
  { name: 'an Avro container file', hex: '4f626a01' },
  { name: 'Avro in single-object encoding', hex: 'c301' },
  { name: 'Smile (binary JSON)', hex: '3a290a' },
  { name: 'Amazon Ion', hex: 'e00100ea' },
  { name: 'CBOR', hex: 'd9d9f7' },
  { name: 'a Parquet file', hex: '50415231' },
  { name: "Python's pickle", hex: '8004' },
  { name: "Python's pickle", hex: '8005' },
];

function binary(bytes: Buffer): Rejection | null {
  const name =
    BINARY.find(({ hex }) => beginsWith(bytes, hex))?.name ?? binaryMap(bytes) ?? unknownBinary(bytes);
  return name === null ? null : new Rejection('binary_format', `The value is no JSON text but ${name}.`);
}

/** A document of a binary format that begins with a map whose first name is a text. */
function binaryMap(bytes: Buffer): string | null {
  const { length } = bytes;
  if (length < 5) return null;
  if (bytes.readUInt32LE(0) === length && bytes[length - 1] === 0) return 'BSON';
  if (isUtf8(bytes)) return null;
  const [first = 0, second = 0] = bytes;
  const isMessagePackText = (second >= 0xa1 && second <= 0xbf) || second === 0xd9;
  if (first >= 0x81 && first <= 0x8f && isMessagePackText) return 'MessagePack';
  const isCborText = second >= 0x61 && second <= 0x77;
  if (((first >= 0xa1 && first <= 0xb7) || first === 0xbf) && isCborText) return 'CBOR';
  return null;
}

/** The number of first bytes among which control characters show that a value is no text. */
const LOOKED_AT = 64;

/** Bytes that begin like no JSON and hold control characters. */
function unknownBinary(bytes: Buffer): string | null {
  const first = bytes[0] ?? 0;
  if (isOpening(first) || first === QUOTE) return null;
  const isControl = (byte: number) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d;
  return bytes.subarray(0, LOOKED_AT).some(isControl)
    ? 'a binary format without a mark, such as Avro or Protobuf, or encrypted'
    : null;
}

function beginsWith(bytes: Buffer, hex: string): boolean {
  const length = hex.length / 2;
  return bytes.length >= length && bytes.toString('hex', 0, length) === hex;
}
