import { type PartitionOffset, partitionName, type TopicPartition } from '../../../core/offset.ts';
import type { NewRecord } from '../../../ports/event-log.ts';
import { encodeRecordBatch, largestEncodedBytes } from '../wire/record-batch-writer.ts';
import type { ProducerIdentity } from './producer-identity.ts';

/** One call of `append`, until it is settled. */
export interface Append {
  /** The offsets of the records that were appended so far, each at the index of its record. */
  readonly offsets: PartitionOffset[];
  /** The number of records that are neither appended nor given up. */
  left: number;
  readonly deadlineMs: number;
  /** If true, a failed append is rejected only once the outcome of all of its records is known. */
  readonly endsTogether: boolean;
  /** The reason why a record was not appended. Undefined while there is none. */
  failure: unknown;
  resolve(offsets: PartitionOffset[]): void;
  reject(error: unknown): void;
}

export interface Entry {
  readonly record: NewRecord;
  readonly append: Append;
  /** The index of the record in its append. */
  readonly index: number;
}

export interface PendingRecordBatch {
  readonly entries: readonly Entry[];
  /** The encoded bytes, which every retry sends unchanged. Undefined before the first try. */
  bytes: Buffer | undefined;
  baseSequence: number;
  /** Whether it may be in the log although no answer has said so. */
  isAmbiguous: boolean;
}

/** The records that wait for one partition, and the one record batch that is being sent to it. */
export class PartitionQueue {
  readonly place: TopicPartition;
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
  waiting: Entry[] = [];
  head: PendingRecordBatch | undefined;
  isInFlight = false;
  nextSequence = 0;
  recordBatchBytes: number;
  retryAtMs = 0;
  failures = 0;
  lastProblem: string | undefined;

  constructor(place: TopicPartition, recordBatchBytes: number) {
    this.place = place;
    this.name = partitionName(place);
    this.topic = place.topic;
    this.partition = place.partition;
    this.recordBatchBytes = recordBatchBytes;
  }

  hasWork(): boolean {
    return this.head !== undefined || this.waiting.length > 0;
  }

  firstDeadlineMs(): number {
    const first = this.head?.entries[0] ?? this.waiting[0];
    return first?.append.deadlineMs ?? Number.POSITIVE_INFINITY;
  }

  /** The record batch to send next, encoded. A record batch that was sent before stays the head until it is settled. */
  encodeHead(identity: ProducerIdentity, timestampMs: number): PendingRecordBatch {
    const pending = this.#formHead();
    if (pending.bytes !== undefined) return pending;
    pending.baseSequence = this.nextSequence;
    // The count starts again at 0 after 2^31 - 1.
    this.nextSequence = (this.nextSequence + pending.entries.length) % 2 ** 31;
    pending.bytes = encodeRecordBatch(
      pending.entries.map(({ record }) => record),
      timestampMs,
      { ...identity, baseSequence: pending.baseSequence },
    );
    return pending;
  }

  succeed(pending: PendingRecordBatch, baseOffset: bigint): void {
    this.head = undefined;
    this.failures = 0;
    this.lastProblem = undefined;
    const { topic, partition } = this;
    for (let delta = 0; delta < pending.entries.length; delta++) {
      const { append, index } = pending.entries[delta] as Entry;
      append.offsets[index] = { topic, partition, offset: baseOffset + BigInt(delta) };
      if (--append.left > 0) continue;
      if (append.failure === undefined) append.resolve(append.offsets);
      else append.reject(append.failure);
    }
  }

  /** Puts the head's records back, to be sent in record batches of half its size. The head must not be in the log. */
  splitHead(): void {
    const pending = this.head;
    if (pending === undefined) return;
    this.recordBatchBytes = Math.max(1, Math.floor((pending.bytes?.length ?? this.recordBatchBytes) / 2));
    this.nextSequence = pending.baseSequence;
    this.waiting = [...pending.entries, ...this.waiting];
    this.head = undefined;
  }

  /** Rejects the appends that have records in the head. Without a head, the next record batch counts as the head. */
  failHead(error: unknown): void {
    const pending = this.#formHead();
    this.head = undefined;
    this.failures = 0;
    this.lastProblem = undefined;
    if (pending.bytes !== undefined) this.nextSequence = pending.baseSequence;
    const failed = new Set(pending.entries.map(({ append }) => append));
    // Later records of a rejected append are dropped here. Its records in other partitions may still be appended.
    const rest = this.waiting.filter(({ append }) => failed.has(append));
    this.waiting = this.waiting.filter(({ append }) => !failed.has(append));
    fail([...pending.entries, ...rest], error);
  }

  /** Rejects the appends that have records behind the head. */
  failWaiting(error: unknown): void {
    const waiting = this.waiting;
    this.waiting = [];
    fail(waiting, error);
  }

  #formHead(): PendingRecordBatch {
    if (this.head !== undefined) return this.head;
    let bytes = 0;
    let count = 0;
    for (; count < this.waiting.length; count++) {
      bytes += largestEncodedBytes((this.waiting[count] as Entry).record);
      if (bytes > this.recordBatchBytes && count > 0) break;
    }
    const entries = this.waiting.splice(0, count);
    this.head = { entries, bytes: undefined, baseSequence: 0, isAmbiguous: false };
    return this.head;
  }
}

function fail(entries: readonly Entry[], error: unknown): void {
  for (const { append } of entries) {
    append.failure ??= error;
    append.left--;
  }
  for (const append of new Set(entries.map((entry) => entry.append)))
    if (!append.endsTogether || append.left === 0) append.reject(append.failure);
}
