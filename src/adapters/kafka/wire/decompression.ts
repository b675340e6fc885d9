import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { compressionsAlgorithms } from '@platformatic/kafka';

/*
 * Decompresses the records of a record batch within a limit, because a few kilobytes may decompress to gigabytes.
 * zlib stops at a limit by itself. The library's Snappy and LZ4 do not, so their output size is computed before they
 * run.
 * Source: https://kafka.apache.org/documentation/#recordbatch (attributes), Snappy's format_description.txt and
 * framing of Xerial's snappy-java, LZ4's lz4_Frame_format.md and lz4_Block_format.md.
 */

/** Says that the decompressed bytes would exceed the limit. */
export class TooLargeError extends Error {
  constructor(maxBytes: number) {
    super(`it decompresses to more than ${maxBytes} bytes`);
    this.name = 'TooLargeError';
  }
}

const Codec = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;

/** `compression` is the number in the record batch's attributes. Throws a TooLargeError, or the codec's own error. */
export function decompress(bytes: Buffer, compression: number, maxBytes: number): Buffer {
  switch (compression) {
    case Codec.none:
      return bytes;
    case Codec.gzip:
      return withinLimit(maxBytes, () => gunzipSync(bytes, { maxOutputLength: maxBytes }));
    case Codec.zstd:
      return withinLimit(maxBytes, () => zstdDecompressSync(bytes, { maxOutputLength: maxBytes }));
    case Codec.snappy:
      if (snappySize(bytes) > maxBytes) throw new TooLargeError(maxBytes);
      return compressionsAlgorithms.snappy.decompressSync(bytes);
    case Codec.lz4:
      if (lz4Size(bytes, maxBytes) > maxBytes) throw new TooLargeError(maxBytes);
      return compressionsAlgorithms.lz4.decompressSync(bytes);
    default:
      throw new RangeError(`there is no compression number ${compression}`);
  }
}

function withinLimit(maxBytes: number, run: () => Buffer): Buffer {
  try {
    return run();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new TooLargeError(maxBytes);
    throw error;
  }
}

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHeadBytes = 16;

/**
 * The decompressed size in bytes, as the blocks declare it. The decoder fails on a block that declares a wrong size.
 */
function snappySize(bytes: Buffer): number {
  if (!bytes.subarray(0, xerialMagic.length).equals(xerialMagic)) return snappyBlockSize(bytes, 0);
  let size = 0;
  for (let position = xerialHeadBytes; position < bytes.length; ) {
    if (position + 4 > bytes.length) throw new RangeError('a Snappy chunk ends too early');
    size += snappyBlockSize(bytes, position + 4);
    position += 4 + bytes.readUInt32BE(position);
  }
  return size;
}

/** Reads the size at the start of a block: a varint of at most 32 bits. */
function snappyBlockSize(bytes: Buffer, start: number): number {
  let size = 0;
  for (let index = 0; index < 5; index++) {
    const byte = bytes[start + index];
    if (byte === undefined) throw new RangeError('a Snappy block ends too early');
    size += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return size;
  }
  throw new RangeError('the size of a Snappy block is longer than five bytes');
}

const lz4Magic = 0x184d2204;
const smallestMatch = 4;

/** The decompressed size of the LZ4 frames in bytes, or some number above `maxBytes`. */
function lz4Size(bytes: Buffer, maxBytes: number): number {
  let size = 0;
  for (let position = 0; position < bytes.length && size <= maxBytes; ) {
    if (position + 7 > bytes.length || bytes.readUInt32LE(position) !== lz4Magic) {
      throw new RangeError('the bytes are not an LZ4 frame');
    }
    const flags = bytes[position + 4] as number;
    const hasBlockChecksums = (flags & 0x10) !== 0;
    const hasContentSize = (flags & 0x08) !== 0;
    position += 6;
    if (hasContentSize) {
      if (bytes.readBigUInt64LE(position) > BigInt(maxBytes)) return Number.POSITIVE_INFINITY;
      position += 8;
    }
    if ((flags & 0x01) !== 0) position += 4;
    position++;
    for (;;) {
      const head = bytes.readUInt32LE(position);
      position += 4;
      if (head === 0) break;
      const length = head & 0x7fffffff;
      const end = position + length;
      if (end > bytes.length) throw new RangeError('an LZ4 block ends too early');
      size += head >= 0x80000000 ? length : lz4BlockSize(bytes, position, end, maxBytes - size);
      if (size > maxBytes) return size;
      position = end + (hasBlockChecksums ? 4 : 0);
    }
    if ((flags & 0x04) !== 0) position += 4;
  }
  return size;
}

/**
 * The decompressed size of one block in bytes. A block consists of sequences: literal bytes, then a match that
 * repeats earlier bytes.
 */
function lz4BlockSize(bytes: Buffer, start: number, end: number, maxBytes: number): number {
  let position = start;
  let size = 0;
  const longer = (length: number): number => {
    if (length < 15) return length;
    let sum = length;
    for (;;) {
      const byte = position < end ? (bytes[position++] as number) : 0;
      sum += byte;
      if (byte !== 255) return sum;
    }
  };
  while (position < end && size <= maxBytes) {
    const token = bytes[position++] as number;
    const literals = longer(token >> 4);
    size += literals;
    position += literals;
    // The last sequence of a block has no match.
    if (position >= end) break;
    position += 2;
    size += longer(token & 15) + smallestMatch;
  }
  return size;
}
