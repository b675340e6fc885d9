import { crc32c } from '@platformatic/kafka';

/*
 * Reads record batches (magic 2) from the bytes of a fetch response.
 * Source: https://kafka.apache.org/documentation/#recordbatch
 */

/** The head of one record batch, and the bytes of its records as the broker stores them, perhaps compressed. */
export interface RecordBatch {
  readonly baseOffset: bigint;
  /** One more than the last offset of this record batch. The next one may start later. */
  readonly nextOffset: bigint;
  readonly leaderEpoch: number;
  readonly producerId: bigint;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  readonly timestampMs: number;
  /** The broker's time of appending, if the topic uses it as the time of every record. */
  readonly appendTimestampMs: number | undefined;
  readonly recordCount: number;
  readonly compression: number;
  readonly records: Buffer;
}

/** A record batch that contradicts its checksum or itself. */
export class CorruptRecordBatchError extends Error {
  readonly baseOffset: bigint;

  constructor(baseOffset: bigint, detail: string) {
    super(detail);
    this.name = 'CorruptRecordBatchError';
    this.baseOffset = baseOffset;
  }
}

// The positions of the fields in the head of a record batch.
const lengthAt = 8;
const leaderEpochAt = 12;
const magicAt = 16;
const crcAt = 17;
const attributesAt = 21;
const lastOffsetDeltaAt = 23;
const baseTimestampAt = 27;
const maxTimestampAt = 35;
const producerIdAt = 43;
const recordCountAt = 57;
const headBytes = 61;

const compressionMask = 0b111;
const appendTimeFlag = 1 << 3;
const transactionalFlag = 1 << 4;
const controlFlag = 1 << 5;

/**
 * Yields the whole record batches in `records`, and ignores a last one that is cut off. Throws a
 * CorruptRecordBatchError at the first one whose checksum does not match its bytes.
 */
export function* readRecordBatches(records: Buffer): Generator<RecordBatch> {
  let position = 0;
  while (records.length - position >= headBytes) {
    const length = records.readInt32BE(position + lengthAt);
    const baseOffset = records.readBigInt64BE(position);
    if (length < headBytes - leaderEpochAt) {
      throw new CorruptRecordBatchError(
        baseOffset,
        `the record batch at offset ${baseOffset} gives its length as ${length} bytes, which is too short for its head`,
      );
    }
    const end = position + leaderEpochAt + length;
    if (end > records.length) return;
    yield readRecordBatch(records.subarray(position, end), baseOffset);
    position = end;
  }
}

function readRecordBatch(bytes: Buffer, baseOffset: bigint): RecordBatch {
  const magic = bytes[magicAt];
  if (magic !== 2)
    throw new CorruptRecordBatchError(
      baseOffset,
      `the record batch at offset ${baseOffset} has the unknown format ${magic}`,
    );
  const expected = bytes.readUInt32BE(crcAt);
  const actual = crc32c(bytes.subarray(attributesAt));
  if (actual !== expected) {
    throw new CorruptRecordBatchError(
      baseOffset,
      `the record batch at offset ${baseOffset} has the CRC32C ${hexadecimal(actual)} instead of ${hexadecimal(expected)}`,
    );
  }
  const recordCount = bytes.readInt32BE(recordCountAt);
  if (recordCount < 0) {
    throw new CorruptRecordBatchError(
      baseOffset,
      `the record batch at offset ${baseOffset} gives its number of records as ${recordCount}`,
    );
  }
  const attributes = bytes.readInt16BE(attributesAt);
  const isControl = (attributes & controlFlag) !== 0;
  return {
    baseOffset,
    nextOffset: baseOffset + BigInt(bytes.readInt32BE(lastOffsetDeltaAt)) + 1n,
    leaderEpoch: bytes.readInt32BE(leaderEpochAt),
    producerId: bytes.readBigInt64BE(producerIdAt),
    isTransactional: (attributes & transactionalFlag) !== 0,
    isControl,
    timestampMs: Number(bytes.readBigInt64BE(baseTimestampAt)),
    appendTimestampMs:
      (attributes & appendTimeFlag) === 0 ? undefined : Number(bytes.readBigInt64BE(maxTimestampAt)),
    recordCount,
    compression: attributes & compressionMask,
    records: bytes.subarray(headBytes),
  };
}

function hexadecimal(crc: number): string {
  return `0x${crc.toString(16).padStart(8, '0')}`;
}
