import { type Cluster, failuresUntilAskingOthers, type TopicMetadata } from '../cluster/cluster.ts';
import { rangesOf } from '../cluster/ranges.ts';
import { explain, KafkaCode, nameOfCode } from '../errors.ts';
import type { FetchedPartition } from '../wire/fetch.ts';
import { CorruptRecordBatchError, readRecordBatches } from '../wire/record-batch-reader.ts';
import { AbortedFilter } from './aborted-filter.ts';
import { divergedDetail, outOfRangeDetail, unknownEpochDetail } from './fault-details.ts';
import type { Followed } from './followed.ts';
import type { FollowedPartitions } from './followed-partitions.ts';
import type { Leaders } from './leaders.ts';

/**
 * The leader has refused an offset in its range this many times in a row. So its log never had the epoch of what was
 * read, and the partition halts.
 */
const epochRefusalsMax = 5;

/** Finds the leaders of the followed partitions, and learns about topics that were looked up for another reason. */
export interface TopicRefresh {
  refresh(): void;
  learn(topics: ReadonlyMap<string, TopicMetadata>): void;
}

/** Acts on the answer to a fetch, for one partition at a time: queues its records, tries again later, or halts it. */
export class FetchAnswers {
  readonly #cluster: Cluster;
  readonly #partitions: FollowedPartitions;
  readonly #leaders: Leaders;
  readonly #topics: TopicRefresh;

  constructor(cluster: Cluster, partitions: FollowedPartitions, leaders: Leaders, topics: TopicRefresh) {
    this.#cluster = cluster;
    this.#partitions = partitions;
    this.#leaders = leaders;
    this.#topics = topics;
  }

  accept(followed: Followed, fetched: FetchedPartition): void {
    if (fetched.errorCode !== KafkaCode.none) {
      this.#refuse(followed, fetched);
      return;
    }
    this.#partitions.noteEnd(followed, fetched.lastStableOffset);
    if (fetched.diverging !== undefined) {
      this.#partitions.fail(followed, 'log_diverged', divergedDetail(followed, fetched.diverging));
      return;
    }
    const before = followed.fetchOffset;
    try {
      this.#queue(followed, fetched);
    } catch (error) {
      if (!(error instanceof CorruptRecordBatchError)) throw error;
      this.#suspect(followed, error.message);
    }
    if (followed.fetchOffset === before) return;
    followed.lastFilledTurn = this.#partitions.nextTurn();
    this.#partitions.arrivals.announce([followed.name]);
  }

  #queue(followed: Followed, { aborted, records }: FetchedPartition): void {
    const before = followed.fetchOffset;
    const filter = new AbortedFilter(aborted);
    for (const recordBatch of readRecordBatches(records)) {
      followed.push(recordBatch, filter.isCommitted(recordBatch));
    }
    if (records.length > 0 && followed.fetchOffset === before) {
      throw new CorruptRecordBatchError(
        before,
        `the record batch at offset ${before} is longer than what Kafka sent of it`,
      );
    }
    this.#partitions.noteHealthy(followed);
  }

  #refuse(followed: Followed, { errorCode }: FetchedPartition): void {
    switch (errorCode) {
      case KafkaCode.offsetOutOfRange:
        this.#partitions.retryLater(
          followed,
          `can't be read: its leader finds offset ${followed.fetchOffset} out of range`,
        );
        this.#checkRange(followed).catch((error) =>
          this.#partitions.retryLater(followed, `can't be read: ${explain(error)}`),
        );
        return;
      case KafkaCode.corruptMessage:
        this.#suspect(
          followed,
          `the broker finds the record batch at offset ${followed.fetchOffset} corrupt`,
        );
        return;
      default:
        // Most other codes mean that another broker leads now, or that the broker does not know the topic id. The
        // next fetch still sends the epoch of what was read: a new leader has to prove that it has the same log.
        this.#partitions.retryLater(followed, `can't be read: Kafka answered ${nameOfCode(errorCode)}`);
        if (followed.failures > failuresUntilAskingOthers) this.#cluster.askOthers();
        this.#topics.refresh();
    }
  }

  /**
   * Fetches a corrupt record batch once more, because only its transport may have failed. Halts at the second time.
   */
  #suspect(followed: Followed, detail: string): void {
    if (followed.suspectOffset === followed.fetchOffset) {
      this.#partitions.fail(followed, 'corrupt_batch', `${followed.name}: ${detail}.`);
      return;
    }
    followed.suspectOffset = followed.fetchOffset;
    this.#partitions.retryLater(followed, `can't be read: ${detail}`);
  }

  /** Asks for the partition's range, and halts the partition if the offset is outside of it. */
  async #checkRange(followed: Followed): Promise<void> {
    const topics = await this.#cluster.topics([followed.topic]);
    this.#topics.learn(this.#leaders.with(topics));
    if (!topics.has(followed.topic) || !this.#partitions.isCurrent(followed) || followed.fault !== undefined)
      return;
    const [answer] = await rangesOf(this.#cluster, topics, [followed]);
    if (answer?.kind !== 'known' || !this.#partitions.isCurrent(followed)) return;
    const { range } = answer;
    const wanted = followed.fetchOffset;
    if (wanted < range.startOffset || wanted > range.endOffset) {
      this.#partitions.fail(followed, 'offset_out_of_range', outOfRangeDetail(followed, range));
      return;
    }
    // The leader had just changed, or it does not know the epoch of what was read.
    followed.epochRefusals++;
    if (followed.lastEpoch >= 0 && followed.epochRefusals >= epochRefusalsMax)
      this.#partitions.fail(followed, 'log_diverged', unknownEpochDetail(followed, range));
  }
}
