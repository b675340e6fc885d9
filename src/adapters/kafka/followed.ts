import { partitionName } from '../../core/offset.ts';
import type {
  FetchedBatch,
  FollowPosition,
  LogRecord,
  PartitionFault,
  TakeLimits,
} from '../../ports/event-log.ts';
import { type Batch, CorruptBatchError } from './batches.ts';
import type { PartitionToFetch } from './fetch.ts';
import { decodeRecords } from './records.ts';

/** What a batch costs in memory beside its records. */
const batchOverheadBytes = 200;

/** How long the others wait for one of which nothing has been read ahead, though there is more of it. */
const patienceMs = 1_000;

/** Something that was read: a batch of committed records, or nothing but the news that the position moved on. */
interface Read {
  readonly batch: Batch | undefined;
  /** Of the last thing before `nextOffset`. */
  readonly leaderEpoch: number;
  nextOffset: bigint;
}

/** One partition from one `follow` on. A later `follow` makes another one. */
export class Followed {
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
  readonly topicId: string;
  /** What was read and not taken yet. */
  readonly queue: Read[] = [];
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
  fault: PartitionFault | undefined;
  #takeOffset: bigint;
  #takeEpoch: number;
  #isUndecodable = false;
  /** Since when the others wait for it, or have waited. */
  #missedSinceMs: number | undefined;

  constructor(position: FollowPosition & { readonly topicId: string }) {
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
      this.queue.push({ batch, leaderEpoch, nextOffset });
      this.queuedBytes += bytesOf(batch);
      return;
    }
    const last = this.queue.at(-1);
    if (last !== undefined && last.leaderEpoch === leaderEpoch) last.nextOffset = nextOffset;
    else this.queue.push({ batch: undefined, leaderEpoch, nextOffset });
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
   * As many batches as fit the limits and are no younger than `untilMs`, as one; with `atLeastOne`, the first one
   * whatever its size. All of it has one leader epoch. A batch that can't be decoded becomes a fault, once everything
   * before it is taken.
   */
  take(
    limits: TakeLimits,
    atLeastOne: boolean,
    untilMs: number = Number.POSITIVE_INFINITY,
  ): { batch: FetchedBatch; bytes: number } | undefined {
    const records: LogRecord[] = [];
    let bytes = 0;
    let count = 0;
    const from = this.#takeOffset;
    while (count < this.queue.length) {
      const { batch, nextOffset, leaderEpoch } = this.queue[count] as Read;
      if (count > 0 && leaderEpoch !== this.#takeEpoch) break;
      const size = batch === undefined ? 0 : bytesOf(batch);
      const fits =
        bytes + size <= limits.maxBytes && records.length + (batch?.recordCount ?? 0) <= limits.maxRecords;
      if (!fits && !(atLeastOne && count === 0)) break;
      if (count > 0 && batch !== undefined && batch.timestampMs > untilMs) break;
      if (batch !== undefined && !this.#decode(batch, records)) break;
      bytes += size;
      this.#takeOffset = nextOffset;
      this.#takeEpoch = leaderEpoch;
      count++;
    }
    if (this.#isUndecodable) {
      this.queue.length = 0;
      this.queuedBytes = 0;
    } else {
      this.queue.splice(0, count);
      this.queuedBytes -= bytes;
    }
    if (this.#takeOffset === from) return undefined;
    const { topic, partition } = this;
    const nextOffset = this.#takeOffset;
    return { batch: { topic, partition, records, nextOffset, leaderEpoch: this.#takeEpoch }, bytes };
  }

  #decode(batch: Batch, into: LogRecord[]): boolean {
    const before = into.length;
    try {
      decodeRecords(batch, this.#takeOffset, into);
      return true;
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof CorruptBatchError)) throw error;
      into.length = before;
      const { topic, partition } = this;
      const offset = this.#takeOffset;
      const detail = `${this.name}: the batch at offset ${batch.baseOffset} can't be decoded: ${error.message}.`;
      this.fault = { topic, partition, kind: 'corrupt_batch', offset, detail };
      this.#isUndecodable = true;
      return false;
    }
  }
}

function bytesOf(batch: Batch): number {
  return batch.records.length + batchOverheadBytes;
}
