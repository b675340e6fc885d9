import type { PartitionOffset, TopicPartition } from '../../core/offset.ts';
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
import { EmbeddedConsumer } from './consumer.ts';
import { LogDatabase } from './file/database.ts';
import { handGroupTo, readersOf } from './group/membership.ts';
import { isGone, ownIdentity } from './group/process-identity.ts';
import { type EmbeddedLogOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { EmbeddedProducer } from './producer.ts';
import { AppendQueue } from './producing/append-queue.ts';
import { Peeker } from './reading/peek.ts';
import { RangeReader } from './reading/range-reader.ts';
import { addPartitions, createTopics, deleteRecords, deleteTopic, describeTopics } from './topics.ts';

/** The event log in one SQLite file. Any number of processes on one machine can use it at once. */
export interface EmbeddedLog extends EventLog {
  /** Deletes the records of a partition before an offset, as retention would. The partition's start offset rises. */
  deleteRecords(partition: TopicPartition, beforeOffset: bigint): Promise<void>;
  /** Deletes a topic with its records. Does nothing if there is none. */
  deleteTopic(topic: string): Promise<void>;
  /** Adds partitions until the topic has `partitions` of them. Rejects with `topic_missing`. */
  addPartitions(topic: string, partitions: number): Promise<void>;
}

/**
 * Opens the log in `<dataDir>/event-log.sqlite`, and creates the file if it is missing. May block the process for
 * some seconds while other processes open the file too. Throws `schema_too_new`, `log_damaged`, `log_unreachable`.
 */
export function openEmbeddedLog(options: EmbeddedLogOptions): EmbeddedLog {
  return new EmbeddedEventLog(resolveOptions(options));
}

class EmbeddedEventLog implements EmbeddedLog {
  readonly #options: ResolvedOptions;
  readonly #database: LogDatabase;
  readonly #queue: AppendQueue;
  readonly #peeker: Peeker;
  readonly #consumers = new Set<EmbeddedConsumer>();
  #closed: Promise<void> | null = null;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#database = new LogDatabase(options);
    this.#queue = new AppendQueue(this.#database, options);
    this.#peeker = new Peeker(this.#database);
  }

  describe(topics: readonly string[]): Promise<TopicDescription[]> {
    return describeTopics(this.#database, topics);
  }

  async partitionCounts(topics: readonly string[]): Promise<Map<string, number>> {
    const described = await this.describe(topics);
    return new Map(described.map(({ topic, partitionCount }) => [topic, partitionCount]));
  }

  peek(from: readonly PartitionOffset[]): Promise<Peek[]> {
    return this.#peeker.peek(from);
  }

  createTopics(topics: readonly { topic: string; partitions: number }[]): Promise<void> {
    return createTopics(this.#database, topics, () => this.#options.clock.uuid());
  }

  addPartitions(topic: string, partitions: number): Promise<void> {
    return addPartitions(this.#database, topic, partitions);
  }

  deleteTopic(topic: string): Promise<void> {
    return deleteTopic(this.#database, topic);
  }

  deleteRecords(partition: TopicPartition, beforeOffset: bigint): Promise<void> {
    return deleteRecords(this.#database, partition, beforeOffset);
  }

  producer(options: ProducerOptions = {}): EventLogProducer {
    return new EmbeddedProducer(this.#queue, this.#database.file, this.#options.clock, options);
  }

  consumer(options: ConsumerOptions): EventLogConsumer {
    const consumer = new EmbeddedConsumer(this.#database, this.#options, options);
    this.#consumers.add(consumer);
    return consumer;
  }

  /** A member whose process is gone does not count as a member. */
  handGroupTo(group: string, store: string): Promise<{ readonly former: string | null }> {
    const own = ownIdentity();
    return handGroupTo(this.#database, group, store, ({ identity }) => !isGone(identity, own));
  }

  readers(topics: readonly string[]): Promise<Readers> {
    return this.#database.read('Looking for readers', () => readersOf(this.#database, topics));
  }

  readRecords(range: RecordsRange): Promise<RecordsRead> {
    return new RangeReader(this.#database).read(range);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await this.#queue.idle();
    this.#database.close();
  }
}
