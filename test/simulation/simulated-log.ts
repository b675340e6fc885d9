import { TributaryError } from '../../src/core/errors.ts';
import { type PartitionOffset, partitionName, type TopicPartition } from '../../src/core/offset.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type {
  ConsumerOptions,
  EventLog,
  EventLogProducer,
  NewRecord,
  Peek,
  ProducerOptions,
  Readers,
  RecordsRange,
  RecordsRead,
  TopicDescription,
} from '../../src/ports/event-log.ts';
import { SimulatedConsumer } from './simulated-consumer.ts';
import { type Sharing, SimulatedGroup } from './simulated-group.ts';
import { SimulatedPartition } from './simulated-partition.ts';
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
