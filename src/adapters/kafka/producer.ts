import { TributaryError } from '../../core/errors.ts';
import type { PartitionOffset } from '../../core/offset.ts';
import type {
  AppendOptions,
  EventLogProducer,
  NewRecord,
  ProducerFamily,
  ProducerOptions,
} from '../../ports/event-log.ts';
import { Cluster } from './cluster/cluster.ts';
import type { ResolvedOptions } from './options.ts';
import { KnownTopics } from './producing/known-topics.ts';
import type { Append, Entry, PartitionQueue } from './producing/partition-queue.ts';
import { partitionOfKey } from './producing/partitioner.ts';
import { OwnIdentity } from './producing/producer-identity.ts';
import { Sender } from './producing/sender.ts';
import { ShutOuts } from './producing/shut-out.ts';

const closeGraceMs = 1_000;

/**
 * An idempotent producer: the brokers know each record batch by the producer's id and a sequence number, and append
 * it once, however often it is sent. `append` puts each record into the queue of its partition; the `Sender` sends
 * them.
 */
export class KafkaProducer implements EventLogProducer {
  readonly #options: ResolvedOptions;
  readonly #cluster: Cluster;
  readonly #topics: KnownTopics;
  readonly #family: ProducerFamily | undefined;
  readonly #identity: OwnIdentity;
  readonly #sender: Sender;
  readonly #shutOuts: ShutOuts | undefined;
  /** The appends that are not settled yet. */
  readonly #open = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  /** The last append to each topic that waits for the topic to be known. */
  readonly #learning = new Map<string, Promise<void>>();
  #keylessTurn = 0;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedOptions, { family }: ProducerOptions = {}) {
    this.#options = options;
    this.#cluster = new Cluster(options);
    this.#topics = new KnownTopics(this.#cluster);
    this.#family = family;
    this.#identity = new OwnIdentity(this.#cluster, family);
    this.#sender = new Sender({
      options,
      cluster: this.#cluster,
      topics: this.#topics,
      identity: this.#identity,
      isOfFamily: family !== undefined,
      closing: this.#closing.signal,
    });
    if (family !== undefined) this.#shutOuts = new ShutOuts(this.#cluster, this.#topics, family);
  }

  append(records: readonly NewRecord[], options: AppendOptions = {}): Promise<PartitionOffset[]> {
    if (this.#closed !== undefined) {
      return Promise.reject(
        new TributaryError('log_append_failed', 'The producer is closed.', { retryable: false }),
      );
    }
    const appending = this.#append(records, options);
    this.#open.add(appending);
    const forget = (): void => void this.#open.delete(appending);
    appending.then(forget, forget);
    return appending;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /**
   * A producer of a family waits 1 s for its appends, and stays a member if some are still open: others shut it out.
   */
  async #close(): Promise<void> {
    const ended = Promise.allSettled(this.#open);
    if (this.#family === undefined) await ended;
    else await Promise.race([ended, this.#options.clock.sleep(closeGraceMs, this.#closing.signal)]);
    this.#closing.abort();
    await this.#cluster.close();
    if (this.#open.size === 0) await this.#identity.leave();
  }

  async #append(
    records: readonly NewRecord[],
    { shutsOut = false }: AppendOptions,
  ): Promise<PartitionOffset[]> {
    if (records.length === 0) return [];
    const { clock, deliveryTimeoutMs } = this.#options;
    const deadlineMs = clock.monotonicMs() + deliveryTimeoutMs;
    const topics = new Set(records.map(({ topic }) => topic));
    await this.#learn(topics, deadlineMs);
    this.#sender.refuseIfShutOut();
    const { promise, resolve, reject } = Promise.withResolvers<PartitionOffset[]>();
    const append: Append = {
      offsets: new Array(records.length),
      left: records.length,
      endsTogether: this.#family !== undefined,
      failure: undefined,
      deadlineMs,
      resolve,
      reject,
    };
    const entries = this.#entriesByQueue(records, topics, append);
    if (shutsOut) await this.#shutOutOthers(entries, deadlineMs);
    for (const [queue, some] of entries) queue.waiting.push(...some);
    this.#sender.pumpSoon();
    return promise;
  }

  /** Waits until the topics are known, and for earlier appends to one of them, so that the appends stay in sequence. */
  async #learn(topics: ReadonlySet<string>, deadlineMs: number): Promise<void> {
    const earlier = [...topics].flatMap((topic) => this.#learning.get(topic) ?? []);
    const learning = Promise.all(earlier).then(() => this.#topics.learn(topics, deadlineMs));
    const ended = learning.catch(() => {});
    for (const topic of topics) this.#learning.set(topic, ended);
    try {
      await learning;
    } finally {
      for (const topic of topics) if (this.#learning.get(topic) === ended) this.#learning.delete(topic);
    }
  }

  /**
   * Chooses the partition of each record. All records without a key go to the same one, another one at each append.
   */
  #entriesByQueue(
    records: readonly NewRecord[],
    topics: ReadonlySet<string>,
    append: Append,
  ): Map<PartitionQueue, Entry[]> {
    const keylessTurn = this.#keylessTurn++;
    const queuesByTopic = new Map<string, readonly PartitionQueue[]>();
    for (const topic of topics) queuesByTopic.set(topic, this.#sender.queuesOf(topic));
    const entries = new Map<PartitionQueue, Entry[]>();
    for (let index = 0; index < records.length; index++) {
      const record = records[index] as NewRecord;
      const queues = queuesByTopic.get(record.topic) ?? [];
      const count = queues.length;
      const partition = record.key === null ? keylessTurn % count : partitionOfKey(record.key, count);
      const queue = queues[partition];
      if (queue === undefined) continue;
      const found = entries.get(queue);
      if (found === undefined) entries.set(queue, [{ record, append, index }]);
      else found.push({ record, append, index });
    }
    return entries;
  }

  async #shutOutOthers(
    entries: ReadonlyMap<PartitionQueue, readonly Entry[]>,
    deadlineMs: number,
  ): Promise<void> {
    const { producerId } = await this.#identity.get();
    const portions = [...entries].map(([{ place, name }, some]) => ({
      place,
      name,
      records: some.map(({ record }) => record),
    }));
    await this.#shutOuts?.run(producerId, portions, deadlineMs);
    this.#sender.refuseIfShutOut();
  }
}
