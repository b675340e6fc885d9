import { isProgramError, messageOf } from '../../../core/errors.ts';
import { goesOnAt } from '../../../core/halts.ts';
import { partitionName } from '../../../core/offset.ts';
import type {
  FetchedRecords,
  FollowOffset,
  LogRecord,
  PartitionFault,
  TakeLimits,
} from '../../../ports/event-log.ts';
import { TooLargeError } from '../wire/decompression.ts';
import type { PartitionToFetch } from '../wire/fetch.ts';
import type { RecordBatch } from '../wire/record-batch-reader.ts';
import type { OpenRecordBatches } from './open-record-batches.ts';
import { QueuedRecordBatch } from './queued-record-batch.ts';

/** A take waits at most this long for a partition that is behind and has no records in memory. */
const patienceMs = 1_000;

/** One partition from one `follow` to the next one, or to its end. A later `follow` makes another `Followed`. */
export class Followed {
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
  readonly topicId: string;
  /** The record batches that were read and not taken yet, oldest first. */
  readonly queue: QueuedRecordBatch[] = [];
  /** The memory that the queue takes, in bytes, decompressed records included. */
  queuedBytes = 0;
  fetchOffset: bigint;
  /** The leader epoch of the last record batch before `fetchOffset`, or -1. The broker checks that its log has it. */
  lastEpoch: number;
  /** The turn of the last fetch that brought something. */
  lastFilledTurn = -1;
  isInFlight = false;
  isWithoutLeader = false;
  retryAtMs = 0;
  failures = 0;
  /** The offset of a record batch that looked corrupt once. */
  suspectOffset: bigint | undefined;
  /** The number of refusals in a row of an offset that is in range. */
  epochRefusals = 0;
  fault: PartitionFault | undefined;
  #takeOffset: bigint;
  #takeEpoch: number;
  #isUnreadable = false;
  readonly #open: OpenRecordBatches;
  /** The time at which a take began to wait for this partition. */
  #missedSinceMs: number | undefined;

  constructor(from: FollowOffset & { readonly topicId: string }, open: OpenRecordBatches) {
    this.#open = open;
    this.name = partitionName(from);
    this.topic = from.topic;
    this.partition = from.partition;
    this.topicId = from.topicId;
    this.fetchOffset = from.offset;
    this.#takeOffset = from.offset;
    this.lastEpoch = from.leaderEpoch;
    this.#takeEpoch = from.leaderEpoch;
  }

  toFetch(leaderEpoch: number, maxBytes: number): PartitionToFetch {
    const { partition, fetchOffset, lastEpoch } = this;
    return { partition, fetchOffset, leaderEpoch, lastFetchedEpoch: lastEpoch, maxBytes };
  }

  /** Queues the next record batch of the log. If it is not committed, only the next offset moves past it. */
  push(recordBatch: RecordBatch, isCommitted: boolean): void {
    if (recordBatch.nextOffset <= this.fetchOffset) return;
    this.fetchOffset = recordBatch.nextOffset;
    const { leaderEpoch, nextOffset } = recordBatch;
    this.lastEpoch = leaderEpoch;
    if (isCommitted && recordBatch.recordCount > 0) {
      const read = new QueuedRecordBatch(recordBatch, leaderEpoch, nextOffset);
      this.queue.push(read);
      this.queuedBytes += read.bytes;
      return;
    }
    const last = this.queue.at(-1);
    if (last !== undefined && last.leaderEpoch === leaderEpoch) last.nextOffset = nextOffset;
    else this.queue.push(new QueuedRecordBatch(undefined, leaderEpoch, nextOffset));
  }

  /**
   * The time in ms that a take should still wait for records of this partition: above 0 only if none are in memory,
   * though the log, which ends at `end`, has more of them.
   */
  patienceLeftMs(end: bigint | undefined, nowMs: number): number {
    const isBehind = end === undefined || this.fetchOffset < end;
    const isWell = this.fault === undefined && this.failures === 0 && !this.isWithoutLeader;
    if (this.queue.length > 0 || !isBehind || !isWell) {
      this.#missedSinceMs = undefined;
      return 0;
    }
    this.#missedSinceMs ??= nowMs;
    return Math.max(0, this.#missedSinceMs + patienceMs - nowMs);
  }

  /**
   * The time of the oldest record batch in the queue; negative infinity if the first entry only moves the next offset.
   */
  headTimestampMs(): number {
    return this.queue[0]?.recordBatch?.timestampMs ?? Number.NEGATIVE_INFINITY;
  }

  /**
   * Takes records up to the limits, from record batches that are no younger than `untilMs` and have one leader epoch.
   * With `atLeastOne` it takes the first record whatever its size, and the first record batch in parts if it has more
   * than `maxRecords` records. It does not split the others: the part of a record batch would be ahead in time of the
   * partitions that are taken beside this one. A record batch that can't be decompressed or
   * decoded becomes the partition's fault, once everything before it is taken.
   */
  take(
    limits: TakeLimits,
    atLeastOne: boolean,
    untilMs: number = Number.POSITIVE_INFINITY,
  ): { fetched: FetchedRecords; bytes: number } | undefined {
    const taken = { records: [] as LogRecord[], bytes: 0 };
    const from = this.#takeOffset;
    let head = this.queue[0];
    for (let count = 0; head !== undefined; count++) {
      if (count > 0 && head.leaderEpoch !== this.#takeEpoch) break;
      if (count > 0 && head.recordBatch !== undefined && head.recordBatch.timestampMs > untilMs) break;
      const isFirst = atLeastOne && taken.records.length === 0;
      if (!isFirst && taken.records.length + this.#recordsLeft(head) > limits.maxRecords) break;
      if (
        head.recordBatch !== undefined &&
        !this.#takeFrom(head, head.recordBatch, limits, atLeastOne, taken)
      )
        break;
      this.#takeEpoch = head.leaderEpoch;
      this.#takeOffset = head.nextOffset;
      this.#dropHead();
      head = this.queue[0];
    }
    if (this.#isUnreadable) this.drop();
    if (this.#takeOffset === from) return undefined;
    const { topic, partition } = this;
    const nextOffset = this.#takeOffset;
    const fetched = { topic, partition, records: taken.records, nextOffset, leaderEpoch: this.#takeEpoch };
    return { fetched, bytes: taken.bytes };
  }

  /** The most records that are left of a record batch in the queue. */
  #recordsLeft({ recordBatch, nextOffset }: QueuedRecordBatch): number {
    if (recordBatch === undefined) return 0;
    return Math.min(recordBatch.recordCount, Number(nextOffset - this.#takeOffset));
  }

  /** Drops the queue. */
  drop(): void {
    while (this.queue.length > 0) this.#dropHead();
  }

  /** `OpenRecordBatches` calls this when it has dropped the decompressed records of a record batch in the queue. */
  closed(bytes: number): void {
    this.queuedBytes -= bytes;
  }

  /** Takes records of one record batch. Returns whether all of them are taken now. */
  #takeFrom(
    read: QueuedRecordBatch,
    recordBatch: RecordBatch,
    limits: TakeLimits,
    atLeastOne: boolean,
    taken: { records: LogRecord[]; bytes: number },
  ): boolean {
    const isFull = (): boolean => taken.records.length >= limits.maxRecords || taken.bytes >= limits.maxBytes;
    if (isFull() && !(atLeastOne && taken.records.length === 0)) return false;
    try {
      const closedBytes = read.bytes;
      read.open(recordBatch, this.#open.maxRecordBatchBytes);
      this.queuedBytes += read.bytes - closedBytes;
      this.#open.keep(read, this);
      const isWhole = recordBatch.baseOffset >= this.#takeOffset;
      for (let record = read.next(); record !== undefined; record = read.next()) {
        if (!isWhole && record.offset < this.#takeOffset) continue;
        taken.records.push(record);
        taken.bytes += read.recordBytes;
        if (!isFull() || read.isAtEnd) continue;
        this.#takeOffset = record.offset + 1n;
        this.#takeEpoch = read.leaderEpoch;
        return false;
      }
      return true;
    } catch (error) {
      // A RangeError shows that the bytes are malformed. Any other mistake of the program says nothing about the bytes.
      if (isProgramError(error) && !(error instanceof RangeError)) throw error;
      const last = taken.records.at(-1);
      if (last !== undefined && last.offset >= this.#takeOffset) {
        this.#takeOffset = last.offset + 1n;
        this.#takeEpoch = read.leaderEpoch;
      }
      this.#giveUp(recordBatch, error);
      return false;
    }
  }

  #giveUp(recordBatch: RecordBatch, error: unknown): void {
    const { topic, partition } = this;
    const isTooLarge = error instanceof TooLargeError;
    const kind = isTooLarge ? 'batch_too_large' : 'corrupt_batch';
    const what = `the record batch from offset ${recordBatch.baseOffset} to ${recordBatch.nextOffset - 1n}`;
    const why = isTooLarge ? 'is too large to be opened' : "can't be decoded";
    const detail = `${this.name}: ${what} ${why}: ${messageOf(error)}. ${goesOnAt(recordBatch.nextOffset)}`;
    this.fault = { topic, partition, kind, offset: this.#takeOffset, detail };
    this.#isUnreadable = true;
  }

  #dropHead(): void {
    const head = this.queue.shift();
    if (head === undefined) return;
    this.#open.close(head);
    this.queuedBytes -= head.bytes;
  }
}
