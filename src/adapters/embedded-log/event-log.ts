import type { TopicPartition } from '../../core/offset.ts';
import type {
  ConsumerOptions,
  EventLog,
  EventLogConsumer,
  EventLogProducer,
  ProducerOptions,
  Readers,
  TopicDescription,
} from '../../ports/event-log.ts';
import { EmbeddedConsumer } from './consumer.ts';
import { LogDatabase } from './file/database.ts';
import { handGroupTo, readersOf } from './group/membership.ts';
import { isGone, ownIdentity } from './group/process-identity.ts';
import { type EmbeddedLogOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { EmbeddedProducer } from './producer.ts';
import { AppendQueue } from './producing/append-queue.ts';
import { addPartitions, createTopics, deleteRecords, deleteTopic, describeTopics } from './topics.ts';

/** The event log in one SQLite file, for any number of processes of one machine at once. */
export interface EmbeddedLog extends EventLog {
  /** Deletes the records of a partition before an offset, as retention would: the partition's start moves. */
  deleteRecords(partition: TopicPartition, beforeOffset: bigint): Promise<void>;
  /** Deletes a topic with its records; does nothing if there is none. */
  deleteTopic(topic: string): Promise<void>;
  /** Makes the topic have so many partitions, if it has fewer. Rejects with `topic_missing`. */
  addPartitions(topic: string, partitions: number): Promise<void>;
}

/**
 * Opens the log in `<dataDir>/event-log.sqlite`, made if it is missing; may hold up the process for some
 * seconds while others open it too. Throws `schema_too_new`, `log_damaged`, `log_unreachable`.
 */
export function openEmbeddedLog(options: EmbeddedLogOptions): EmbeddedLog {
  return new EmbeddedEventLog(resolveOptions(options));
}

class EmbeddedEventLog implements EmbeddedLog {
  readonly #options: ResolvedOptions;
  readonly #database: LogDatabase;
  readonly #queue: AppendQueue;
  readonly #consumers = new Set<EmbeddedConsumer>();
  #closed: Promise<void> | null = null;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#database = new LogDatabase(options);
    this.#queue = new AppendQueue(this.#database, options);
  }

  describe(topics: readonly string[]): Promise<TopicDescription[]> {
    return describeTopics(this.#database, topics);
  }

  async partitionCounts(topics: readonly string[]): Promise<Map<string, number>> {
    const described = await this.describe(topics);
    return new Map(described.map(({ topic, partitionCount }) => [topic, partitionCount]));
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

  /** A member that died without leaving is none. */
  handGroupTo(group: string, store: string): Promise<{ readonly former: string | null }> {
    const own = ownIdentity();
    return handGroupTo(this.#database, group, store, ({ identity }) => !isGone(identity, own));
  }

  readers(topics: readonly string[]): Promise<Readers> {
    return this.#database.read('Looking for readers', () => readersOf(this.#database, topics));
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
