import { crc32c } from '@platformatic/kafka';
import type { NewRecord } from '../../../ports/event-log.ts';

/*
 * Writes record batches (magic 2) into one buffer. The library's writer is not used: it allocates about ten objects for
 * each record.
 * Source: https://kafka.apache.org/documentation/#recordbatch
 */

export interface RecordBatchIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** The sequence number of the first record. Each producer numbers its records in each partition from 0. */
  readonly baseSequence: number;
}

const headBytes = 61;
const largestRecordHeadBytes = 30;
const largestHeaderHeadBytes = 10;

/** The most bytes that the record can add to its record batch. */
export function largestEncodedBytes(record: NewRecord): number {
  let bytes = largestRecordHeadBytes + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const [name, value] of record.headers) {
    bytes += largestHeaderHeadBytes + 3 * name.length + (value?.length ?? 0);
  }
  return bytes;
}

/** Encodes these records, all with the same timestamp, as one record batch. */
export function encodeRecordBatch(
  records: readonly NewRecord[],
  timestampMs: number,
  { producerId, producerEpoch, baseSequence }: RecordBatchIdentity,
): Buffer {
  let capacity = headBytes;
  for (const record of records) capacity += largestEncodedBytes(record);
  const bytes = Buffer.allocUnsafe(capacity);
  let end = headBytes;
  for (let index = 0; index < records.length; index++) {
    end = writeRecord(bytes, end, records[index] as NewRecord, index);
  }
  bytes.writeBigInt64BE(0n, 0);
  bytes.writeInt32BE(end - 12, 8);
  bytes.writeInt32BE(-1, 12);
  bytes.writeInt8(2, 16);
  bytes.writeInt16BE(0, 21);
  bytes.writeInt32BE(records.length - 1, 23);
  bytes.writeBigInt64BE(BigInt(timestampMs), 27);
  bytes.writeBigInt64BE(BigInt(timestampMs), 35);
  bytes.writeBigInt64BE(producerId, 43);
  bytes.writeInt16BE(producerEpoch, 51);
  bytes.writeInt32BE(baseSequence, 53);
  bytes.writeInt32BE(records.length, 57);
  bytes.writeUInt32BE(crc32c(bytes.subarray(21, end)), 17);
  return bytes.subarray(0, end);
}

function writeRecord(bytes: Buffer, start: number, record: NewRecord, offsetDelta: number): number {
  // The length stands first but is known last. So the body is written 5 bytes further on, then moved up to its length.
  const bodyStart = start + 5;
  let position = bodyStart;
  bytes[position++] = 0;
  bytes[position++] = 0;
  position = writeVarint(bytes, position, offsetDelta);
  position = writeField(bytes, position, record.key);
  position = writeField(bytes, position, record.value);
  position = writeVarint(bytes, position, record.headers.length);
  for (const [name, value] of record.headers) {
    position = writeField(bytes, position, Buffer.from(name, 'utf8'));
    position = writeField(bytes, position, value);
  }
  const lengthEnd = writeVarint(bytes, start, position - bodyStart);
  bytes.copyWithin(lengthEnd, bodyStart, position);
  return lengthEnd + (position - bodyStart);
}

function writeField(bytes: Buffer, position: number, field: Uint8Array | null): number {
  if (field === null) return writeVarint(bytes, position, -1);
  const start = writeVarint(bytes, position, field.length);
  // Up to 64 bytes, a loop is faster than a call of `set`.
  if (field.length > 64) bytes.set(field, start);
  else for (let index = 0; index < field.length; index++) bytes[start + index] = field[index] as number;
  return start + field.length;
}

/** Writes a zigzag-coded varint. `value` fits 31 bits. */
function writeVarint(bytes: Buffer, start: number, value: number): number {
  let position = start;
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest >= 0x80) {
    bytes[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[position++] = rest;
  return position;
}
