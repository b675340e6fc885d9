import type { TopicPartition } from '../../../core/offset.ts';
import type { Cluster, TopicMetadata } from '../cluster/cluster.ts';
import { explain, protocolErrorOf, responseOf } from '../errors.ts';
import {
  decodeAssignment,
  decodeOwned,
  encodeAssignment,
  encodeSubscription,
} from '../wire/group-formats.ts';
import { assignPartitions, type GroupMemberState } from './assignment.ts';
import { type CoordinatorWatch, watchCoordinator } from './coordinator-watch.ts';
import type { GroupRequests, Membership } from './group-requests.ts';
import type { GroupStore } from './group-store.ts';

export interface JoiningParts {
  readonly cluster: Cluster;
  readonly group: string;
  readonly topics: readonly string[];
  readonly store: GroupStore;
  readonly requests: GroupRequests;
  readonly closing: AbortSignal;
  /** The coordinator gave no answer while this member waited for a join or a sync. */
  silent(error: unknown): void;
}

/**
 * Joins a group and learns this member's share of the partitions: first a join, which the coordinator answers once
 * all members have joined, then a sync, in which the leader hands in everybody's share and each member receives its
 * own.
 */
export class Joining {
  readonly #parts: JoiningParts;
  /** Empty until the coordinator has given one. */
  #memberId = '';
  #coordinator = -1;
  #isLeader = false;
  /** All members of the group, as the last join told the leader. */
  #members: readonly GroupMemberState[] = [];
  /** The number of partitions of each topic when this member, as the leader, last assigned them. */
  #assignedFrom: ReadonlyMap<string, number> = new Map();

  constructor(parts: JoiningParts) {
    this.#parts = parts;
  }

  /**
   * Joins with the partitions that this member holds. Until `isShared` aborts, watches whether the coordinator
   * answers.
   */
  async join(held: readonly TopicPartition[], isShared: AbortSignal): Promise<Membership> {
    const { cluster, group, topics, store, requests } = this.#parts;
    const coordinator = await cluster.coordinatorOf(group);
    this.#coordinator = coordinator;
    void this.#watchUntil(isShared, coordinator);
    await store.check(coordinator);
    const metadata = encodeSubscription(topics, held, store.note);
    const joined = await requests.join(coordinator, this.#memberId, metadata);
    this.#memberId = joined.memberId;
    this.#isLeader = joined.isLeader;
    this.#members = joined.members.map((member) => ({
      memberId: member.memberId,
      owned: decodeOwned(member.metadata),
      store: store.of(member),
    }));
    return joined;
  }

  /** This member's share. If it is the leader, it assigns the partitions to all members first. */
  async share(membership: Membership): Promise<TopicPartition[]> {
    const { store, requests } = this.#parts;
    const assignments = this.#isLeader ? await this.#assign(membership) : [];
    const assignment = await requests.sync(membership, assignments);
    store.checkAssignment(assignment);
    return decodeAssignment(assignment);
  }

  /** Whether this member leads the group and the partitions have changed since it assigned them. */
  isAssignmentOld(topics: ReadonlyMap<string, TopicMetadata>): boolean {
    if (!this.#isLeader) return false;
    // The partitions of a deleted topic stay assigned: if it is made again, their reading halts with
    // `topic_recreated`.
    return [...topics.values()].some(
      ({ topic, partitions }) => this.#assignedFrom.get(topic) !== partitions.length,
    );
  }

  /** Breaks off a join or a sync that waits for the other members. */
  breakOff(): void {
    this.#parts.requests.breakOff(this.#coordinator);
  }

  /**
   * Takes or drops the member id as this error says. Returns whether the coordinator only gave this member its id.
   */
  adoptMemberId(error: unknown): boolean {
    const answer = protocolErrorOf(error);
    const given = responseOf<{ memberId?: string }>(error)?.memberId;
    if (answer === 'MEMBER_ID_REQUIRED' && given !== undefined) {
      this.#memberId = given;
      return true;
    }
    if (answer === 'UNKNOWN_MEMBER_ID' || answer === 'FENCED_INSTANCE_ID') this.#memberId = '';
    return false;
  }

  /** Tells the coordinator that this member leaves. If that fails, the others wait until its session times out. */
  async leave(): Promise<void> {
    if (this.#memberId === '') return;
    const { cluster, group, requests } = this.#parts;
    try {
      await requests.leave(this.#coordinator, this.#memberId);
      this.#memberId = '';
    } catch (error) {
      cluster.options.logger(
        'info',
        `This member could not tell the group ${group} that it leaves: ${explain(error)}`,
      );
    }
  }

  async #assign({ coordinator }: Membership): Promise<{ memberId: string; assignment: Buffer }[]> {
    const { cluster, topics: names, store } = this.#parts;
    const topics = await cluster.topics(names);
    const counts = new Map([...topics].map(([name, { partitions }]) => [name, partitions.length]));
    this.#assignedFrom = counts;
    const missing = names.filter((name) => !topics.has(name));
    if (missing.length > 0) {
      cluster.options.logger('warn', `Topics that do not exist (yet): ${missing.join(', ')}`);
    }
    const { own, note } = await store.members(coordinator, this.#members);
    const shares = own.length === 0 ? new Map() : assignPartitions(own, counts);
    return this.#members.map(({ memberId }) => ({
      memberId,
      assignment: encodeAssignment(shares.get(memberId) ?? [], note),
    }));
  }

  /**
   * A join and a sync may wait long for other members. So the coordinator is asked beside them whether it is there.
   */
  #watchUntil(isShared: AbortSignal, coordinator: number): Promise<void> {
    const { cluster, requests, closing, silent } = this.#parts;
    const { clock, heartbeatIntervalMs, sessionTimeoutMs } = cluster.options;
    const watch: CoordinatorWatch = {
      clock,
      intervalMs: heartbeatIntervalMs,
      patienceMs: sessionTimeoutMs,
      ask: () => requests.ask(coordinator),
      failed: silent,
      breakOff: () => requests.breakOff(coordinator),
    };
    return watchCoordinator(watch, AbortSignal.any([isShared, closing]));
  }
}

/** Says why the group can't be joined and, where it is known, what to do. */
export function joinProblem(group: string, error: unknown): string {
  switch (protocolErrorOf(error)) {
    case 'INCONSISTENT_GROUP_PROTOCOL':
      return `another program is a member of the group ${group}: stop it, or set ORDER_SYNC_GROUP to a name that only order-sync uses`;
    case 'GROUP_AUTHORIZATION_FAILED':
      return `this user may not be a member of the group ${group}: allow it READ on that group, or set ORDER_SYNC_GROUP to one that it may read`;
    default:
      return `the group ${group} can't be joined: ${explain(error)}`;
  }
}
