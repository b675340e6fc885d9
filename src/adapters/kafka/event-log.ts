import { createTopicsV7 } from '@platformatic/kafka';
import { TributaryError } from '../../core/errors.ts';
import { comparePartitions, type PartitionOffset } from '../../core/offset.ts';
import type {
  ConsumerOptions,
  EventLog,
  EventLogConsumer,
  EventLogProducer,
  Peek,
  ProducerOptions,
  Readers,
  RecordsRange,
  RecordsRead,
  TopicDescription,
} from '../../ports/event-log.ts';
import { Cluster, type TopicMetadata } from './cluster/cluster.ts';
import { rangesOf } from './cluster/ranges.ts';
import { KafkaConsumer } from './consumer.ts';
import { explain, protocolErrorOf, unreachable } from './errors.ts';
import { handGroupTo } from './group/group-store.ts';
import { type KafkaLogOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { KafkaProducer } from './producer.ts';
import { Peeker } from './reading/peek.ts';
import { RangeReader } from './reading/range-reader.ts';

const createTimeoutMs = 30_000;
/** The time that the controller has for one request. It is shorter than the time that the answer may take. */
const createRequestMs = 8_000;
const lookAgainMs = 20;
const lookAgainMaxMs = 1_000;
/** After these answers the topic exists, is still being created, or may be created by a later request. */
const askedAgain: ReadonlySet<string> = new Set([
  'TOPIC_ALREADY_EXISTS',
  'REQUEST_TIMED_OUT',
  'NOT_CONTROLLER',
  'THROTTLING_QUOTA_EXCEEDED',
]);

/** Opens the event log on Apache Kafka 3.1 or newer. Connects only when the log is first used. */
export function openKafkaLog(options: KafkaLogOptions): EventLog {
  return new KafkaLog(resolveOptions(options));
}

class KafkaLog implements EventLog {
  readonly #options: ResolvedOptions;
  readonly #cluster: Cluster;
  readonly #peeker: Peeker;
  readonly #opened = new Set<{ close(): Promise<void> }>();
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#cluster = new Cluster(options);
    this.#peeker = new Peeker(this.#cluster);
  }

  async describe(names: readonly string[]): Promise<TopicDescription[]> {
    try {
      const topics = await this.#cluster.topics(names);
      const partitions = [...topics.values()].flatMap((topic) =>
        topic.partitions.map((_, partition) => ({ topic: topic.topic, partition })),
      );
      const answers = await rangesOf(this.#cluster, topics, partitions);
      const ranges = answers
        .flatMap((answer) => (answer.kind === 'known' ? [answer.range] : []))
        // The answers come by leader.
        .toSorted(comparePartitions);
      const byTopic = Map.groupBy(ranges, ({ topic }) => topic);
      return names.flatMap((name) => {
        const topic = topics.get(name);
        if (topic === undefined) return [];
        const partitionCount = topic.partitions.length;
        return [{ topic: name, topicId: topic.topicId, partitionCount, partitions: byTopic.get(name) ?? [] }];
      });
    } catch (error) {
      throw unreachable('describing topics', error);
    }
  }

  async partitionCounts(names: readonly string[]): Promise<Map<string, number>> {
    const topics = await this.#cluster.topics(names);
    return new Map([...topics].map(([name, { partitions }]) => [name, partitions.length]));
  }

  async peek(from: readonly PartitionOffset[], patienceMs?: number): Promise<Peek[]> {
    try {
      return await this.#peeker.peek(from, patienceMs);
    } catch (error) {
      throw unreachable('looking at partitions', error);
    }
  }

  async createTopics(wanted: readonly { topic: string; partitions: number }[]): Promise<void> {
    const names = wanted.map(({ topic }) => topic);
    const { clock } = this.#options;
    const deadline = clock.monotonicMs() + createTimeoutMs;
    const existed = await this.#cluster.topics(names);
    // A topic that was just created has no leaders at first. A topic that was just deleted may still block a new one of
    // its name. So missing topics are asked for again.
    for (let attempt = 1; ; attempt++) {
      const topics = await this.#cluster.topics(names);
      // A topic that existed before may have a partition without a leader for other reasons.
      if (names.every((name) => topics.has(name) && (existed.has(name) || isLed(topics.get(name))))) return;
      if (clock.monotonicMs() > deadline) {
        throw new TributaryError(
          'topic_missing',
          `The topics ${names.join(', ')} do not all exist, with leaders, ${createTimeoutMs} ms after Kafka was asked to create them.`,
        );
      }
      const missing = wanted.filter(({ topic }) => !topics.has(topic));
      await Promise.all(missing.map(({ topic, partitions }) => this.#createTopic(topic, partitions)));
      await clock.sleep(Math.min(lookAgainMs * attempt, lookAgainMaxMs));
    }
  }

  producer(options: ProducerOptions = {}): EventLogProducer {
    const producer = new KafkaProducer(this.#options, options);
    this.#opened.add(producer);
    return producer;
  }

  consumer(options: ConsumerOptions): EventLogConsumer {
    const consumer = new KafkaConsumer(this.#options, options);
    this.#opened.add(consumer);
    return consumer;
  }

  async handGroupTo(group: string, store: string): Promise<{ readonly former: string | null }> {
    try {
      return await handGroupTo(this.#cluster, group, store);
    } catch (error) {
      throw unreachable(`handing over the group ${group}`, error);
    }
  }

  /** Kafka cannot tell: members do not say which topics they read, and a group may belong to another program. */
  readers(): Promise<Readers> {
    return Promise.resolve('unknown');
  }

  async readRecords(range: RecordsRange): Promise<RecordsRead> {
    try {
      return await new RangeReader(this.#cluster).read(range);
    } catch (error) {
      throw unreachable('reading records', error);
    }
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all([...this.#opened].map((opened) => opened.close())).then(() =>
      this.#cluster.close(),
    );
    return this.#closed;
  }

  async #createTopic(name: string, numPartitions: number): Promise<void> {
    const { replicationFactor } = this.#options;
    const topic = { name, numPartitions, replicationFactor, assignments: [], configs: [] };
    try {
      await this.#cluster.controller(`creating the topic ${name}`, (connection) =>
        createTopicsV7.api.async(connection, [topic], createRequestMs, false),
      );
    } catch (error) {
      if (askedAgain.has(protocolErrorOf(error) ?? '')) return;
      if (error instanceof TributaryError) throw error;
      throw new TributaryError('topic_missing', `Kafka did not create the topic ${name}: ${explain(error)}`, {
        cause: error,
      });
    }
  }
}

function isLed(topic: TopicMetadata | undefined): boolean {
  return topic?.partitions.every(({ leader }) => leader >= 0) ?? false;
}
