import { logDefect, messageOf } from '../../core/errors.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import type { Cluster, TopicMetadata } from './cluster.ts';

/** A partition of a topic of this id: of one that was made anew under the same name it is another partition. */
interface LedPartition {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
}

/** Which broker leads which partition, as last heard. */
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

  /** With what was known before, for those topics that are not named here. */
  with(topics: ReadonlyMap<string, TopicMetadata>): ReadonlyMap<string, TopicMetadata> {
    return new Map([...this.#topics, ...topics]);
  }

  leaderOf({ topic, topicId, partition }: LedPartition): number | undefined {
    const known = this.#topics.get(topic);
    if (known === undefined || known.topicId !== topicId) return undefined;
    const leader = known.partitions[partition]?.leader ?? -1;
    return leader < 0 ? undefined : leader;
  }

  /** -1 if it is not known. */
  leaderEpochOf({ topic, partition }: LedPartition): number {
    return this.#topics.get(topic)?.partitions[partition]?.leaderEpoch ?? -1;
  }

  /** Asks for the topics again, one request at a time, and hands them to `learned`; failures are waited out here. */
  refresh(topics: readonly string[], learned: (topics: ReadonlyMap<string, TopicMetadata>) => void): void {
    this.#refreshing ??= this.#refreshNow(topics, learned).finally(() => {
      this.#refreshing = undefined;
    });
  }

  async #refreshNow(
    names: readonly string[],
    learned: (topics: ReadonlyMap<string, TopicMetadata>) => void,
  ): Promise<void> {
    const { clock, log } = this.#cluster.settings;
    try {
      const topics = await this.#cluster.topics(names);
      this.#failures = 0;
      learned(topics);
    } catch (error) {
      if (this.#closing.aborted) return;
      logDefect(log, 'the search for leaders', error);
      if (this.#failures++ === 0) log('warn', messageOf(error));
      await clock.sleep(20 + fullJitterMs(this.#backoff, this.#failures, clock.random()), this.#closing);
    }
  }
}
