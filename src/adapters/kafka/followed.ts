import { isProgramError, messageOf } from '../../core/errors.ts';
import { partitionName } from '../../core/offset.ts';
import type {
  FetchedBatch,
  FollowPosition,
  LogRecord,
  PartitionFault,
  TakeLimits,
} from '../../ports/event-log.ts';
import type { Batch } from './batches.ts';
import { TooLargeError } from './decompression.ts';
import type { PartitionToFetch } from './fetch.ts';
import type { OpenBatches } from './open-batches.ts';
import { ReadBatch } from './read-batch.ts';

/** How long the others wait for one of which nothing has been read ahead, though there is more of it. */
const patienceMs = 1_000;

/** One partition from one `follow` on. A later `follow` makes another one. */
export class Followed {
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
  readonly topicId: string;
  /** What was read and not taken yet. */
  readonly queue: ReadBatch[] = [];
  /** Of what is in the queue, with what is decompressed of it. */
  queuedBytes = 0;
  fetchOffset: bigint;
  /** The leader epoch of the last thing before `fetchOffset`, or -1: the broker checks that its log has it still. */
  lastEpoch: number;
  lastFilledTurn = -1;
  isInFlight = false;
  isWithoutLeader = false;
  retryAtMs = 0;
  failures = 0;
  suspectOffset: bigint | undefined;
  /** How often in a row an offset that is in range was refused. */
  epochRefusals = 0;
  fault: PartitionFault | undefined;
  #takeOffset: bigint;
  #takeEpoch: number;
  #isUnreadable = false;
  readonly #open: OpenBatches;
  /** Since when the others wait for it, or have waited. */
  #missedSinceMs: number | undefined;

  constructor(position: FollowPosition & { readonly topicId: string }, open: OpenBatches) {
    this.#open = open;
    this.name = partitionName(position);
    this.topic = position.topic;
    this.partition = position.partition;
    this.topicId = position.topicId;
    this.fetchOffset = position.offset;
    this.#takeOffset = position.offset;
    this.lastEpoch = position.leaderEpoch;
    this.#takeEpoch = position.leaderEpoch;
  }

  toFetch(leaderEpoch: number, maxBytes: number): PartitionToFetch {
    const { partition, fetchOffset, lastEpoch } = this;
    return { partition, fetchOffset, leaderEpoch, lastFetchedEpoch: lastEpoch, maxBytes };
  }

  /** The next batch of the log; `isCommitted` says whether its records are for the caller. */
  push(batch: Batch, isCommitted: boolean): void {
    if (batch.nextOffset <= this.fetchOffset) return;
    this.fetchOffset = batch.nextOffset;
    const { leaderEpoch, nextOffset } = batch;
    this.lastEpoch = leaderEpoch;
    if (isCommitted && batch.recordCount > 0) {
      const read = new ReadBatch(batch, leaderEpoch, nextOffset);
      this.queue.push(read);
      this.queuedBytes += read.bytes;
      return;
    }
    const last = this.queue.at(-1);
    if (last !== undefined && last.leaderEpoch === leaderEpoch) last.nextOffset = nextOffset;
    else this.queue.push(new ReadBatch(undefined, leaderEpoch, nextOffset));
  }

  /** How long the others should wait for it: nothing of it is there to be taken, though the log, up to `end`, holds more. */
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

  /** The time of the oldest batch that waits; of mere news that the position moved on, negative infinity. */
  headTimestampMs(): number {
    return this.queue[0]?.batch?.timestampMs ?? Number.NEGATIVE_INFINITY;
  }

  /**
   * As many records as fit the limits, as one batch, from log batches that are no younger than `untilMs` and have one
   * leader epoch; with `atLeastOne`, the first record whatever its size. What can't be opened or decoded becomes a
   * fault, once everything before it is taken.
   */
  take(
    limits: TakeLimits,
    atLeastOne: boolean,
    untilMs: number = Number.POSITIVE_INFINITY,
  ): { batch: FetchedBatch; bytes: number } | undefined {
    const taken = { records: [] as LogRecord[], bytes: 0 };
    const from = this.#takeOffset;
    let head = this.queue[0];
    for (let count = 0; head !== undefined; count++) {
      if (count > 0 && head.leaderEpoch !== this.#takeEpoch) break;
      if (count > 0 && head.batch !== undefined && head.batch.timestampMs > untilMs) break;
      if (head.batch !== undefined && !this.#takeFrom(head, head.batch, limits, atLeastOne, taken)) break;
      this.#takeEpoch = head.leaderEpoch;
      this.#takeOffset = head.nextOffset;
      this.#dropHead();
      head = this.queue[0];
    }
    if (this.#isUnreadable) this.drop();
    if (this.#takeOffset === from) return undefined;
    const { topic, partition } = this;
    const nextOffset = this.#takeOffset;
    const batch = { topic, partition, records: taken.records, nextOffset, leaderEpoch: this.#takeEpoch };
    return { batch, bytes: taken.bytes };
  }

  /** Drops what was read. */
  drop(): void {
    while (this.queue.length > 0) this.#dropHead();
  }

  /** Told when the decompressed records of one of its batches were given up. */
  closed(bytes: number): void {
    this.queuedBytes -= bytes;
  }

  /** Whether all records of the batch are taken now. */
  #takeFrom(
    read: ReadBatch,
    batch: Batch,
    limits: TakeLimits,
    atLeastOne: boolean,
    taken: { records: LogRecord[]; bytes: number },
  ): boolean {
    const isFull = (): boolean => taken.records.length >= limits.maxRecords || taken.bytes >= limits.maxBytes;
    if (isFull() && !(atLeastOne && taken.records.length === 0)) return false;
    try {
      const closedBytes = read.bytes;
      read.open(batch, this.#open.maxBatchBytes);
      this.queuedBytes += read.bytes - closedBytes;
      this.#open.keep(read, this);
      const isWhole = batch.baseOffset >= this.#takeOffset;
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
      // A RangeError shows that the bytes make no sense; any other mistake is the program's, and says nothing about them.
      if (isProgramError(error) && !(error instanceof RangeError)) throw error;
      const last = taken.records.at(-1);
      if (last !== undefined && last.offset >= this.#takeOffset) {
        this.#takeOffset = last.offset + 1n;
        this.#takeEpoch = read.leaderEpoch;
      }
      this.#giveUp(batch, error);
      return false;
    }
  }

  #giveUp(batch: Batch, error: unknown): void {
    const { topic, partition } = this;
    const isTooLarge = error instanceof TooLargeError;
    const kind = isTooLarge ? 'batch_too_large' : 'corrupt_batch';
    const what = `the batch from offset ${batch.baseOffset} to ${batch.nextOffset - 1n}`;
    const detail = isTooLarge
      ? `${this.name}: ${what} is not opened: ${messageOf(error)}.`
      : `${this.name}: ${what} can't be decoded: ${messageOf(error)}.`;
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
