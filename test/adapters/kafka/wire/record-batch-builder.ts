import { compressionsAlgorithms, crc32c, createRecordsBatch } from '@platformatic/kafka';
import type { RecordBatch } from '../../../../src/adapters/kafka/wire/record-batch-reader.ts';

export const compressions = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;
export type Compression = keyof typeof compressions;

export interface BuiltRecordBatch {
  readonly baseOffset?: bigint;
  readonly leaderEpoch?: number;
  readonly recordCount: number;
  readonly lastOffsetDelta?: number;
  readonly compression?: number;
  /** With a producer id, the record batch belongs to a transaction. */
  readonly producerId?: bigint;
  readonly timestampMs?: number;
  /** The time at which the broker appended it, for a topic with this kind of time. */
  readonly appendTimestampMs?: number;
  /** The bytes of the records, as they are to stand in the record batch. */
  readonly records: Buffer;
}

/** A record batch with any head, true or not, and the checksum that fits it. */
export function buildRecordBatch(built: BuiltRecordBatch): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(61), built.records]);
  bytes.writeBigInt64BE(built.baseOffset ?? 0n, 0);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt32BE(built.leaderEpoch ?? 0, 12);
  bytes.writeInt8(2, 16);
  const appendTime = built.appendTimestampMs === undefined ? 0 : 1 << 3;
  const transactional = built.producerId === undefined ? 0 : 1 << 4;
  bytes.writeInt16BE((built.compression ?? 0) | appendTime | transactional, 21);
  bytes.writeInt32BE(built.lastOffsetDelta ?? built.recordCount - 1, 23);
  bytes.writeBigInt64BE(BigInt(built.timestampMs ?? 0), 27);
  bytes.writeBigInt64BE(BigInt(built.appendTimestampMs ?? built.timestampMs ?? 0), 35);
  bytes.writeBigInt64BE(built.producerId ?? -1n, 43);
  bytes.writeInt32BE(built.recordCount, 57);
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

/** A record without key, headers and time, with this offset delta and value. */
export function buildRecord(offsetDelta: number, value: Buffer | null): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, 0]),
    varint(offsetDelta),
    varint(-1),
    value === null ? varint(-1) : Buffer.concat([varint(value.length), value]),
    varint(0),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

/** Bytes that decompress to `bytes`. */
export function compressed(bytes: Buffer, compression: Compression): Buffer {
  return compressionsAlgorithms[compression].compressSync(bytes);
}

/** Bytes that decompress to `megabytes` MiB of zeros. No more than 1 MiB of the zeros is in memory at once. */
export function bomb(megabytes: number, compression: Compression): Buffer {
  const part = compressed(Buffer.alloc(1 << 20), compression);
  if (compression !== 'snappy') {
    // Gzip members, LZ4 frames and Zstandard frames may follow each other.
    return Buffer.concat(Array.from({ length: megabytes }, () => part));
  }
  const head = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return Buffer.concat([head, ...Array.from({ length: megabytes }, () => [length, part]).flat()]);
}

export const builtAtMs = 1_790_000_000_123;

/** A record batch as a broker stores it: at its offset, which the checksum does not cover. */
export function storedRecordBatch(baseOffset: bigint, values: readonly string[]): Buffer {
  const bytes = createRecordsBatch(
    values.map((value) => ({ topic: 't', value: Buffer.from(value), timestamp: BigInt(builtAtMs) })),
    {},
  ).buffer;
  bytes.writeBigInt64BE(baseOffset, 0);
  return bytes;
}

/**
 * The head of a record batch with `count` records, without their bytes. With a producer id, it belongs to a
 * transaction.
 */
export function headOf(baseOffset: bigint, count: number, producerId = -1n): RecordBatch {
  return {
    baseOffset,
    nextOffset: baseOffset + BigInt(count),
    leaderEpoch: 0,
    producerId,
    isTransactional: producerId >= 0n,
    isControl: false,
    timestampMs: builtAtMs,
    appendTimestampMs: undefined,
    recordCount: count,
    compression: 0,
    records: Buffer.alloc(0),
  };
}
