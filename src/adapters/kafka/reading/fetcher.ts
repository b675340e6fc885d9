import { logDefect } from '../../../core/errors.ts';
import { type PartitionOffset, partitionName, type TopicPartition } from '../../../core/offset.ts';
import type { FetchedRecords, FollowOffset, PartitionFault, TakeLimits } from '../../../ports/event-log.ts';
import type { Cluster, TopicMetadata } from '../cluster/cluster.ts';
import { withoutLeader } from '../cluster/ranges.ts';
import { explain } from '../errors.ts';
import { pushTo } from '../lists.ts';
import { fetchRecords, type PartitionToFetch, partitionsOf } from '../wire/fetch.ts';
import { recreatedDetail } from './fault-details.ts';
import { FetchAnswers } from './fetch-answers.ts';
import type { Followed } from './followed.ts';
import { FollowedPartitions, retryBackoff } from './followed-partitions.ts';
import { Leaders } from './leaders.ts';
import { hasMore, takeOldestFirst } from './oldest-first.ts';

/*
 * Reads the followed partitions from their leaders. A partition is in one of these states:
 *
 *   follow -> idle -> in flight -> idle -> ...          while there is room for more of it
 *                        |
 *                        +-> waiting (for a leader, or after an error) -> idle
 *                        +-> faulty -> (the caller has taken what was read before) -> halted, and followed no more
 *
 * A fetch is a long poll over all idle partitions of one broker. A broker has up to 4 fetch connections, each with
 * one fetch in flight: a partition that becomes idle is fetched at once, while the others' long poll goes on. The
 * answer to a fetch belongs to the `Followed` that it was sent for, and is dropped if the partition was followed anew
 * or let go since.
 */

const fetchConnectionsPerBroker = 4;
const smallestFetchBytes = 64 * 1024;

export interface FetcherEvents {
  halted(fault: PartitionFault): void;
}

/** The limits of one fetch, in bytes. */
interface FetchLimits {
  readonly maxBytes: number;
  readonly partitionMaxBytes: number;
}

export class Fetcher {
  readonly #cluster: Cluster;
  readonly #maxBufferedBytes: number;
  readonly #fetchRecords: typeof fetchRecords;
  readonly #partitions: FollowedPartitions;
  readonly #leaders: Leaders;
  readonly #answers: FetchAnswers;
  /** The number of the last fetch from each broker, counted over all brokers. */
  readonly #lastFetches = new Map<number, number>();
  #fetches = 0;
  /** The numbers of the fetch connections with a fetch in flight, by broker. */
  readonly #busyConnections = new Map<number, Set<number>>();
  readonly #closing = new AbortController();
  /** The bytes that the fetches in flight may bring at most. */
  #reservedBytes = 0;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(
    cluster: Cluster,
    maxBufferedBytes: number,
    events: FetcherEvents,
    send: typeof fetchRecords = fetchRecords,
  ) {
    this.#cluster = cluster;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#fetchRecords = send;
    this.#partitions = new FollowedPartitions(cluster.options, (fault) => events.halted(fault));
    this.#leaders = new Leaders(cluster, retryBackoff, this.#closing.signal);
    this.#answers = new FetchAnswers(cluster, this.#partitions, this.#leaders, {
      refresh: () => this.#refresh(),
      learn: (topics) => this.learn(topics),
    });
  }

  follow(offsets: readonly (FollowOffset & { readonly topicId: string })[]): void {
    this.#partitions.follow(offsets);
    this.#pump();
  }

  unfollow(partitions: readonly TopicPartition[]): void {
    this.#partitions.unfollow(partitions);
    this.#pump();
  }

  async take(
    partitions: readonly TopicPartition[],
    limits: TakeLimits,
    signal: AbortSignal,
  ): Promise<FetchedRecords[]> {
    const names = partitions.map(partitionName);
    const { clock } = this.#cluster.options;
    while (!signal.aborted && !this.#closing.signal.aborted) {
      const followed = this.#partitions.named(names);
      if (followed.length === 0) return [];
      let patienceLeftMs = Number.POSITIVE_INFINITY;
      if (followed.some(hasMore)) {
        // A partition whose records are still on their way is waited for: else the others would run ahead of it in
        // time.
        const now = clock.monotonicMs();
        patienceLeftMs = Math.max(
          0,
          ...followed.map((each) => each.patienceLeftMs(this.#partitions.endOf(each), now)),
        );
        if (patienceLeftMs === 0) {
          const taken = this.#collect(followed, limits);
          if (taken.length > 0) return taken;
          continue;
        }
      }
      await this.#partitions.arrivals.wait(new Set(names), signal, patienceLeftMs, clock);
    }
    return [];
  }

  ends(): PartitionOffset[] {
    return this.#partitions.ends();
  }

  /** The problems of the partitions that are not being read, each as a sentence. */
  problems(): Iterable<string> {
    return this.#partitions.problems();
  }

  /** The id of the topic as last seen. */
  topicIdOf(topic: string): string | undefined {
    return this.#leaders.topic(topic)?.topicId;
  }

  /**
   * Takes in the topics as they are now: halts partitions of topics made anew, and fetches those that have a leader
   * again.
   */
  learn(topics: ReadonlyMap<string, TopicMetadata>): void {
    this.#leaders.learn(topics);
    for (const followed of [...this.#partitions.all()]) {
      const topic = topics.get(followed.topic);
      if (topic !== undefined && topic.topicId !== followed.topicId) {
        this.#partitions.fail(followed, 'topic_recreated', recreatedDetail(followed, topic));
      }
      if (followed.isWithoutLeader && this.#leaders.leaderOf(followed) !== undefined) {
        followed.isWithoutLeader = false;
        followed.retryAtMs = 0;
      }
    }
    this.#pump();
  }

  close(): void {
    this.#closing.abort();
    this.#partitions.clear();
  }

  #collect(followed: readonly Followed[], limits: TakeLimits): FetchedRecords[] {
    const taken = takeOldestFirst(followed, limits, this.#partitions.nextTurn());
    for (const each of followed) if (each.fault !== undefined && !hasMore(each)) this.#partitions.halt(each);
    if (taken.length > 0) this.#pump();
    return taken;
  }

  /** Sends a fetch to every broker that leads an idle partition with room for more records. */
  #pump(): void {
    if (this.#closing.signal.aborted) return;
    const now = this.#cluster.options.clock.monotonicMs();
    const roomBytes = this.#maxBufferedBytes / (2 * Math.max(1, this.#partitions.size));
    const byLeader = new Map<number, Followed[]>();
    let lacksLeader = false;
    let retryAtMs = Number.POSITIVE_INFINITY;
    for (const followed of this.#partitions.all()) {
      if (followed.isInFlight || followed.fault !== undefined || followed.queuedBytes > roomBytes) continue;
      const leader = this.#leaders.leaderOf(followed);
      if (followed.retryAtMs <= now && leader === undefined) {
        lacksLeader = true;
        followed.isWithoutLeader = true;
        this.#partitions.retryLater(followed, withoutLeader);
      }
      if (followed.retryAtMs > now) retryAtMs = Math.min(retryAtMs, followed.retryAtMs);
      else if (leader !== undefined) pushTo(byLeader, leader, followed);
    }
    if (lacksLeader) this.#refresh();
    // Where memory is left for one fetch only, the brokers take turns: a long poll of one must not keep out the others.
    const turnOf = (leader: number): number => this.#lastFetches.get(leader) ?? -1;
    const inTurn = [...byLeader].toSorted(([left], [right]) => turnOf(left) - turnOf(right));
    for (const [leader, idle] of inTurn) this.#launch(leader, idle, roomBytes);
    this.#pumpAgainAt(retryAtMs, now);
  }

  #pumpAgainAt(retryAtMs: number, now: number): void {
    if (retryAtMs >= this.#timerAtMs) return;
    this.#timerAtMs = retryAtMs;
    this.#cluster.options.clock.sleep(retryAtMs - now, this.#closing.signal).then(() => {
      if (this.#timerAtMs === retryAtMs) this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#pump();
    });
  }

  /** Fetches the idle partitions on a free connection to their leader, if there is one and memory is left. */
  #launch(leader: number, idle: readonly Followed[], roomBytes: number): void {
    const busy = this.#busyConnections.get(leader) ?? new Set<number>();
    this.#busyConnections.set(leader, busy);
    let connectionNumber = 0;
    while (busy.has(connectionNumber)) connectionNumber++;
    if (connectionNumber >= fetchConnectionsPerBroker) return;
    const freeBytes = this.#maxBufferedBytes - this.#partitions.queuedBytes - this.#reservedBytes;
    if (freeBytes <= 0) return;
    // A fetch takes half of the free memory, so that its long poll leaves memory for other fetches.
    const { fetchMaxBytes } = this.#cluster.options;
    const maxBytes = Math.min(fetchMaxBytes, Math.max(smallestFetchBytes, Math.floor(freeBytes / 2)));
    const partitionMaxBytes = Math.min(maxBytes, Math.max(smallestFetchBytes, Math.floor(roomBytes)));
    this.#lastFetches.set(leader, this.#fetches++);
    busy.add(connectionNumber);
    this.#reservedBytes += maxBytes;
    for (const followed of idle) followed.isInFlight = true;
    // The broker fills the answer in the sequence of the request, so the partitions that waited longest come first.
    const inSequence = idle.toSorted((left, right) => left.lastFilledTurn - right.lastFilledTurn);
    this.#fetch(leader, connectionNumber, inSequence, { maxBytes, partitionMaxBytes })
      .catch((error: unknown) => this.#failAll(idle, error))
      .finally(() => {
        busy.delete(connectionNumber);
        this.#reservedBytes -= maxBytes;
        for (const followed of idle) followed.isInFlight = false;
        this.#pump();
      });
  }

  async #fetch(
    leader: number,
    connectionNumber: number,
    idle: readonly Followed[],
    { maxBytes, partitionMaxBytes }: FetchLimits,
  ): Promise<void> {
    const { fetchMaxWaitMs, requestTimeoutMs } = this.#cluster.options;
    const deadlineMs = fetchMaxWaitMs + requestTimeoutMs;
    const connection = await this.#cluster.connect(leader, `fetch-${connectionNumber}`, deadlineMs);
    const topics = new Map<string, PartitionToFetch[]>();
    const asked = new Map<string, Followed>();
    for (const followed of idle) {
      pushTo(
        topics,
        followed.topicId,
        followed.toFetch(this.#leaders.leaderEpochOf(followed), partitionMaxBytes),
      );
      asked.set(`${followed.topicId}/${followed.partition}`, followed);
    }
    const response = await this.#fetchRecords(connection, {
      maxWaitMs: fetchMaxWaitMs,
      maxBytes,
      topics: [...topics].map(([topicId, partitions]) => ({ topicId, partitions })),
    });
    for (const partition of partitionsOf(response)) {
      const place = `${partition.topicId}/${partition.partition}`;
      const followed = asked.get(place);
      asked.delete(place);
      if (followed !== undefined && this.#partitions.isCurrent(followed))
        this.#answers.accept(followed, partition);
    }
    for (const followed of asked.values()) {
      if (this.#partitions.isCurrent(followed))
        this.#partitions.retryLater(followed, 'was left out of the answer to a fetch');
    }
  }

  #failAll(fetched: readonly Followed[], error: unknown): void {
    if (this.#closing.signal.aborted) return;
    logDefect(this.#cluster.options.logger, 'the reading of partitions', error);
    for (const followed of fetched) {
      if (this.#partitions.isCurrent(followed))
        this.#partitions.retryLater(followed, `can't be read: ${explain(error)}`);
    }
    this.#refresh();
  }

  #refresh(): void {
    this.#leaders.refresh(this.#partitions.topics(), (found) => this.learn(found));
  }
}
