import { crc32c } from '@platformatic/kafka';
import { varint } from '../wire/record-batch-builder.ts';

/*
 * Record batches as a broker looks at them: by their heads.
 * Source: https://kafka.apache.org/documentation/#recordbatch
 */

export interface BatchHead {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly lastSequence: number;
  readonly recordCount: number;
  readonly isTransactional: boolean;
}

const HEAD_BYTES = 61;

/** The head of the only record batch in these bytes. Null if they are not one whole, undamaged record batch. */
export function headIn(bytes: Buffer): BatchHead | null {
  if (bytes.length < HEAD_BYTES || bytes.readInt32BE(8) !== bytes.length - 12 || bytes[16] !== 2) return null;
  if (crc32c(bytes.subarray(21)) !== bytes.readUInt32BE(17)) return null;
  const recordCount = bytes.readInt32BE(57);
  if (recordCount < 1 || bytes.readInt32BE(23) !== recordCount - 1) return null;
  const baseSequence = bytes.readInt32BE(53);
  return {
    producerId: bytes.readBigInt64BE(43),
    producerEpoch: bytes.readInt16BE(51),
    baseSequence,
    lastSequence: baseSequence < 0 ? -1 : (baseSequence + recordCount - 1) % 2 ** 31,
    recordCount,
    isTransactional: (bytes.readInt16BE(21) & 0x10) !== 0,
  };
}

/** A copy of the record batch as the leader stores it. The checksum covers neither of the two fields. */
export function storedAt(bytes: Buffer, baseOffset: bigint, leaderEpoch: number): Buffer {
  const stored = Buffer.from(bytes);
  stored.writeBigInt64BE(baseOffset, 0);
  stored.writeInt32BE(leaderEpoch, 12);
  return stored;
}

/** The values of the records in a record batch that is not compressed. */
export function valuesIn(bytes: Buffer): string[] {
  let position = HEAD_BYTES;
  const number = (): number => {
    let coded = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[position++] ?? 0;
      coded += (byte & 0x7f) * scale;
      if (byte < 0x80) return coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2;
    }
  };
  const field = (): string => {
    const length = Math.max(0, number());
    position += length;
    return bytes.toString('utf8', position - length, position);
  };
  return Array.from({ length: bytes.readInt32BE(57) }, () => {
    const end = number() + position;
    position++;
    number();
    number();
    field();
    const value = field();
    position = end;
    return value;
  });
}

export interface WrittenBatch {
  readonly values: readonly string[];
  readonly timestampMs: number;
  /** With a producer id, the record batch belongs to a transaction. */
  readonly producerId?: bigint;
}

/** A record batch with these values, each under the key `k`. */
export function batchOf({ values, timestampMs, producerId }: WrittenBatch): Buffer {
  const records = values.map((value, index) => recordOf(index, Buffer.from('k'), Buffer.from(value)));
  return assemble(records, timestampMs, producerId ?? -1n, producerId === undefined ? 0 : 0x10);
}

/** The marker that ends a transaction. Source: KIP-98, "Control Messages". */
export function markerOf(producerId: bigint, end: 'commit' | 'abort', timestampMs: number): Buffer {
  const key = Buffer.from([0, 0, 0, end === 'commit' ? 1 : 0]);
  return assemble([recordOf(0, key, Buffer.alloc(6))], timestampMs, producerId, 0x30);
}

function assemble(
  records: readonly Buffer[],
  timestampMs: number,
  producerId: bigint,
  attributes: number,
): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(HEAD_BYTES), ...records]);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt8(2, 16);
  bytes.writeInt16BE(attributes, 21);
  bytes.writeInt32BE(records.length - 1, 23);
  bytes.writeBigInt64BE(BigInt(timestampMs), 27);
  bytes.writeBigInt64BE(BigInt(timestampMs), 35);
  bytes.writeBigInt64BE(producerId, 43);
  bytes.writeInt16BE(producerId < 0n ? -1 : 0, 51);
  bytes.writeInt32BE(-1, 53);
  bytes.writeInt32BE(records.length, 57);
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

function recordOf(offsetDelta: number, key: Buffer, value: Buffer): Buffer {
  const head = [Buffer.from([0]), varint(0), varint(offsetDelta)];
  const body = Buffer.concat([...head, varint(key.length), key, varint(value.length), value, varint(0)]);
  return Buffer.concat([varint(body.length), body]);
}
