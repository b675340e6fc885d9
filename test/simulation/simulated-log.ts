import { TributaryError } from '../../src/core/errors.ts';
import { type PartitionOffset, partitionName, type TopicPartition } from '../../src/core/offset.ts';
import { Gate } from '../../src/pipeline/gate.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type {
  ConsumerOptions,
  EventLog,
  EventLogProducer,
  FetchedRecords,
  FirstRecord,
  LogRecord,
  NewRecord,
  Peek,
  ProducerOptions,
  Readers,
  RecordsRange,
  RecordsRead,
  TopicDescription,
} from '../../src/ports/event-log.ts';
import { UNKNOWN_LEADER_EPOCH } from '../../src/ports/event-log.ts';
import { SimulatedConsumer } from './simulated-consumer.ts';
import { type Sharing, SimulatedGroup } from './simulated-group.ts';
import { SimulatedProducer } from './simulated-producer.ts';

export interface Network {
  /** The milliseconds that one answer takes. */
  latencyMs(): number;
  /** The most records that one fetch brings. */
  fetchRecords(): number;
  /** Whether a request is answered with an error that may pass. Default: none is. */
  refuses?(): boolean;
}

/** The part of a process that its connections to the log need. */
export interface LogProcess {
  readonly isDead: boolean;
  /** Resolves once the process runs. */
  runs(): Promise<void>;
}

/**
 * One partition as the brokers hold it. Offsets may be missing: aborted transactions, markers, compaction. Each leader
 * appends under an epoch of its own.
 */
export class SimulatedPartition implements TopicPartition {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly records: LogRecord[] = [];
  /** The offsets at which unreadable bytes begin. */
  readonly corrupt = new Set<bigint>();
  readonly changed = new Gate();
  startOffset = 0n;
  endOffset = 0n;
  hasLeader = true;
  /** Records that a new leader did not have. */
  readonly lost: LogRecord[] = [];
  /** From here on other records may have been read than are there now; null once somebody has decided about it. */
  divergedAt: bigint | null = null;
  /** Where each leader began to append, the oldest first. */
  #leaders: { readonly epoch: number; readonly fromOffset: bigint }[] = [{ epoch: 0, fromOffset: 0n }];

  constructor(topic: string, topicId: string, partition: number) {
    this.topic = topic;
    this.topicId = topicId;
    this.partition = partition;
  }

  append(record: NewRecord, timestampMs: number): PartitionOffset {
    const { key, value, headers } = record;
    const offset = this.endOffset++;
    this.records.push({ offset, timestampMs, key, value, headers });
    this.changed.open();
    return { topic: this.topic, partition: this.partition, offset };
  }

  /** Leaves offsets out, as an aborted transaction and its marker do. */
  skip(offsets: number): void {
    this.endOffset += BigInt(offsets);
    this.changed.open();
  }

  /** Whether a record is there that the disk has spoilt. */
  isCorrupt(offset: bigint): boolean {
    return offset < this.endOffset && this.corrupt.has(offset);
  }

  /** A new leader takes over, which lacks the last records. */
  elect(loses: number): void {
    const kept = Math.max(0, this.records.length - loses);
    const lost = this.records.splice(kept);
    const first = lost[0];
    if (first !== undefined && first.offset >= this.startOffset) {
      this.endOffset = first.offset;
      this.lost.push(...lost);
      if (this.divergedAt === null || this.divergedAt > first.offset) this.divergedAt = first.offset;
    }
    const leaders = this.#leaders.filter(({ fromOffset }) => fromOffset < this.endOffset);
    const epoch = (this.#leaders.at(-1)?.epoch ?? 0) + 1;
    this.#leaders = [...leaders, { epoch, fromOffset: this.endOffset }];
    this.changed.open();
  }

  /** The epoch of the leader that appended what lies before the offset. */
  epochBefore(offset: bigint): number {
    return this.#leaders.findLast(({ fromOffset }) => fromOffset < offset)?.epoch ?? UNKNOWN_LEADER_EPOCH;
  }

  /** Whether what this leader appended before the offset is still there. */
  holds(epoch: number, offset: bigint): boolean {
    if (epoch === UNKNOWN_LEADER_EPOCH) return true;
    const next = this.#leaders.find((leader) => leader.epoch > epoch);
    return offset <= (next?.fromOffset ?? this.endOffset);
  }

  deleteBefore(offset: bigint): void {
    this.startOffset = offset;
    this.changed.open();
  }

  /** The records in [from, to). */
  between(from: bigint, to: bigint): LogRecord[] {
    const first = this.#indexOf(from);
    let end = first;
    while (end < this.records.length && (this.records[end] as LogRecord).offset < to) end++;
    return this.records.slice(first, end);
  }

  /** The first record that a consumer would get from here on. */
  firstFrom(offset: bigint): FirstRecord {
    const from = offset > this.startOffset ? offset : this.startOffset;
    const record = this.records[this.#indexOf(from)];
    if (record === undefined) return { kind: 'none' };
    const { offset: found, timestampMs } = record;
    return { kind: 'record', offset: found, timestampMs, timestampType: 'log_append' };
  }

  /** At most `limit` records from here on, up to what is corrupt. */
  read(from: bigint, limit: number): FetchedRecords {
    let to = this.endOffset;
    for (const offset of this.corrupt) if (offset >= from && offset < to) to = offset;
    const records = this.between(from, to).slice(0, limit);
    const last = records.at(-1);
    const isCut = records.length === limit && last !== undefined;
    const { topic, partition } = this;
    const nextOffset = isCut ? last.offset + 1n : to;
    return { topic, partition, records, nextOffset, leaderEpoch: this.epochBefore(nextOffset) };
  }

  #indexOf(offset: bigint): number {
    let [low, high] = [0, this.records.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.records[middle] as LogRecord).offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * The event log's seeded twin: brokers, topics and groups in memory. Its members read ahead and slowly, in pieces of
 * any size; the world outside (the methods here) leaves gaps, spoils records, deletes them, shuffles the group and
 * expels members that still believe to be in it. `connect` gives the port as one process has it.
 */
export class SimulatedLog {
  readonly clock: Clock;
  readonly network: Network;
  readonly shutOut = new Set<string>();
  readonly #topics = new Map<string, SimulatedPartition[]>();
  readonly #groups = new Map<string, SimulatedGroup>();
  readonly #consumers: SimulatedConsumer[] = [];
  #topicsMade = 0;

  constructor(clock: Clock, network: Network) {
    this.clock = clock;
    this.network = network;
  }

  connect(process: LogProcess): EventLog {
    return new LogConnection(this, process);
  }

  createTopic(topic: string, partitions: number): void {
    if (this.#topics.has(topic)) return;
    const topicId = `topic-id-${++this.#topicsMade}`;
    this.#topics.set(
      topic,
      Array.from({ length: partitions }, (_, partition) => new SimulatedPartition(topic, topicId, partition)),
    );
  }

  /** Deletes the topic and makes it again. */
  recreateTopic(topic: string, partitions: number): void {
    const before = this.partitionsOf(topic);
    this.#topics.delete(topic);
    this.createTopic(topic, partitions);
    for (const partition of before) partition.changed.open();
  }

  addPartitions(topic: string, count: number): void {
    const partitions = this.partitionsOf(topic);
    const topicId = partitions[0]?.topicId ?? '';
    while (partitions.length < count) {
      partitions.push(new SimulatedPartition(topic, topicId, partitions.length));
    }
    for (const group of this.#groups.values()) group.rebalance();
  }

  partitionsOf(topic: string): SimulatedPartition[] {
    return this.#topics.get(topic) ?? [];
  }

  *allPartitions(): Iterable<SimulatedPartition> {
    for (const partitions of this.#topics.values()) yield* partitions;
  }

  partition(place: TopicPartition): SimulatedPartition {
    const partition = this.partitionsOf(place.topic)[place.partition];
    if (partition === undefined) throw new Error(`There is no ${partitionName(place)}.`);
    return partition;
  }

  /** The partition that the key chooses. */
  partitionFor(record: NewRecord): SimulatedPartition {
    const partitions = this.partitionsOf(record.topic);
    let hash = 7;
    for (const byte of record.key ?? []) hash = (Math.imul(hash, 31) + byte) >>> 0;
    return this.partition({ topic: record.topic, partition: hash % partitions.length });
  }

  /** Appends at once, without a network between. */
  append(records: readonly NewRecord[]): PartitionOffset[] {
    return records.map((record) => this.partitionFor(record).append(record, this.clock.now()));
  }

  describe(topics: readonly string[]): TopicDescription[] {
    return topics.flatMap((topic) => {
      const partitions = this.partitionsOf(topic);
      const [first] = partitions;
      if (first === undefined) return [];
      const ranges = partitions
        .filter(({ hasLeader }) => hasLeader)
        .map(({ partition, startOffset, endOffset }) => ({ topic, partition, startOffset, endOffset }));
      return [{ topic, topicId: first.topicId, partitionCount: partitions.length, partitions: ranges }];
    });
  }

  group(name: string): SimulatedGroup {
    const known = this.#groups.get(name) ?? new SimulatedGroup(this);
    this.#groups.set(name, known);
    return known;
  }

  /** The store that each group journals into: its first member's, until somebody decides otherwise. */
  readonly groupStores = new Map<string, string>();

  makeConsumer(process: LogProcess, options: ConsumerOptions): SimulatedConsumer {
    const consumer = new SimulatedConsumer(this, process, options);
    this.#consumers.push(consumer);
    return consumer;
  }

  /** A partition loses its leader, or gets one again. */
  setLeader(partition: SimulatedPartition, hasLeader: boolean): void {
    partition.hasLeader = hasLeader;
    partition.changed.open();
    if (hasLeader) for (const group of this.#groups.values()) group.rebalance();
  }

  /** Whether the process has answered `revoked` for this partition and was not assigned it again. */
  hasGivenBack(process: LogProcess, partition: TopicPartition): boolean {
    return this.#consumers.some((each) => each.process === process && each.hasGivenBack(partition));
  }

  /** To be called when a process has died, or when nobody wants to know any more. */
  abandon(process: LogProcess): void {
    for (const consumer of this.#consumers) if (consumer.process === process) consumer.abandon();
  }

  /** The session of a process that does not answer ends: its partitions go to others, and nobody tells it. */
  endSessionOf(process: LogProcess): void {
    for (const group of this.#groups.values()) group.expel(process);
  }

  /** Gives all partitions to members chosen anew. */
  shareOut(choose: Sharing): void {
    for (const group of this.#groups.values()) group.rebalance(choose);
  }
}

class LogConnection implements EventLog {
  readonly #log: SimulatedLog;
  readonly #process: LogProcess;
  readonly #open = new Set<{ close(): Promise<void> }>();

  constructor(log: SimulatedLog, process: LogProcess) {
    this.#log = log;
    this.#process = process;
  }

  async describe(topics: readonly string[]): Promise<TopicDescription[]> {
    return this.#answered(() => this.#log.describe(topics));
  }

  async partitionCounts(topics: readonly string[]): Promise<Map<string, number>> {
    const described = await this.describe(topics);
    return new Map(described.map(({ topic, partitionCount }) => [topic, partitionCount]));
  }

  peek(from: readonly PartitionOffset[]): Promise<Peek[]> {
    return this.#answered(() =>
      from.map(({ topic, partition, offset }) => {
        const found = this.#log.partitionsOf(topic)[partition];
        if (found === undefined) return { kind: 'unreadable', topic, partition, problem: 'does not exist' };
        if (!found.hasLeader) return { kind: 'unreadable', topic, partition, problem: 'has no leader' };
        const { topicId, startOffset, endOffset } = found;
        const range = { topicId, startOffset, endOffset, highWatermark: endOffset };
        return {
          kind: 'peeked',
          topic,
          partition,
          ...range,
          first: found.firstFrom(offset),
          openTransaction: null,
        };
      }),
    );
  }

  async createTopics(topics: readonly { topic: string; partitions: number }[]): Promise<void> {
    await this.#answered(() => {
      for (const { topic, partitions } of topics) this.#log.createTopic(topic, partitions);
    });
  }

  producer({ family }: ProducerOptions = {}): EventLogProducer {
    return new SimulatedProducer({
      name: this.#log.clock.uuid(),
      family,
      shutOut: this.#log.shutOut,
      answered: (ask) => this.#answered(ask),
      append: (records) => {
        const missing = records.find(({ topic }) => this.#log.partitionsOf(topic).length === 0);
        if (missing === undefined) return this.#log.append(records);
        throw new TributaryError('topic_missing', `There is no topic ${missing.topic}.`, {
          retryable: false,
        });
      },
    });
  }

  consumer(options: ConsumerOptions): SimulatedConsumer {
    const consumer = this.#log.makeConsumer(this.#process, options);
    this.#open.add(consumer);
    return consumer;
  }

  handGroupTo(group: string, store: string): Promise<{ readonly former: string | null }> {
    return this.#answered(() => {
      if (this.#log.group(group).hasMembers())
        throw new TributaryError('usage', `The group ${group} has members.`);
      const former = this.#log.groupStores.get(group) ?? null;
      this.#log.groupStores.set(group, store);
      return { former: former === store ? null : former };
    });
  }

  readers(): Promise<Readers> {
    return Promise.resolve('unknown');
  }

  readRecords({ topic, partition, offset, maxRecords, maxBytes }: RecordsRange): Promise<RecordsRead> {
    return this.#answered((): RecordsRead => {
      const found = this.#log.partitionsOf(topic)[partition];
      if (found === undefined) return { kind: 'unreadable', problem: 'does not exist' };
      if (!found.hasLeader) return { kind: 'unreadable', problem: 'has no leader' };
      const { startOffset, endOffset } = found;
      if (offset < startOffset || offset > endOffset) return { kind: 'out_of_range', startOffset, endOffset };
      if (found.isCorrupt(offset)) return { kind: 'unreadable', problem: 'is damaged' };
      const { records, nextOffset } = found.read(offset, maxRecords);
      let bytes = 0;
      const over = records.findIndex(({ key, value }, index) => {
        bytes += (key?.length ?? 0) + (value?.length ?? 0);
        return index > 0 && bytes > maxBytes;
      });
      const first = records[over];
      if (first === undefined) return { kind: 'read', records, nextOffset };
      return { kind: 'read', records: records.slice(0, over), nextOffset: first.offset };
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((each) => each.close()));
  }

  async #answered<Answer>(ask: () => Answer): Promise<Answer> {
    await this.#process.runs();
    await this.#log.clock.sleep(this.#log.network.latencyMs());
    if (this.#log.network.refuses?.() === true)
      throw new TributaryError('log_unreachable', 'The simulated log does not answer.');
    const answer = ask();
    await this.#process.runs();
    return answer;
  }
}
