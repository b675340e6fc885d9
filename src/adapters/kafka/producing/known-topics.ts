import { TributaryError } from '../../../core/errors.ts';
import type { TopicPartition } from '../../../core/offset.ts';
import { fullJitterMs } from '../../../core/retry.ts';
import type { Cluster, TopicMetadata } from '../cluster/cluster.ts';
import { explain } from '../errors.ts';

const retryBackoff = { baseMs: 50, capMs: 1_000 };

/** The partitions of the topics that a producer appends to, and their leaders. */
export class KnownTopics {
  readonly #cluster: Cluster;
  readonly #topics = new Map<string, TopicMetadata>();
  /** The time of the last refresh. */
  #atMs = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  partitionsOf(topic: string): number {
    return Math.max(1, this.#topics.get(topic)?.partitions.length ?? 1);
  }

  /** The leader's node id, or -1 if the partition has no leader. */
  leaderOf({ topic, partition }: TopicPartition): number {
    return this.#topics.get(topic)?.partitions[partition]?.leader ?? -1;
  }

  /**
   * Resolves once all of the topics are known. Rejects with `topic_missing`, or with `log_append_failed` at the
   * deadline.
   */
  async learn(wanted: ReadonlySet<string>, deadlineMs: number): Promise<void> {
    const { clock, metadataRefreshMs } = this.#cluster.options;
    if ([...wanted].every((topic) => this.#topics.has(topic))) {
      if (clock.monotonicMs() - this.#atMs > metadataRefreshMs) this.refresh();
      return;
    }
    for (let attempt = 1; ; attempt++) {
      try {
        const found = await this.#cluster.topics([...wanted]);
        for (const topic of wanted) if (!found.has(topic)) throw topicMissing(topic);
        for (const [name, topic] of found) this.#topics.set(name, topic);
        return;
      } catch (error) {
        if (error instanceof TributaryError && error.code === 'topic_missing') throw error;
        if (clock.monotonicMs() >= deadlineMs) {
          throw new TributaryError('log_append_failed', `Nothing was appended: ${explain(error)}`, {
            cause: error,
          });
        }
        await clock.sleep(20 + fullJitterMs(retryBackoff, attempt, clock.random()));
      }
    }
  }

  /** Asks for the known topics again, because leaders move and partitions are added. */
  refresh(): void {
    const { clock, logger } = this.#cluster.options;
    this.#refreshing ??= this.#cluster
      .topics([...this.#topics.keys()])
      .then(
        (found) => {
          for (const [name, topic] of found) this.#topics.set(name, topic);
          this.#atMs = clock.monotonicMs();
        },
        (error: unknown) => logger('debug', explain(error)),
      )
      .finally(() => {
        this.#refreshing = undefined;
      });
  }

  /** Asks whether the topic is gone, and forgets it if so. */
  async isGone(topic: string): Promise<boolean> {
    const found = await this.#cluster.topics([topic]);
    if (found.has(topic)) return false;
    this.#topics.delete(topic);
    return true;
  }
}

export function topicMissing(topic: string): TributaryError {
  return new TributaryError(
    'topic_missing',
    `Kafka has no topic ${topic}. Make it, or correct the topic's name.`,
  );
}
