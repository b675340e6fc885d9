import { logDefect } from '../../core/errors.ts';
import { type PartitionOffset, partitionName, type TopicPartition } from '../../core/offset.ts';
import { fullJitterMs } from '../../core/retry.ts';
import type {
  AssignedPartition,
  ConsumerListener,
  ConsumerOptions,
  EventLogConsumer,
  FetchedRecords,
  FollowOffset,
  PartitionFault,
  PartitionRange,
  TakeLimits,
} from '../../ports/event-log.ts';
import { Cluster, failuresUntilAskingOthers, type TopicMetadata } from './cluster/cluster.ts';
import { byLeader, rangesFrom } from './cluster/ranges.ts';
import { explain } from './errors.ts';
import { GroupMember, type GroupMemberEvents } from './group/group-member.ts';
import type { ResolvedOptions } from './options.ts';
import { Fetcher } from './reading/fetcher.ts';

const rangesBackoff = { baseMs: 100, capMs: 2_000 };

/** A member of a group and a fetcher, and the partitions that the member holds. */
export class KafkaConsumer implements EventLogConsumer {
  readonly #cluster: Cluster;
  readonly #adapterOptions: ResolvedOptions;
  readonly #member: GroupMember;
  readonly #fetcher: Fetcher;
  /** The topic id of each partition that this member holds, as of the time when it was assigned. */
  readonly #held = new Map<string, string>();
  /**
   * The partitions that this member holds and the listener does not know yet, each with the problem that it waits
   * for.
   */
  readonly #arriving = new Map<string, { problem: string | undefined }>();
  readonly #closing = new AbortController();
  #listener: ConsumerListener | undefined;
  /** Resolves when the listener has answered every call so far. */
  #calls: Promise<void> = Promise.resolve();
  readonly #store: string | undefined;
  readonly #topics: readonly string[];
  #closed: Promise<void> | undefined;

  constructor(adapterOptions: ResolvedOptions, options: ConsumerOptions) {
    this.#adapterOptions = adapterOptions;
    this.#store = options.store;
    this.#topics = options.topics;
    this.#cluster = new Cluster(adapterOptions);
    this.#fetcher = new Fetcher(this.#cluster, options.maxBufferedBytes, {
      halted: (fault) => this.#halted(fault),
    });
    const events: GroupMemberEvents = {
      assigned: (partitions, topics) => this.#assigned(partitions, topics),
      revoked: (partitions) => this.#withdraw('revoked', partitions),
      lost: (partitions) => this.#withdraw('lost', partitions),
      refreshed: (topics) => this.#fetcher.learn(topics),
    };
    this.#member = new GroupMember(this.#cluster, options.group, options.topics, events, options.store);
  }

  async start(listener: ConsumerListener): Promise<void> {
    this.#listener = listener;
    await this.#member.checkStore();
    this.#member.start();
  }

  follow(offsets: readonly FollowOffset[]): void {
    this.#fetcher.follow(
      offsets.flatMap((followed) => {
        const topicId = this.#held.get(partitionName(followed));
        // A partition that this member no longer holds is not followed.
        return topicId === undefined ? [] : [{ ...followed, topicId }];
      }),
    );
    // The group's offsets name its store before anything is read, so that no member of another store joins.
    if (this.#store !== undefined) void this.#member.commit(offsets);
  }

  unfollow(partitions: readonly TopicPartition[]): void {
    this.#fetcher.unfollow(partitions);
  }

  async take(
    partitions: readonly TopicPartition[],
    limits: TakeLimits,
    signal: AbortSignal,
  ): Promise<FetchedRecords[]> {
    const taken = await this.#fetcher.take(partitions, limits, signal);
    // A process that was stopped finds records in memory before its timers tell it that its session is over.
    if (taken.length === 0 || this.#member.mayUseHeld()) return taken;
    // The records are dropped and the partitions unfollowed. The member reports them as lost, then joins again.
    this.#fetcher.unfollow(partitions);
    return [];
  }

  commit(offsets: readonly PartitionOffset[]): Promise<void> {
    return this.#member.commit(offsets);
  }

  ends(): readonly PartitionOffset[] {
    return this.#fetcher.ends();
  }

  health(): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
    const outside = this.#member.problem();
    const arriving = [...this.#arriving.values()].flatMap(({ problem }) => problem ?? []);
    const [first, ...others] = outside === undefined ? [...arriving, ...this.#fetcher.problems()] : [outside];
    if (first === undefined) return { ok: true };
    return {
      ok: false,
      reason: others.length === 0 ? first : `${first} (and ${others.length} more partitions)`,
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await this.#member.close();
    this.#fetcher.close();
    await this.#calls;
    await this.#cluster.close();
  }

  async #assigned(
    partitions: readonly TopicPartition[],
    topics: ReadonlyMap<string, TopicMetadata>,
  ): Promise<void> {
    this.#fetcher.learn(topics);
    for (const partition of partitions) this.#arriving.set(partitionName(partition), { problem: undefined });
    this.#lookForRanges(partitions, topics, 1);
  }

  /**
   * Asks each leader for the ranges of its partitions, and assigns those that it answers for. Asks again for the
   * others, with newly looked up leaders, as long as this member holds them.
   */
  #lookForRanges(
    partitions: readonly TopicPartition[],
    topics: ReadonlyMap<string, TopicMetadata>,
    attempt: number,
  ): void {
    const asked = new Map(
      partitions.map((each) => [partitionName(each), this.#arriving.get(partitionName(each))]),
    );
    const stillArrive = (place: TopicPartition): boolean => {
      const arriving = this.#arriving.get(partitionName(place));
      return arriving !== undefined && arriving === asked.get(partitionName(place));
    };
    for (const [leader, led] of byLeader(topics, partitions)) {
      void rangesFrom(this.#cluster, leader, led).then(async (answers) => {
        if (this.#closing.signal.aborted) return;
        await this.#tellAssigned(
          answers.flatMap((answer) =>
            answer.kind === 'known' && stillArrive(answer.range) ? [answer.range] : [],
          ),
          topics,
        );
        const { clock, logger } = this.#adapterOptions;
        const waiting: TopicPartition[] = [];
        for (const answer of answers) {
          if (answer.kind === 'known' || !stillArrive(answer.place)) continue;
          const name = partitionName(answer.place);
          const arriving = asked.get(name);
          const problem = `${name} ${answer.problem}`;
          if (arriving === undefined) continue;
          if (arriving.problem !== problem) logger('warn', `This member waits for a partition: ${problem}`);
          arriving.problem = problem;
          waiting.push(answer.place);
        }
        if (waiting.length === 0) return;
        await clock.sleep(20 + fullJitterMs(rangesBackoff, attempt, clock.random()), this.#closing.signal);
        if (attempt > failuresUntilAskingOthers) this.#cluster.askOthers();
        // All topics of the group: the answer that is at hand may lack some of them.
        const now = await this.#cluster.topics(this.#topics).catch(() => topics);
        if (this.#closing.signal.aborted) return;
        if (now !== topics) this.#fetcher.learn(now);
        this.#lookForRanges(waiting.filter(stillArrive), now, attempt + 1);
      });
    }
  }

  async #tellAssigned(
    ranges: readonly PartitionRange[],
    topics: ReadonlyMap<string, TopicMetadata>,
  ): Promise<void> {
    if (ranges.length === 0) return;
    const assigned: AssignedPartition[] = ranges.map((range) => ({
      ...range,
      topicId: topics.get(range.topic)?.topicId ?? '',
    }));
    for (const partition of assigned) {
      this.#arriving.delete(partitionName(partition));
      this.#held.set(partitionName(partition), partition.topicId);
    }
    await this.#call('assigned', (listener) => listener.assigned(assigned));
  }

  async #withdraw(verb: 'revoked' | 'lost', partitions: readonly TopicPartition[]): Promise<void> {
    for (const partition of partitions) this.#arriving.delete(partitionName(partition));
    const told = partitions.filter((partition) => this.#held.delete(partitionName(partition)));
    this.#fetcher.unfollow(partitions);
    if (told.length > 0) await this.#call(verb, (listener) => listener[verb](told));
  }

  #halted(fault: PartitionFault): void {
    const name = partitionName(fault);
    const topicId = this.#fetcher.topicIdOf(fault.topic);
    // A `follow` after this fault means the topic as it is now.
    if (fault.kind === 'topic_recreated' && topicId !== undefined && this.#held.has(name)) {
      this.#held.set(name, topicId);
    }
    void this.#call('halted', (listener) => listener.halted(fault));
  }

  /** Calls the listener, one call at a time, in the sequence of the events. */
  #call(what: string, call: (listener: ConsumerListener) => Promise<void>): Promise<void> {
    this.#calls = this.#calls.then(async () => {
      const listener = this.#listener;
      if (listener === undefined) return;
      try {
        await call(listener);
      } catch (error) {
        if (logDefect(this.#adapterOptions.logger, `the listener on ${what}`, error)) return;
        this.#adapterOptions.logger('error', `The listener failed on ${what}: ${explain(error)}`);
      }
    });
    return this.#calls;
  }
}
