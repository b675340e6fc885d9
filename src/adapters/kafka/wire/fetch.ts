import { type Connection, type Reader, Writer } from '@platformatic/kafka';
import { TributaryError } from '../../../core/errors.ts';
import { KafkaCode, nameOfCode } from '../errors.ts';

/*
 * Writes the Fetch request, version 13, and reads its response. The library's reader is not used: it decodes every
 * record of a response at once, compares no checksum, and throws the whole response away if one partition has an
 * error. This one leaves the record batches as bytes.
 *
 * Source: https://kafka.apache.org/protocol#The_Messages_Fetch
 */

export interface PartitionToFetch {
  readonly partition: number;
  readonly fetchOffset: bigint;
  /** The epoch of the partition's leader, or -1 if unknown. A broker that knows a newer leader refuses the fetch. */
  readonly leaderEpoch: number;
  /**
   * The leader epoch of the last record batch that was read, or -1. The broker compares it to report a diverged log.
   */
  readonly lastFetchedEpoch: number;
  readonly maxBytes: number;
}

export interface FetchRequest {
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  /** Whether records of open transactions are wanted too. Default: no. */
  readonly readsUncommitted?: boolean;
  readonly topics: readonly { readonly topicId: string; readonly partitions: readonly PartitionToFetch[] }[];
}

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

export interface FetchedPartition {
  readonly topicId: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  /** Set if the log differs from the log that was read: the last epoch that both have, and the offset at its end. */
  readonly diverging: { readonly epoch: number; readonly endOffset: bigint } | undefined;
  /** The aborted transactions that have records in this response. Valid for this response alone. */
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches. The last one may be cut off. */
  readonly records: Buffer;
}

export interface FetchResponse {
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
}

const fetchApiKey = 1;
const fetchVersion = 13;
const consumerReplicaId = -1;
const minBytes = 1;
const readUncommitted = 0;
const readCommitted = 1;
const noSession = { id: 0, epoch: -1 };

/** Asks for records. Rejects only if there is no response; a response holds the broker's error codes. */
export function fetchRecords(connection: Connection, request: FetchRequest): Promise<FetchResponse> {
  return new Promise((resolve, reject) => {
    connection.send<FetchResponse>(
      fetchApiKey,
      fetchVersion,
      () => writeRequest(request),
      (_correlationId, _apiKey, _apiVersion, reader) => readResponse(reader),
      true,
      true,
      (error, response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new TributaryError('log_unreachable', 'Kafka gave an empty answer.'));
      },
    );
  });
}

/** The partitions of a response. Throws `log_unreachable` if the broker has refused the request as a whole. */
export function partitionsOf({ errorCode, partitions }: FetchResponse): readonly FetchedPartition[] {
  if (errorCode === KafkaCode.none) return partitions;
  throw new TributaryError('log_unreachable', `Kafka answered ${nameOfCode(errorCode)}`);
}

function writeRequest(request: FetchRequest): Writer {
  return Writer.create()
    .appendInt32(consumerReplicaId)
    .appendInt32(request.maxWaitMs)
    .appendInt32(minBytes)
    .appendInt32(request.maxBytes)
    .appendInt8(request.readsUncommitted === true ? readUncommitted : readCommitted)
    .appendInt32(noSession.id)
    .appendInt32(noSession.epoch)
    .appendArray([...request.topics], (topicWriter, { topicId, partitions }) => {
      topicWriter.appendUUID(topicId).appendArray([...partitions], (writer, partition) => {
        writer
          .appendInt32(partition.partition)
          .appendInt32(partition.leaderEpoch)
          .appendInt64(partition.fetchOffset)
          .appendInt32(partition.lastFetchedEpoch)
          .appendInt64(-1n)
          .appendInt32(partition.maxBytes);
      });
    })
    .appendArray([], () => {})
    .appendString('')
    .appendTaggedFields();
}

const divergingEpochTag = 0;

function readResponse(reader: Reader): FetchResponse {
  const cursor = new Cursor(reader.buffer.slice(reader.position));
  cursor.skip(4);
  const errorCode = cursor.int16();
  cursor.skip(4);
  const partitions: FetchedPartition[] = [];
  for (let topics = cursor.arrayLength(); topics > 0; topics--) {
    const topicId = cursor.uuid();
    for (let left = cursor.arrayLength(); left > 0; left--) partitions.push(readPartition(cursor, topicId));
    cursor.skipTags();
  }
  return { errorCode, partitions };
}

function readPartition(cursor: Cursor, topicId: string): FetchedPartition {
  const partition = cursor.int32();
  const errorCode = cursor.int16();
  const highWatermark = cursor.int64();
  const lastStableOffset = cursor.int64();
  const logStartOffset = cursor.int64();
  const aborted: AbortedTransaction[] = [];
  for (let left = cursor.arrayLength(); left > 0; left--) {
    aborted.push({ producerId: cursor.int64(), firstOffset: cursor.int64() });
    cursor.skipTags();
  }
  cursor.skip(4);
  const records = cursor.bytes(Math.max(0, cursor.unsignedVarint() - 1));
  let diverging: FetchedPartition['diverging'];
  for (let tags = cursor.unsignedVarint(); tags > 0; tags--) {
    const tag = cursor.unsignedVarint();
    const field = new Cursor(cursor.bytes(cursor.unsignedVarint()));
    if (tag === divergingEpochTag) diverging = { epoch: field.int32(), endOffset: field.int64() };
  }
  return {
    topicId,
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    diverging,
    aborted,
    records,
  };
}

class Cursor {
  readonly #buffer: Buffer;
  #position = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  skip(bytes: number): void {
    this.#position += bytes;
  }

  int16(): number {
    this.#position += 2;
    return this.#buffer.readInt16BE(this.#position - 2);
  }

  int32(): number {
    this.#position += 4;
    return this.#buffer.readInt32BE(this.#position - 4);
  }

  int64(): bigint {
    this.#position += 8;
    return this.#buffer.readBigInt64BE(this.#position - 8);
  }

  bytes(length: number): Buffer {
    const end = this.#position + length;
    if (end > this.#buffer.length) throw new RangeError('the answer ends too early');
    const bytes = this.#buffer.subarray(this.#position, end);
    this.#position = end;
    return bytes;
  }

  uuid(): string {
    const hex = this.bytes(16).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#buffer.readUInt8(this.#position++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a varint is longer than five bytes');
  }

  /** The length of a compact array. A null array has length 0. */
  arrayLength(): number {
    return Math.max(0, this.unsignedVarint() - 1);
  }

  skipTags(): void {
    for (let tags = this.unsignedVarint(); tags > 0; tags--) {
      this.unsignedVarint();
      this.bytes(this.unsignedVarint());
    }
  }
}
