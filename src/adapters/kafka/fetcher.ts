import { logDefect, TributaryError } from '../../core/errors.ts';
import { type Position, partitionName, type TopicPartition } from '../../core/offset.ts';
import { fullJitterMs } from '../../core/retry.ts';
import type { FetchedBatch, FollowPosition, PartitionFault, TakeLimits } from '../../ports/event-log.ts';
import { AbortedFilter } from './aborted.ts';
import { Arrivals } from './arrivals.ts';
import { CorruptBatchError, readBatches } from './batches.ts';
import type { Cluster, TopicMetadata } from './cluster.ts';
import { explain, KafkaCode, nameOfCode } from './errors.ts';
import { divergedDetail, outOfRangeDetail, recreatedDetail, unknownEpochDetail } from './fault-details.ts';
import { type FetchedPartition, fetchRecords, type PartitionToFetch } from './fetch.ts';
import { Followed } from './followed.ts';
import { Leaders } from './leaders.ts';
import { pushTo } from './lists.ts';
import { hasMore, takeOldestFirst } from './oldest-first.ts';
import { OpenBatches } from './open-batches.ts';
import { rangesOf, withoutLeader } from './ranges.ts';

/*
 * Reads the followed partitions from their leaders. A partition is in one of these states:
 *
 *   follow -> idle -> in flight -> idle -> ...          while there is room for more of it
 *                        |
 *                        +-> waiting (for a leader, or after an error) -> idle
 *                        +-> faulty -> (what was read before has been taken) -> halted, and followed no more
 *
 * Fetches are long polls, several at a time for each broker, each on a connection of its own: a partition that
 * has become idle is fetched at once, also while the others' poll goes on. The answer to a fetch belongs to the
 * `Followed` that it was sent for; if the partition has been followed anew or let go since, it is dropped.
 */

const retryBackoff = { baseMs: 100, capMs: 5_000 };
const lanesPerBroker = 4;
const smallestFetchBytes = 64 * 1024;
/** A leader that refuses an offset which is in range so often in a row does not know the leader epoch sent with it. */
const epochRefusals = 5;
/** After so many failures in a row other brokers are asked who leads. */
const failuresUntilAskingOthers = 3;

export interface FetcherEvents {
  halted(fault: PartitionFault): void;
}

export class Fetcher {
  readonly #cluster: Cluster;
  readonly #maxBufferedBytes: number;
  readonly #events: FetcherEvents;
  readonly #fetchRecords: typeof fetchRecords;
  readonly #followed = new Map<string, Followed>();
  readonly #ends = new Map<string, Position>();
  readonly #problems = new Map<string, string>();
  readonly #arrivals = new Arrivals();
  readonly #busyLanes = new Map<number, Set<number>>();
  readonly #closing = new AbortController();
  readonly #leaders: Leaders;
  readonly #open: OpenBatches;
  #reservedBytes = 0;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #turn = 0;

  constructor(
    cluster: Cluster,
    maxBufferedBytes: number,
    events: FetcherEvents,
    send: typeof fetchRecords = fetchRecords,
  ) {
    this.#fetchRecords = send;
    this.#open = new OpenBatches(cluster.settings.maxBatchBytes);
    this.#leaders = new Leaders(cluster, retryBackoff, this.#closing.signal);
    this.#cluster = cluster;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#events = events;
  }

  follow(positions: readonly (FollowPosition & { readonly topicId: string })[]): void {
    for (const position of positions) {
      this.#forget(partitionName(position));
      this.#followed.set(partitionName(position), new Followed(position, this.#open));
    }
    this.#arrivals.announce(positions.map(partitionName));
    this.#pump();
  }

  unfollow(partitions: readonly TopicPartition[]): void {
    const names = partitions.map(partitionName);
    for (const name of names) {
      this.#forget(name);
      this.#ends.delete(name);
    }
    this.#arrivals.announce(names);
    this.#pump();
  }

  async take(
    partitions: readonly TopicPartition[],
    limits: TakeLimits,
    signal: AbortSignal,
  ): Promise<FetchedBatch[]> {
    const names = partitions.map(partitionName);
    const { clock } = this.#cluster.settings;
    while (!signal.aborted && !this.#closing.signal.aborted) {
      const followed = names.flatMap((name) => this.#followed.get(name) ?? []);
      if (followed.length === 0) return [];
      let patienceLeftMs = Number.POSITIVE_INFINITY;
      if (followed.some(hasMore)) {
        // Taken without what is on its way, the others would run ahead of it in time.
        const now = clock.monotonicMs();
        patienceLeftMs = Math.max(
          0,
          ...followed.map((each) => each.patienceLeftMs(this.#ends.get(each.name)?.offset, now)),
        );
        if (patienceLeftMs === 0) {
          const batches = this.#collect(followed, limits);
          if (batches.length > 0) return batches;
          continue;
        }
      }
      await this.#arrivals.wait(new Set(names), signal, patienceLeftMs, clock);
    }
    return [];
  }

  ends(): Position[] {
    return [...this.#ends.values()];
  }

  /** What keeps partitions from being read, if anything does. */
  problems(): Iterable<string> {
    return this.#problems.values();
  }

  /** As last seen. */
  topicIdOf(topic: string): string | undefined {
    return this.#leaders.topic(topic)?.topicId;
  }

  /** Told what the topics are now, so that leaders and topics made anew are noticed. */
  learn(topics: ReadonlyMap<string, TopicMetadata>): void {
    this.#leaders.learn(topics);
    for (const followed of [...this.#followed.values()]) {
      const topic = topics.get(followed.topic);
      if (topic !== undefined && topic.topicId !== followed.topicId) {
        this.#fail(followed, 'topic_recreated', recreatedDetail(followed, topic));
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
    for (const name of [...this.#followed.keys()]) this.#forget(name);
    this.#arrivals.end();
  }

  #forget(name: string): void {
    this.#followed.get(name)?.drop();
    this.#followed.delete(name);
    this.#problems.delete(name);
  }

  #collect(followed: readonly Followed[], limits: TakeLimits): FetchedBatch[] {
    const batches = takeOldestFirst(followed, limits, this.#turn++);
    for (const each of followed) if (each.fault !== undefined && !hasMore(each)) this.#halt(each);
    if (batches.length > 0) this.#pump();
    return batches;
  }

  /** Sends a fetch to every broker that leads a partition which is idle and has room. */
  #pump(): void {
    if (this.#closing.signal.aborted) return;
    const now = this.#cluster.settings.clock.monotonicMs();
    const roomBytes = this.#maxBufferedBytes / (2 * Math.max(1, this.#followed.size));
    const byLeader = new Map<number, Followed[]>();
    let lacksLeader = false;
    let retryAtMs = Number.POSITIVE_INFINITY;
    for (const followed of this.#followed.values()) {
      if (followed.isInFlight || followed.fault !== undefined || followed.queuedBytes > roomBytes) continue;
      const leader = this.#leaders.leaderOf(followed);
      if (followed.retryAtMs <= now && leader === undefined) {
        lacksLeader = true;
        followed.isWithoutLeader = true;
        this.#retryLater(followed, withoutLeader);
      }
      if (followed.retryAtMs > now) retryAtMs = Math.min(retryAtMs, followed.retryAtMs);
      else if (leader !== undefined) pushTo(byLeader, leader, followed);
    }
    if (lacksLeader) this.#refresh();
    for (const [leader, idle] of byLeader) this.#launch(leader, idle, roomBytes);
    this.#pumpAgainAt(retryAtMs, now);
  }

  #pumpAgainAt(retryAtMs: number, now: number): void {
    if (retryAtMs >= this.#timerAtMs) return;
    this.#timerAtMs = retryAtMs;
    this.#cluster.settings.clock.sleep(retryAtMs - now, this.#closing.signal).then(() => {
      if (this.#timerAtMs === retryAtMs) this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#pump();
    });
  }

  #launch(leader: number, idle: readonly Followed[], roomBytes: number): void {
    const busy = this.#busyLanes.get(leader) ?? new Set<number>();
    this.#busyLanes.set(leader, busy);
    let lane = 0;
    while (busy.has(lane)) lane++;
    if (lane >= lanesPerBroker) return;
    let bufferedBytes = 0;
    for (const followed of this.#followed.values()) bufferedBytes += followed.queuedBytes;
    const freeBytes = this.#maxBufferedBytes - bufferedBytes - this.#reservedBytes;
    if (freeBytes <= 0) return;
    // Half of what is free, so that one long poll does not keep the others from being sent.
    const { fetchMaxBytes } = this.#cluster.settings;
    const maxBytes = Math.min(fetchMaxBytes, Math.max(smallestFetchBytes, Math.floor(freeBytes / 2)));
    const partitionMaxBytes = Math.min(maxBytes, Math.max(smallestFetchBytes, Math.floor(roomBytes)));
    busy.add(lane);
    this.#reservedBytes += maxBytes;
    for (const followed of idle) followed.isInFlight = true;
    // The broker fills the answer in the sequence asked for: those that got nothing last time come first.
    const inSequence = idle.toSorted((left, right) => left.lastFilledTurn - right.lastFilledTurn);
    this.#fetch(leader, lane, inSequence, maxBytes, partitionMaxBytes)
      .catch((error: unknown) => this.#failAll(idle, error))
      .finally(() => {
        busy.delete(lane);
        this.#reservedBytes -= maxBytes;
        for (const followed of idle) followed.isInFlight = false;
        this.#pump();
      });
  }

  async #fetch(
    leader: number,
    lane: number,
    idle: readonly Followed[],
    maxBytes: number,
    partitionMaxBytes: number,
  ): Promise<void> {
    const { fetchMaxWaitMs, requestTimeoutMs } = this.#cluster.settings;
    const deadlineMs = fetchMaxWaitMs + requestTimeoutMs;
    const connection = await this.#cluster.connect(leader, `fetch-${lane}`, deadlineMs);
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
    if (response.errorCode !== KafkaCode.none)
      throw new TributaryError('log_unreachable', `Kafka answered ${nameOfCode(response.errorCode)}`);
    for (const partition of response.partitions) {
      const place = `${partition.topicId}/${partition.partition}`;
      const followed = asked.get(place);
      asked.delete(place);
      if (followed !== undefined && this.#isCurrent(followed)) this.#accept(followed, partition);
    }
    for (const followed of asked.values()) {
      if (this.#isCurrent(followed)) this.#retryLater(followed, 'was left out of the answer to a fetch');
    }
  }

  #isCurrent(followed: Followed): boolean {
    return this.#followed.get(followed.name) === followed;
  }

  #accept(followed: Followed, fetched: FetchedPartition): void {
    if (fetched.errorCode !== KafkaCode.none) {
      this.#refuse(followed, fetched);
      return;
    }
    const { topic, partition, name } = followed;
    this.#ends.set(name, { topic, partition, offset: fetched.lastStableOffset });
    if (fetched.diverging !== undefined) {
      this.#fail(followed, 'log_diverged', divergedDetail(followed, fetched.diverging));
      return;
    }
    const before = followed.fetchOffset;
    try {
      const filter = new AbortedFilter(fetched.aborted);
      for (const batch of readBatches(fetched.records)) followed.push(batch, filter.isCommitted(batch));
      if (fetched.records.length > 0 && followed.fetchOffset === before) {
        throw new CorruptBatchError(
          before,
          `the batch at offset ${before} is longer than what Kafka sent of it`,
        );
      }
      followed.failures = 0;
      followed.epochRefusals = 0;
      this.#problems.delete(name);
    } catch (error) {
      if (!(error instanceof CorruptBatchError)) throw error;
      this.#suspect(followed, error.message);
    }
    if (followed.fetchOffset === before) return;
    followed.lastFilledTurn = this.#turn++;
    this.#arrivals.announce([name]);
  }

  #refuse(followed: Followed, fetched: FetchedPartition): void {
    switch (fetched.errorCode) {
      case KafkaCode.offsetOutOfRange:
        this.#retryLater(followed, `refuses offset ${followed.fetchOffset} as out of range`);
        this.#checkRange(followed).catch((error) => this.#retryLater(followed, explain(error)));
        return;
      case KafkaCode.corruptMessage:
        this.#suspect(followed, `Kafka finds the batch at offset ${followed.fetchOffset} corrupt`);
        return;
      default:
        // Most of these say that the leader is another broker now, or that the topic id is not known (any more). The
        // epoch of what was read is kept: a new leader is the one that has to show that its log is the same.
        this.#retryLater(followed, `can't be read: Kafka answered ${nameOfCode(fetched.errorCode)}`);
        if (followed.failures > failuresUntilAskingOthers) this.#cluster.askOthers();
        this.#refresh();
    }
  }

  /** A batch that looks corrupt is fetched once more, in case that only its transport was. */
  #suspect(followed: Followed, detail: string): void {
    if (followed.suspectOffset === followed.fetchOffset) {
      this.#fail(followed, 'corrupt_batch', `${followed.name}: ${detail}.`);
      return;
    }
    followed.suspectOffset = followed.fetchOffset;
    this.#retryLater(followed, detail);
  }

  async #checkRange(followed: Followed): Promise<void> {
    const topics = await this.#cluster.topics([followed.topic]);
    this.learn(this.#leaders.with(topics));
    if (!topics.has(followed.topic) || !this.#isCurrent(followed) || followed.fault !== undefined) return;
    const [answer] = await rangesOf(this.#cluster, topics, [followed]);
    if (answer?.kind !== 'known' || !this.#isCurrent(followed)) return;
    const { range } = answer;
    const wanted = followed.fetchOffset;
    const { startOffset, endOffset } = range;
    if (wanted >= startOffset && wanted <= endOffset) {
      // A leader that had just changed, or one that never heard of the epoch of what was read.
      followed.epochRefusals++;
      if (followed.lastEpoch >= 0 && followed.epochRefusals >= epochRefusals)
        this.#fail(followed, 'log_diverged', unknownEpochDetail(followed, range));
      return;
    }
    this.#fail(followed, 'offset_out_of_range', outOfRangeDetail(followed, range));
  }

  /** Stops the reading; told to the caller once it has taken what was read before. */
  #fail(followed: Followed, kind: PartitionFault['kind'], detail: string): void {
    if (followed.fault !== undefined || !this.#isCurrent(followed)) return;
    const { topic, partition, fetchOffset } = followed;
    followed.fault = { topic, partition, kind, offset: fetchOffset, detail };
    this.#problems.set(followed.name, detail);
    if (followed.queue.length === 0) this.#halt(followed);
  }

  #halt(followed: Followed): void {
    if (followed.fault === undefined) return;
    const { topic, partition, kind, offset, detail } = followed.fault;
    this.#cluster.settings.log('error', detail, { topic, partition, offset, kind });
    this.#problems.set(followed.name, detail);
    this.#followed.delete(followed.name);
    this.#arrivals.announce([followed.name]);
    this.#events.halted(followed.fault);
  }

  #failAll(fetched: readonly Followed[], error: unknown): void {
    if (this.#closing.signal.aborted) return;
    logDefect(this.#cluster.settings.log, 'the reading of partitions', error);
    for (const followed of fetched) {
      if (this.#isCurrent(followed)) this.#retryLater(followed, `can't be read: ${explain(error)}`);
    }
    this.#refresh();
  }

  #retryLater(followed: Followed, problem: string): void {
    const { clock, log } = this.#cluster.settings;
    const { name, topic, partition } = followed;
    followed.failures++;
    const waitMs = fullJitterMs(retryBackoff, followed.failures, clock.random());
    followed.retryAtMs = clock.monotonicMs() + 20 + waitMs;
    const text = problem.startsWith(name) ? problem : `${name} ${problem}`;
    if (this.#problems.get(name) !== text)
      log('warn', text, { topic, partition, offset: followed.fetchOffset });
    this.#problems.set(name, text);
  }

  #refresh(): void {
    const topics = [...new Set([...this.#followed.values()].map(({ topic }) => topic))];
    this.#leaders.refresh(topics, (found) => this.learn(found));
  }
}
