import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { PartitionOffset, TopicPartition } from '../../src/core/offset.ts';
import { partitionName } from '../../src/core/offset.ts';
import type {
  AssignedPartition,
  ConsumerListener,
  EventLog,
  EventLogConsumer,
  FetchedRecords,
  FollowOffset,
  LoggedHeader,
  LogRecord,
  NewRecord,
  PartitionFault,
  RecordHeader,
} from '../../src/ports/event-log.ts';
import { UNKNOWN_LEADER_EPOCH } from '../../src/ports/event-log.ts';

/** A log under test. The suite uses new names for its topics and groups, so tests may share a log. */
export interface EventLogHarness {
  readonly log: EventLog;
  /** Opens the same log as another process would. `cleanup` closes it if the test has not. */
  openAnother(): Promise<EventLog>;
  /** Deletes the records before the offset, as retention would. Null if the log under test cannot do so. */
  readonly deleteRecords: ((partition: TopicPartition, beforeOffset: bigint) => Promise<void>) | null;
  /** Deletes the topic and creates it again. Null if the log under test cannot do so. */
  readonly recreateTopic: ((topic: string, partitions: number) => Promise<void>) | null;
  cleanup(): Promise<void>;
}

export interface EventLogCapabilities {
  /** A test fails when a step, such as a rebalance, takes longer than this. */
  readonly timeoutMs: number;
  /** Whether the log chooses partitions by keys as Kafka does (murmur2), so that other clients choose alike. */
  readonly partitionsLikeKafka: boolean;
}

/** A call of the listener. */
export type ListenerCall =
  | { readonly kind: 'assigned'; readonly partitions: readonly AssignedPartition[] }
  | { readonly kind: 'revoked' | 'lost'; readonly partitions: readonly TopicPartition[] }
  | { readonly kind: 'halted'; readonly fault: PartitionFault };

export interface TestMemberOptions {
  /**
   * The offset from which a new partition is followed. Null does not follow it. Default: the partition's start
   * offset.
   */
  readonly startAt?: (partition: AssignedPartition) => bigint | null;
  /** Awaited inside `revoked`. */
  readonly onRevoked?: (partitions: readonly TopicPartition[]) => Promise<void>;
}

/**
 * A member that acts like the pipeline: it keeps the listener's calls, holds the partitions that it was assigned, and
 * follows each new partition from the offset of `startAt`.
 */
export class TestMember {
  readonly consumer: EventLogConsumer;
  /** The calls that the listener has answered: what they changed shows in `held`. */
  readonly calls: ListenerCall[] = [];
  readonly held = new Map<string, AssignedPartition>();
  readonly faults: PartitionFault[] = [];
  /** The most listener calls that ran at once. The port promises one at a time. */
  mostCallsAtOnce = 0;
  #callsNow = 0;
  readonly #startAt: (partition: AssignedPartition) => bigint | null;
  readonly #onRevoked: (partitions: readonly TopicPartition[]) => Promise<void>;
  readonly #timeoutMs: number;

  constructor(consumer: EventLogConsumer, timeoutMs: number, options: TestMemberOptions = {}) {
    this.consumer = consumer;
    this.#timeoutMs = timeoutMs;
    this.#startAt = options.startAt ?? ((partition) => partition.startOffset);
    this.#onRevoked = options.onRevoked ?? (async () => {});
  }

  async start(): Promise<this> {
    const listener: ConsumerListener = {
      assigned: (partitions) =>
        this.#told({ kind: 'assigned', partitions }, async () => {
          const offsets: FollowOffset[] = [];
          for (const partition of partitions) {
            this.held.set(partitionName(partition), partition);
            const offset = this.#startAt(partition);
            if (offset !== null)
              offsets.push({ ...plain(partition), offset, leaderEpoch: UNKNOWN_LEADER_EPOCH });
          }
          this.consumer.follow(offsets);
        }),
      revoked: (partitions) =>
        this.#told({ kind: 'revoked', partitions }, async () => {
          await this.#onRevoked(partitions);
          for (const partition of partitions) this.held.delete(partitionName(partition));
        }),
      lost: (partitions) =>
        this.#told({ kind: 'lost', partitions }, async () => {
          for (const partition of partitions) this.held.delete(partitionName(partition));
        }),
      halted: (fault) =>
        this.#told({ kind: 'halted', fault }, async () => {
          this.faults.push(fault);
        }),
    };
    await this.consumer.start(listener);
    return this;
  }

  async #told(call: ListenerCall, answer: () => Promise<void>): Promise<void> {
    this.#callsNow += 1;
    this.mostCallsAtOnce = Math.max(this.mostCallsAtOnce, this.#callsNow);
    try {
      // Waits, so that a second call at the same time would be seen.
      await pause(1);
      await answer();
    } finally {
      this.calls.push(call);
      this.#callsNow -= 1;
    }
  }

  holds(): string[] {
    return [...this.held.keys()].sort();
  }

  async untilHolds(count: number): Promise<this> {
    await eventually(
      () => this.held.size === count,
      this.#timeoutMs,
      () => `${count} partitions held, has ${this.holds()}`,
    );
    return this;
  }

  async untilFaults(count: number): Promise<void> {
    await eventually(
      () => this.faults.length >= count,
      this.#timeoutMs,
      () => `${count} faults`,
    );
  }

  /** Takes until `count` records have come, and checks that they are in sequence in each partition. */
  async read(partitions: readonly TopicPartition[], count: number): Promise<ReadRecord[]> {
    const records: ReadRecord[] = [];
    const next = new Map<string, bigint>();
    const signal = AbortSignal.timeout(this.#timeoutMs);
    while (records.length < count) {
      const taken = await this.consumer.take(partitions, { maxRecords: 1000, maxBytes: 1 << 20 }, signal);
      if (signal.aborted) throw new Error(`Only ${records.length} of ${count} records came.`);
      if (taken.length === 0)
        throw new Error(`Nothing is followed after ${records.length} of ${count} records.`);
      for (const fetched of taken) {
        checkFetched(fetched, next.get(partitionName(fetched)));
        next.set(partitionName(fetched), fetched.nextOffset);
        for (const record of fetched.records) records.push(readRecordOf(fetched, record));
      }
    }
    return records;
  }
}

/** The record with fields of its own: those of a log may be made when they are asked for. */
export function readRecordOf(partition: TopicPartition, record: LogRecord): ReadRecord {
  const { offset, timestampMs, key, value, headers } = record;
  return { ...plain(partition), offset, timestampMs, key, value, headers };
}

/** The opened log, and helpers that give each test topics and members of its own. */
export class EventLogSuite {
  readonly capabilities: EventLogCapabilities;
  opened: EventLogHarness | null = null;
  readonly #members: TestMember[] = [];

  constructor(capabilities: EventLogCapabilities) {
    this.capabilities = capabilities;
  }

  get timeoutMs(): number {
    return this.capabilities.timeoutMs;
  }

  get harness(): EventLogHarness {
    if (this.opened === null) throw new Error('The log under test did not open.');
    return this.opened;
  }

  get log(): EventLog {
    return this.harness.log;
  }

  async newTopic(partitions: number): Promise<string> {
    const topic = `contract-${randomUUID()}`;
    await this.log.createTopics([{ topic, partitions }]);
    return topic;
  }

  newMember(topics: readonly string[], options: NewMemberOptions = {}): TestMember {
    const consumer = (options.on ?? this.log).consumer({
      group: options.group ?? `contract-${randomUUID()}`,
      topics,
      maxBufferedBytes: options.maxBufferedBytes ?? 8 << 20,
      ...(options.store === undefined ? {} : { store: options.store }),
    });
    const member = new TestMember(consumer, this.timeoutMs, options);
    this.#members.push(member);
    return member;
  }

  async closeMembers(): Promise<void> {
    await Promise.all(this.#members.splice(0).map((member) => member.consumer.close()));
  }

  async append(records: readonly NewRecord[]): Promise<PartitionOffset[]> {
    const producer = this.log.producer();
    try {
      return await producer.append(records);
    } finally {
      await producer.close();
    }
  }

  /** The start offset and the end offset of each partition. */
  async rangesOf(topic: string): Promise<[bigint, bigint][]> {
    const [description] = await this.log.describe([topic]);
    return (description?.partitions ?? []).map(({ startOffset, endOffset }) => [startOffset, endOffset]);
  }
}

export interface NewMemberOptions extends TestMemberOptions {
  readonly group?: string;
  readonly on?: EventLog;
  readonly maxBufferedBytes?: number;
  readonly store?: string;
}

export interface ReadRecord extends LogRecord, TopicPartition {}

/** Throws unless the records are in sequence, from the expected start to below `nextOffset`. */
export function checkFetched(fetched: FetchedRecords, expectedStart: bigint | undefined): void {
  let previous = (expectedStart ?? 0n) - 1n;
  for (const record of fetched.records) {
    if (record.offset <= previous) {
      throw new Error(`${partitionName(fetched)}: offset ${record.offset} came after ${previous}.`);
    }
    previous = record.offset;
  }
  if (fetched.nextOffset <= previous) {
    throw new Error(`${partitionName(fetched)}: nextOffset ${fetched.nextOffset} is not after ${previous}.`);
  }
}

export async function eventually(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  expectation: () => string,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${expectation()}.`);
    await pause(5);
  }
}

export const generousLimits = { maxRecords: 1000, maxBytes: 1 << 20 };

/** The offset as a text, for comparing and looking up. */
export function placeOf(offset: PartitionOffset): string {
  return `${partitionName(offset)}@${offset.offset}`;
}

export function plain(partition: TopicPartition): TopicPartition {
  return { topic: partition.topic, partition: partition.partition };
}

export function partitionsOf(topic: string, count: number): TopicPartition[] {
  return Array.from({ length: count }, (_, partition) => ({ topic, partition }));
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export function newRecord(
  topic: string,
  key: string | null,
  value: string,
  headers: readonly RecordHeader[] = [],
): NewRecord {
  return { topic, key: key === null ? null : text(key), value: text(value), headers };
}

export function valueText(record: LogRecord): string {
  return new TextDecoder().decode(record.value ?? new Uint8Array());
}

/** The bytes of a record as hexadecimal texts, so that the byte arrays of two adapters compare equal. */
export function bytesOf(record: {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly LoggedHeader[];
}): unknown {
  const hex = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString('hex'));
  return {
    key: hex(record.key),
    value: hex(record.value),
    headers: record.headers.map(([name, value]) => [name, hex(value)]),
  };
}
