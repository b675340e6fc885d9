import { type PartitionOffset, partitionName, type TopicPartition } from '../../core/offset.ts';
import type { NewRecord } from '../../ports/event-log.ts';
import type { ProducerIdentity } from './produce.ts';
import { encodeBatch, largestEncodedBytes } from './record-batch.ts';

/** One call of `append`, until all of its records are in the log. */
export interface Append {
  readonly positions: PartitionOffset[];
  left: number;
  readonly deadlineMs: number;
  /** Whether it is rejected only when all of its records have come to their end, too. */
  readonly endsTogether: boolean;
  /** Why some of it was not appended; undefined so far. */
  failure: unknown;
  resolve(positions: PartitionOffset[]): void;
  reject(error: unknown): void;
}

export interface Entry {
  readonly record: NewRecord;
  readonly append: Append;
  /** The record's place among those of its append. */
  readonly index: number;
}

export interface Batch {
  readonly entries: readonly Entry[];
  /** What was sent, to be sent again as it is; undefined before the first time. */
  bytes: Buffer | undefined;
  baseSequence: number;
  /** Whether it may be in the log although no answer said so. */
  isAmbiguous: boolean;
}

/** What waits for one partition, and the one batch of it that is on its way. */
export class PartitionQueue {
  readonly place: TopicPartition;
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
  waiting: Entry[] = [];
  head: Batch | undefined;
  isInFlight = false;
  nextSequence = 0;
  batchBytes: number;
  retryAtMs = 0;
  failures = 0;
  lastProblem: string | undefined;

  constructor(place: TopicPartition, batchBytes: number) {
    this.place = place;
    this.name = partitionName(place);
    this.topic = place.topic;
    this.partition = place.partition;
    this.batchBytes = batchBytes;
  }

  hasWork(): boolean {
    return this.head !== undefined || this.waiting.length > 0;
  }

  firstDeadlineMs(): number {
    const first = this.head?.entries[0] ?? this.waiting[0];
    return first?.append.deadlineMs ?? Number.POSITIVE_INFINITY;
  }

  /** The batch to send next, encoded; the one that was sent before, if it has not been answered for good. */
  encodeHead(identity: ProducerIdentity, timestampMs: number): Batch {
    const batch = this.#formHead();
    if (batch.bytes !== undefined) return batch;
    batch.baseSequence = this.nextSequence;
    // The count starts again at 0 after 2^31 - 1.
    this.nextSequence = (this.nextSequence + batch.entries.length) % 2 ** 31;
    batch.bytes = encodeBatch(
      batch.entries.map(({ record }) => record),
      timestampMs,
      { ...identity, baseSequence: batch.baseSequence },
    );
    return batch;
  }

  succeed(batch: Batch, baseOffset: bigint): void {
    this.head = undefined;
    this.failures = 0;
    this.lastProblem = undefined;
    const { topic, partition } = this;
    for (let delta = 0; delta < batch.entries.length; delta++) {
      const { append, index } = batch.entries[delta] as Entry;
      append.positions[index] = { topic, partition, offset: baseOffset + BigInt(delta) };
      if (--append.left > 0) continue;
      if (append.failure === undefined) append.resolve(append.positions);
      else append.reject(append.failure);
    }
  }

  /** Puts the head's records back, for batches of half the size. Only for a head that was not appended. */
  splitHead(): void {
    const batch = this.head;
    if (batch === undefined) return;
    this.batchBytes = Math.max(1, Math.floor((batch.bytes?.length ?? this.batchBytes) / 2));
    this.nextSequence = batch.baseSequence;
    this.waiting = [...batch.entries, ...this.waiting];
    this.head = undefined;
  }

  /** Rejects the appends that have records in the head (or, without one, in what would be the next). */
  failHead(error: unknown): void {
    const batch = this.#formHead();
    this.head = undefined;
    this.failures = 0;
    this.lastProblem = undefined;
    if (batch.bytes !== undefined) this.nextSequence = batch.baseSequence;
    const failed = new Set(batch.entries.map(({ append }) => append));
    // The rest of a rejected append need not follow; what other partitions have of it may.
    const rest = this.waiting.filter(({ append }) => failed.has(append));
    this.waiting = this.waiting.filter(({ append }) => !failed.has(append));
    fail([...batch.entries, ...rest], error);
  }

  /** Rejects the appends that have records waiting behind the head. */
  failWaiting(error: unknown): void {
    const waiting = this.waiting;
    this.waiting = [];
    fail(waiting, error);
  }

  #formHead(): Batch {
    if (this.head !== undefined) return this.head;
    let bytes = 0;
    let count = 0;
    for (; count < this.waiting.length; count++) {
      bytes += largestEncodedBytes((this.waiting[count] as Entry).record);
      if (bytes > this.batchBytes && count > 0) break;
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
