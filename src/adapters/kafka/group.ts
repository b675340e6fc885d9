import { logDefect } from '../../core/errors.ts';
import { type Position, partitionName, type TopicPartition } from '../../core/offset.ts';
import { fullJitterMs } from '../../core/retry.ts';
import {
  assignPartitions,
  decodeAssignment,
  decodeOwned,
  encodeAssignment,
  encodeSubscription,
  type GroupMemberState,
} from './assignment.ts';
import type { Cluster, TopicMetadata } from './cluster.ts';
import { type CoordinatorWatch, watchCoordinator } from './coordinator-watch.ts';
import { explain, protocolErrorOf, responseOf } from './errors.ts';
import { GroupRequests, type Membership } from './group-requests.ts';
import { GroupStore, isStranger } from './group-store.ts';
import { Heartbeats } from './heartbeats.ts';

/*
 * One member of a consumer group, by the classic protocol (which every Kafka since 0.9 speaks):
 *
 *   joining -> member --(the group changes)--> joining, with all that is held still read
 *                |  \--(the new share lacks something)--> giving that back, still heartbeating --> joining
 *                \----(no heartbeat answered for a session timeout, or the group has gone on without us)
 *                        --> lost -> joining
 *
 * A join is answered only when every member has joined or a silent one's session has ended. What is held is
 * read on meanwhile, so that the death of one member does not stop the others.
 *
 * The library's own consumer is not used for this: others may have a partition before it was given back here,
 * and it does not tell what was lost from what was asked back; after some failures to rejoin it stays out of
 * its group.
 */

const joinBackoff = { baseMs: 100, capMs: 5_000 };
/** A member of another store looks again whether the group is its own by now. */
const strangerPauseMs = 30_000;
const triedAgainAtOnce: ReadonlySet<string> = new Set([
  'MEMBER_ID_REQUIRED',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
]);
/** The coordinator's ways to say that this member, with all that it held, is no longer of the group. */
const isOut: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']);

export interface GroupEvents {
  /** In this member's hands now; the topics are as the assignment was made from. */
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
  readonly #events: GroupEvents;
  readonly #store: GroupStore;
  readonly #closing = new AbortController();
  #memberId = '';
  #members: readonly GroupMemberState[] = [];
  #coordinator = -1;
  #isJoining = false;
  #membership: Membership | undefined;
  #isLeader = false;
  #held: readonly TopicPartition[] = [];
  #heartbeats: Heartbeats | undefined;
  #running: Promise<void> | undefined;
  #problem: string | undefined = 'the group has not been joined yet';
  /** The numbers of partitions that the leader's last assignment was made from. */
  #assignedFrom: ReadonlyMap<string, number> = new Map();

  constructor(
    cluster: Cluster,
    group: string,
    topics: readonly string[],
    events: GroupEvents,
    store?: string,
    requests: GroupRequests = new GroupRequests(cluster, group),
  ) {
    this.#cluster = cluster;
    this.#requests = requests;
    this.#group = group;
    this.#topicNames = topics;
    this.#events = events;
    this.#store = new GroupStore({ group, topics, store, requests });
  }

  /** Rejects with `group_of_another_store` if the group's offsets were committed for another store than this member's. */
  async checkStore(): Promise<void> {
    if (this.#store.isCompared) await this.#store.check(await this.#cluster.coordinatorOf(this.#group));
  }

  start(): void {
    this.#running ??= Promise.all([this.#run(), this.#watchTopics()]).then(() => {});
  }

  /** Why this member is not in its group, if it is not. */
  problem(): string | undefined {
    return this.#problem;
  }

  /** False once the session must have ended, whether or not the coordinator has said so yet. */
  isAlive(): boolean {
    // A member whose join waits for the others counts as alive at the coordinator, without heartbeats.
    return this.#isJoining || (this.#heartbeats?.isAlive() ?? false);
  }

  /**
   * Whether what is held may be used. Whoever is told that it may not lets go of it, so that from then on it is lost,
   * whatever the coordinator answers yet.
   */
  mayUseHeld(): boolean {
    if (this.isAlive()) return true;
    this.#heartbeats?.expire();
    return false;
  }

  async commit(positions: readonly Position[]): Promise<void> {
    const membership = this.#membership;
    if (membership === undefined || positions.length === 0) return;
    const { log } = this.#cluster.settings;
    try {
      await this.#requests.commit(membership, positions, this.#store.note);
    } catch (error) {
      log('warn', `The group ${this.#group} could not be told how far it has come: ${explain(error)}`);
    }
  }

  /** Gives back what is held and leaves the group. May be called twice. */
  async close(): Promise<void> {
    this.#closing.abort();
    // A join may wait for the other members much longer than anybody wants to wait for a close.
    if (this.#isJoining) this.#requests.breakOff(this.#coordinator);
    await this.#running;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      try {
        // The session may have ended since the last try failed, and others may have what is held.
        if (this.#heartbeats?.isAlive() === false) await this.#giveUp();
        await this.#beMember(() => {
          failures = 0;
        });
      } catch (error) {
        logDefect(this.#cluster.settings.log, `the group ${this.#group}`, error);
        this.#noteFailure(error);
        this.#membership = undefined;
        if (isStranger(error)) {
          await this.#giveUp();
          await this.#sayGoodbye();
          await this.#cluster.settings.clock.sleep(strangerPauseMs, this.#closing.signal);
          continue;
        }
        // What is held is kept for the next try, unless others may have it by now.
        if (isOut.has(protocolErrorOf(error) ?? '') || this.#heartbeats?.isAlive() === false)
          await this.#giveUp();
        // With an answer the coordinator is there, and asks for no more than another try.
        failures = triedAgainAtOnce.has(protocolErrorOf(error) ?? '') ? 1 : failures + 1;
        const { clock } = this.#cluster.settings;
        await clock.sleep(fullJitterMs(joinBackoff, failures, clock.random()), this.#closing.signal);
      }
    }
    await this.#leave();
    this.#problem = 'this member has left its group';
  }

  /** Joins, and stays until the group changes, the membership is lost or the log is closed. */
  async #beMember(onJoined: () => void): Promise<void> {
    const { settings } = this.#cluster;
    const isShared = new AbortController();
    const [membership, heartbeats] = await this.#beginMembership(isShared.signal).catch((error) => {
      isShared.abort();
      throw error;
    });
    if (this.#closing.signal.aborted) return isShared.abort();
    try {
      const partitions = await this.#share(membership).finally(() => isShared.abort());
      onJoined();
      this.#problem = undefined;
      heartbeats.start();
      await this.#changeTo(partitions, heartbeats);
      const end = await heartbeats.ended(this.#closing.signal);
      if (end === 'lost') {
        settings.log('warn', `This member lost its place in the group ${this.#group}; it joins again.`);
        this.#problem = 'the group went on without this member, which is joining again';
        await this.#giveUp();
      }
      if (end !== 'closed') this.#membership = undefined;
    } finally {
      if (!this.#closing.signal.aborted) heartbeats.stop();
    }
  }

  /** Not judged by the last one's heartbeats: they stopped before the join, which may outlast a session. */
  async #beginMembership(isShared: AbortSignal): Promise<[Membership, Heartbeats]> {
    const { settings } = this.#cluster;
    this.#isJoining = true;
    try {
      const membership = await this.#join(isShared);
      this.#membership = membership;
      this.#heartbeats = new Heartbeats(settings, (signal) => this.#heartbeat(membership, signal));
      return [membership, this.#heartbeats];
    } finally {
      this.#isJoining = false;
    }
  }

  /** Lets go of what is not in the new share, and takes in what was not in the old one. */
  async #changeTo(share: readonly TopicPartition[], heartbeats: Heartbeats): Promise<void> {
    const shared = new Set(share.map(partitionName));
    const gone = this.#held.filter((partition) => !shared.has(partitionName(partition)));
    const held = new Set(this.#held.map(partitionName));
    const gained = share.filter((partition) => !held.has(partitionName(partition)));
    if (gone.length > 0) {
      this.#held = this.#held.filter((partition) => shared.has(partitionName(partition)));
      await this.#events.revoked(gone);
    }
    const topics = gained.length > 0 ? await this.#topicsNow(heartbeats) : undefined;
    if (topics !== undefined) {
      this.#held = [...this.#held, ...gained];
      await this.#events.assigned(gained, topics);
    }
    // Only the next sharing out gives what was let go of to the members that wait for it.
    if (gone.length > 0) heartbeats.endByRebalance();
  }

  async #join(isShared: AbortSignal): Promise<Membership> {
    const coordinator = await this.#cluster.coordinatorOf(this.#group);
    this.#coordinator = coordinator;
    void this.#watchUntil(isShared, coordinator);
    await this.#store.check(coordinator);
    const metadata = encodeSubscription(this.#topicNames, this.#held, this.#store.note);
    const joined = await this.#requests.join(coordinator, this.#memberId, metadata);
    this.#memberId = joined.memberId;
    this.#isLeader = joined.isLeader;
    this.#members = joined.members.map((member) => ({
      memberId: member.memberId,
      owned: decodeOwned(member.metadata),
      store: this.#store.of(member),
    }));
    return joined;
  }

  /** A join and a sync wait for other members: whether the coordinator is there is asked beside them. */
  #watchUntil(isShared: AbortSignal, coordinator: number): Promise<void> {
    const { clock, heartbeatIntervalMs, sessionTimeoutMs } = this.#cluster.settings;
    const watch: CoordinatorWatch = {
      clock,
      intervalMs: heartbeatIntervalMs,
      patienceMs: sessionTimeoutMs,
      ask: () => this.#requests.ask(coordinator),
      failed: (error) => this.#noteSilence(error),
      breakOff: () => this.#requests.breakOff(coordinator),
    };
    return watchCoordinator(watch, AbortSignal.any([isShared, this.#closing.signal]));
  }

  #noteSilence(error: unknown): void {
    this.#problem = `the group coordinator does not answer: ${explain(error)}`;
  }

  /** What the leader gives this member; the leader is one of them, and works that out for all. */
  async #share(membership: Membership): Promise<TopicPartition[]> {
    let assignments: { memberId: string; assignment: Buffer }[] = [];
    if (this.#isLeader) {
      const topics = await this.#cluster.topics(this.#topicNames);
      const counts = new Map([...topics].map(([name, { partitions }]) => [name, partitions.length]));
      this.#assignedFrom = counts;
      const missing = this.#topicNames.filter((name) => !topics.has(name));
      if (missing.length > 0)
        this.#cluster.settings.log('warn', `Topics that do not exist (yet): ${missing.join(', ')}`);
      const { own, note } = await this.#store.members(membership.coordinator, this.#members);
      const shares = own.length === 0 ? new Map() : assignPartitions(own, counts);
      assignments = this.#members.map(({ memberId }) => ({
        memberId,
        assignment: encodeAssignment(shares.get(memberId) ?? [], note),
      }));
    }
    const assignment = await this.#requests.sync(membership, assignments);
    this.#store.checkAssignment(assignment);
    return decodeAssignment(assignment);
  }

  /** The topics as they are now; undefined if the membership ended before anybody said. */
  async #topicsNow(heartbeats: Heartbeats): Promise<ReadonlyMap<string, TopicMetadata> | undefined> {
    const { clock, log } = this.#cluster.settings;
    for (let attempt = 1; !heartbeats.hasEnded() && !this.#closing.signal.aborted; attempt++) {
      try {
        return await this.#cluster.topics(this.#topicNames);
      } catch (error) {
        if (attempt === 1) log('warn', explain(error));
      }
      await clock.sleep(20 + fullJitterMs(joinBackoff, attempt, clock.random()), this.#closing.signal);
    }
    return undefined;
  }

  async #heartbeat(membership: Membership, signal: AbortSignal): Promise<string | undefined> {
    try {
      await this.#requests.heartbeat(membership);
      this.#problem = undefined;
      return undefined;
    } catch (error) {
      const answer = protocolErrorOf(error);
      if (answer !== undefined || signal.aborted) return answer;
      logDefect(this.#cluster.settings.log, `the heartbeat of the group ${this.#group}`, error);
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
    await this.#sayGoodbye();
  }

  async #sayGoodbye(): Promise<void> {
    if (this.#memberId === '') return;
    try {
      await this.#requests.leave(this.#coordinator, this.#memberId);
      this.#memberId = '';
    } catch (error) {
      // The others have to wait for the session timeout then, and nothing else.
      this.#cluster.settings.log(
        'info',
        `The group ${this.#group} could not be told of leaving: ${explain(error)}`,
      );
    }
  }

  #noteFailure(error: unknown): void {
    const answer = protocolErrorOf(error);
    const given = responseOf<{ memberId?: string }>(error)?.memberId;
    if (answer === 'MEMBER_ID_REQUIRED' && given !== undefined) {
      this.#memberId = given;
      return;
    }
    if (answer === 'UNKNOWN_MEMBER_ID' || answer === 'FENCED_INSTANCE_ID') this.#memberId = '';
    if (this.#closing.signal.aborted) return;
    const problem = joinProblem(this.#group, error);
    if (this.#problem !== problem && answer !== 'REBALANCE_IN_PROGRESS')
      this.#cluster.settings.log('warn', problem);
    this.#problem = problem;
  }

  /** The leader looks for topics and partitions that came since, and makes the group share them out. */
  async #watchTopics(): Promise<void> {
    const { clock, metadataRefreshMs, log } = this.#cluster.settings;
    while (!this.#closing.signal.aborted) {
      await clock.sleep(metadataRefreshMs, this.#closing.signal);
      if (this.#closing.signal.aborted) return;
      try {
        const topics = await this.#cluster.topics(this.#topicNames);
        this.#events.refreshed(topics);
        // A topic that is gone keeps its partitions assigned: if it is made again, their reading halts, loudly.
        const isChanged = ({ topic, partitions }: TopicMetadata) =>
          this.#assignedFrom.get(topic) !== partitions.length;
        if (this.#isLeader && [...topics.values()].some(isChanged)) this.#heartbeats?.endByRebalance();
      } catch (error) {
        if (logDefect(log, 'the watch of the topics', error)) continue;
        log('debug', `The topics could not be looked at: ${explain(error)}`);
      }
    }
  }
}

/** Why the group can't be joined, with the remedy where one is known. */
function joinProblem(group: string, error: unknown): string {
  switch (protocolErrorOf(error)) {
    case 'INCONSISTENT_GROUP_PROTOCOL':
      return `another program is a member of the group ${group}: stop it, or set ORDER_SYNC_GROUP to a name that only order-sync uses`;
    case 'GROUP_AUTHORIZATION_FAILED':
      return `this user may not be a member of the group ${group}: allow it READ on that group, or set ORDER_SYNC_GROUP to one that it may read`;
    default:
      return `the group ${group} can't be joined: ${explain(error)}`;
  }
}
