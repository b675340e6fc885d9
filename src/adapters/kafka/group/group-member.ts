import { logDefect, TributaryError } from '../../../core/errors.ts';
import { type PartitionOffset, partitionName, type TopicPartition } from '../../../core/offset.ts';
import { fullJitterMs } from '../../../core/retry.ts';
import type { Cluster, TopicMetadata } from '../cluster/cluster.ts';
import { explain, protocolErrorOf, unreachable } from '../errors.ts';
import { GroupRequests, type Membership } from './group-requests.ts';
import { GroupStore, isStranger } from './group-store.ts';
import { Heartbeats } from './heartbeats.ts';
import { Joining, joinProblem } from './joining.ts';
import { lookUpTopics, watchTopics } from './topic-watch.ts';

/*
 * One member of a consumer group, by the classic protocol, which every Kafka since 0.9 speaks:
 *
 *   joining -> member --(the group rebalances)--> joining, while all that it holds is still read
 *                |  \--(its new share lacks some partitions)--> revokes them, still with heartbeats --> joining
 *                \----(no heartbeat was answered for a session timeout, or the group has gone on without it)
 *                        --> lost -> joining
 *
 * The coordinator answers a join only when every member has joined or a silent one's session has ended. Meanwhile the
 * member goes on reading what it holds, so the death of one member does not stop the others.
 *
 * The library's own consumer is not used: others may get a partition before it is revoked here, it does not tell lost
 * partitions from revoked ones, and after some failed joins it stays out of its group.
 */

const joinBackoff = { baseMs: 100, capMs: 5_000 };
/** A member of another store checks every 30 s whether the group belongs to its own store by now. */
const strangerPauseMs = 30_000;
/** After these answers the next try follows soon, because the coordinator is there and asks for it. */
const triedAgainSoon: ReadonlySet<string> = new Set([
  'MEMBER_ID_REQUIRED',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
]);
/** After these answers this member is no longer in the group, and others may have its partitions. */
const isOut: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']);

export interface GroupMemberEvents {
  /** This member holds these partitions from now on. `topics` are the topics as they are now. */
  assigned(partitions: readonly TopicPartition[], topics: ReadonlyMap<string, TopicMetadata>): Promise<void>;
  revoked(partitions: readonly TopicPartition[]): Promise<void>;
  lost(partitions: readonly TopicPartition[]): Promise<void>;
  /** The topics as they were just looked up. */
  refreshed(topics: ReadonlyMap<string, TopicMetadata>): void;
}

export class GroupMember {
  readonly #cluster: Cluster;
  readonly #requests: GroupRequests;
  readonly #group: string;
  readonly #topicNames: readonly string[];
  readonly #events: GroupMemberEvents;
  readonly #store: GroupStore;
  readonly #closing = new AbortController();
  readonly #joining: Joining;
  #isJoining = false;
  #membership: Membership | undefined;
  #held: readonly TopicPartition[] = [];
  #heartbeats: Heartbeats | undefined;
  #running: Promise<void> | undefined;
  #problem: string | undefined = 'the group has not been joined yet';

  constructor(
    cluster: Cluster,
    group: string,
    topics: readonly string[],
    events: GroupMemberEvents,
    store?: string,
    requests: GroupRequests = new GroupRequests(cluster, group),
  ) {
    this.#cluster = cluster;
    this.#requests = requests;
    this.#group = group;
    this.#topicNames = topics;
    this.#events = events;
    this.#store = new GroupStore({ group, topics, store, requests });
    this.#joining = new Joining({
      cluster,
      group,
      topics,
      store: this.#store,
      requests,
      closing: this.#closing.signal,
      silent: (error) => this.#noteSilence(error),
    });
  }

  /**
   * Rejects with `group_of_another_store` if the group's offsets were committed for another store than this member's,
   * and with `log_unreachable` if they cannot be read.
   */
  async checkStore(): Promise<void> {
    if (!this.#store.isCompared) return;
    try {
      await this.#store.check(await this.#cluster.coordinatorOf(this.#group));
    } catch (error) {
      if (protocolErrorOf(error) === undefined) throw unreachable(`reading the group ${this.#group}`, error);
      throw new TributaryError('log_unreachable', joinProblem(this.#group, error), { cause: error });
    }
  }

  start(): void {
    this.#running ??= Promise.all([this.#run(), this.#watchTopics()]).then(() => {});
  }

  /** The reason why this member is not in its group. Undefined if it is. */
  problem(): string | undefined {
    return this.#problem;
  }

  /** False once the session must have ended, even if the coordinator has not said so yet. */
  isAlive(): boolean {
    // The coordinator takes a member whose join waits for the others as alive, without heartbeats.
    return this.#isJoining || (this.#heartbeats?.isAlive() ?? false);
  }

  /**
   * Whether the caller may use what this member holds. After a `false` the partitions count as lost: an answer of the
   * coordinator that comes later does not change that.
   */
  mayUseHeld(): boolean {
    if (this.isAlive()) return true;
    this.#heartbeats?.expire();
    return false;
  }

  async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    const membership = this.#membership;
    if (membership === undefined || offsets.length === 0) return;
    const { logger } = this.#cluster.options;
    try {
      await this.#requests.commit(membership, offsets, this.#store.note);
    } catch (error) {
      logger('warn', `The offsets of the group ${this.#group} could not be committed: ${explain(error)}`);
    }
  }

  /** Revokes what this member holds and leaves the group. May be called twice. */
  async close(): Promise<void> {
    this.#closing.abort();
    // A join may wait for the other members, much longer than a close should take.
    if (this.#isJoining) this.#joining.breakOff();
    await this.#running;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      try {
        // The session may have ended since the last try failed. Then others may have what this member holds.
        if (this.#heartbeats?.isAlive() === false) await this.#giveUp();
        await this.#beMember(() => {
          failures = 0;
        });
      } catch (error) {
        logDefect(this.#cluster.options.logger, `the group ${this.#group}`, error);
        this.#noteFailure(error);
        this.#membership = undefined;
        if (isStranger(error)) {
          await this.#giveUp();
          await this.#joining.leave();
          await this.#cluster.options.clock.sleep(strangerPauseMs, this.#closing.signal);
          continue;
        }
        // This member keeps what it holds for the next try, unless others may have it by now.
        if (isOut.has(protocolErrorOf(error) ?? '') || this.#heartbeats?.isAlive() === false)
          await this.#giveUp();
        failures = triedAgainSoon.has(protocolErrorOf(error) ?? '') ? 1 : failures + 1;
        const { clock } = this.#cluster.options;
        await clock.sleep(fullJitterMs(joinBackoff, failures, clock.random()), this.#closing.signal);
      }
    }
    await this.#leave();
    this.#problem = 'this member has left its group';
  }

  /** Joins, and stays until the group rebalances, the membership is lost, or the member is closed. */
  async #beMember(onJoined: () => void): Promise<void> {
    const { options } = this.#cluster;
    const isShared = new AbortController();
    const [membership, heartbeats] = await this.#beginMembership(isShared.signal).catch((error) => {
      isShared.abort();
      throw error;
    });
    if (this.#closing.signal.aborted) return isShared.abort();
    try {
      const partitions = await this.#joining.share(membership).finally(() => isShared.abort());
      onJoined();
      this.#problem = undefined;
      heartbeats.start();
      await this.#changeTo(partitions, heartbeats);
      const end = await heartbeats.ended(this.#closing.signal);
      if (end === 'lost') {
        options.logger('warn', `This member lost its place in the group ${this.#group}; it joins again.`);
        this.#problem = 'the group went on without this member, which is joining again';
        await this.#giveUp();
      }
      if (end !== 'closed') this.#membership = undefined;
    } finally {
      if (!this.#closing.signal.aborted) heartbeats.stop();
    }
  }

  /**
   * Joins, with heartbeats of its own: those of the last membership stopped before this join, which may last longer
   * than a session.
   */
  async #beginMembership(isShared: AbortSignal): Promise<[Membership, Heartbeats]> {
    const { options } = this.#cluster;
    this.#isJoining = true;
    try {
      const membership = await this.#joining.join(this.#held, isShared);
      this.#membership = membership;
      this.#heartbeats = new Heartbeats(options, (signal) => this.#heartbeat(membership, signal));
      return [membership, this.#heartbeats];
    } finally {
      this.#isJoining = false;
    }
  }

  /** Revokes the partitions that are not in the new share, then takes the new ones. */
  async #changeTo(share: readonly TopicPartition[], heartbeats: Heartbeats): Promise<void> {
    const shared = new Set(share.map(partitionName));
    const gone = this.#held.filter((partition) => !shared.has(partitionName(partition)));
    const held = new Set(this.#held.map(partitionName));
    const gained = share.filter((partition) => !held.has(partitionName(partition)));
    if (gone.length > 0) {
      this.#held = this.#held.filter((partition) => shared.has(partitionName(partition)));
      await this.#events.revoked(gone);
    }
    const topics = gained.length > 0 ? await this.#lookUpTopics(heartbeats) : undefined;
    if (topics !== undefined) {
      this.#held = [...this.#held, ...gained];
      await this.#events.assigned(gained, topics);
    }
    // The other members get the revoked partitions at the next rebalance.
    if (gone.length > 0) heartbeats.endByRebalance();
  }

  #noteSilence(error: unknown): void {
    this.#problem = `the group coordinator does not answer: ${explain(error)}`;
  }

  #lookUpTopics(heartbeats: Heartbeats): Promise<ReadonlyMap<string, TopicMetadata> | undefined> {
    const watch = { cluster: this.#cluster, topics: this.#topicNames, closing: this.#closing.signal };
    return lookUpTopics(watch, () => heartbeats.hasEnded());
  }

  /** Makes the group rebalance when the leader sees topics or partitions that were added. */
  #watchTopics(): Promise<void> {
    return watchTopics({
      cluster: this.#cluster,
      topics: this.#topicNames,
      closing: this.#closing.signal,
      seen: (topics) => {
        this.#events.refreshed(topics);
        if (this.#joining.isAssignmentOld(topics)) this.#heartbeats?.endByRebalance();
      },
    });
  }

  async #heartbeat(membership: Membership, signal: AbortSignal): Promise<string | undefined> {
    try {
      await this.#requests.heartbeat(membership);
      this.#problem = undefined;
      return undefined;
    } catch (error) {
      const answer = protocolErrorOf(error);
      if (signal.aborted) return answer;
      // The next join must not use an id that the coordinator has dropped.
      if (answer !== undefined) {
        this.#joining.adoptMemberId(error);
        return answer;
      }
      logDefect(this.#cluster.options.logger, `the heartbeat of the group ${this.#group}`, error);
      this.#noteSilence(error);
      throw error;
    }
  }

  async #giveBack(): Promise<void> {
    const held = this.#held;
    this.#held = [];
    if (held.length > 0) await this.#events.revoked(held);
  }

  async #giveUp(): Promise<void> {
    const held = this.#held;
    this.#held = [];
    this.#membership = undefined;
    if (held.length > 0) await this.#events.lost(held);
  }

  async #leave(): Promise<void> {
    const heartbeats = this.#heartbeats;
    if (heartbeats === undefined || heartbeats.isAlive()) await this.#giveBack();
    else await this.#giveUp();
    heartbeats?.stop();
    this.#membership = undefined;
    await this.#joining.leave();
  }

  #noteFailure(error: unknown): void {
    if (this.#joining.adoptMemberId(error) || this.#closing.signal.aborted) return;
    const problem = joinProblem(this.#group, error);
    if (this.#problem !== problem && protocolErrorOf(error) !== 'REBALANCE_IN_PROGRESS') {
      this.#cluster.options.logger('warn', problem);
    }
    this.#problem = problem;
  }
}
