import { logDefect, messageOf } from '../../../core/errors.ts';
import { type Backoff, fullJitterMs } from '../../../core/retry.ts';
import type { Cluster, TopicMetadata } from '../cluster/cluster.ts';

/** A partition by its topic's id too: if a topic is deleted and made again, its partitions are other ones. */
interface LedPartition {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
}

/** The leader of each partition, as the cluster last told. */
export class Leaders {
  readonly #cluster: Cluster;
  readonly #backoff: Backoff;
  readonly #closing: AbortSignal;
  #topics: ReadonlyMap<string, TopicMetadata> = new Map();
  #refreshing: Promise<void> | undefined;
  #failures = 0;

  constructor(cluster: Cluster, backoff: Backoff, closing: AbortSignal) {
    this.#cluster = cluster;
    this.#backoff = backoff;
    this.#closing = closing;
  }

  learn(topics: ReadonlyMap<string, TopicMetadata>): void {
    this.#topics = topics;
  }

  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name);
  }

  /** The given topics, and for all other topics what was known before. */
  with(topics: ReadonlyMap<string, TopicMetadata>): ReadonlyMap<string, TopicMetadata> {
    return new Map([...this.#topics, ...topics]);
  }

  /** The leader's node id. Undefined if the partition has no leader, or its topic is another one now. */
  leaderOf({ topic, topicId, partition }: LedPartition): number | undefined {
    const known = this.#topics.get(topic);
    if (known === undefined || known.topicId !== topicId) return undefined;
    const leader = known.partitions[partition]?.leader ?? -1;
    return leader < 0 ? undefined : leader;
  }

  /** The epoch of the partition's leader, or -1 if unknown. */
  leaderEpochOf({ topic, partition }: LedPartition): number {
    return this.#topics.get(topic)?.partitions[partition]?.leaderEpoch ?? -1;
  }

  /**
   * Asks for the topics, in one request at a time, and hands them to `learned`. After a failure it waits before it
   * ends.
   */
  refresh(topics: readonly string[], learned: (topics: ReadonlyMap<string, TopicMetadata>) => void): void {
    this.#refreshing ??= this.#refreshNow(topics, learned).finally(() => {
      this.#refreshing = undefined;
    });
  }

  async #refreshNow(
    names: readonly string[],
    learned: (topics: ReadonlyMap<string, TopicMetadata>) => void,
  ): Promise<void> {
    const { clock, logger } = this.#cluster.options;
    try {
      const topics = await this.#cluster.topics(names);
      this.#failures = 0;
      learned(topics);
    } catch (error) {
      if (this.#closing.aborted) return;
      logDefect(logger, 'the search for leaders', error);
      if (this.#failures++ === 0) logger('warn', messageOf(error));
      await clock.sleep(20 + fullJitterMs(this.#backoff, this.#failures, clock.random()), this.#closing);
    }
  }
}
