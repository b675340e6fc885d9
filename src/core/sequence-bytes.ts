import type { SequenceKey } from './sequence.ts';

const NUMBERS_BYTES = 24;
const HASH_BYTES = 32;

/**
 * Writes the key as bytes that compare as `compareSequence` does, for a column of a store: three numbers of 8 bytes each, the
 * event id with each zero byte written as 00 FF, 00 01 as its end, and the 32 bytes of the content hash. At most 568 bytes.
 */
export function sequenceBytes(key: SequenceKey): Buffer {
  const id = Buffer.from(key.eventId);
  const escaped = id.includes(0) ? escapeZeros(id) : id;
  const bytes = Buffer.allocUnsafe(NUMBERS_BYTES + escaped.length + 2 + HASH_BYTES);
  writeNumber(bytes, key.position, 0);
  writeNumber(bytes, key.occurredAtMs, 8);
  writeNumber(bytes, key.cautionRank, 16);
  escaped.copy(bytes, NUMBERS_BYTES);
  const end = NUMBERS_BYTES + escaped.length;
  bytes[end] = 0;
  bytes[end + 1] = 1;
  bytes.write(key.contentHash, end + 2, HASH_BYTES, 'hex');
  return bytes;
}

/** Reads the key from the bytes that `sequenceBytes` has written. */
export function sequenceOf(bytes: Buffer): SequenceKey {
  const end = bytes.length - HASH_BYTES - 2;
  const id = bytes.subarray(NUMBERS_BYTES, end);
  return {
    position: readNumber(bytes, 0),
    occurredAtMs: readNumber(bytes, 8),
    cautionRank: readNumber(bytes, 16),
    eventId: (id.includes(0) ? unescapeZeros(id) : id).toString('utf8'),
    contentHash: bytes.toString('hex', end + 2),
  };
}

const TWO_TO_32 = 0x1_0000_0000;
/** Added to a number so that negative numbers sort before positive ones. */
const HIGH_OFFSET = 0x8000_0000;

/** Writes a safe integer in 8 bytes. */
function writeNumber(bytes: Buffer, value: number, at: number): void {
  const high = Math.floor(value / TWO_TO_32);
  bytes.writeUInt32BE(high + HIGH_OFFSET, at);
  bytes.writeUInt32BE(value - high * TWO_TO_32, at + 4);
}

function readNumber(bytes: Buffer, at: number): number {
  return (bytes.readUInt32BE(at) - HIGH_OFFSET) * TWO_TO_32 + bytes.readUInt32BE(at + 4);
}

function escapeZeros(id: Buffer): Buffer {
  const escaped: number[] = [];
  for (const byte of id) escaped.push(...(byte === 0 ? [0, 0xff] : [byte]));
  return Buffer.from(escaped);
}

function unescapeZeros(escaped: Buffer): Buffer {
  const id: number[] = [];
  for (let index = 0; index < escaped.length; index++) {
    id.push(escaped[index] as number);
    if (escaped[index] === 0) index++;
  }
  return Buffer.from(id);
}
