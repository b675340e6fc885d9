import {
  type Connection,
  findCoordinatorV4,
  heartbeatV4,
  joinGroupV7,
  leaveGroupV4,
  offsetCommitV8,
  offsetFetchV8,
  syncGroupV5,
} from '@platformatic/kafka';
import { type PartitionOffset, partitionName } from '../../core/offset.ts';
import { assignmentRule } from './assignment.ts';
import { type Cluster, groupByTopic } from './cluster.ts';
import { responseOf } from './errors.ts';

/*
 * The requests of a group member to its coordinator. Joins and syncs wait for other members, so they have a connection
 * for themselves; heartbeats have another one, and are given up early enough for a second try within the session.
 */

export interface Membership {
  readonly coordinator: number;
  readonly generation: number;
  readonly memberId: string;
}

/** Commits by whoever is no member, as Kafka's own tools do. */
export const notAMember = { generation: -1, memberId: '' } as const;

export interface JoinedMember {
  readonly memberId: string;
  readonly metadata: Buffer;
}

export interface Joined extends Membership {
  readonly isLeader: boolean;
  /** Only the leader is told of all members. */
  readonly members: readonly JoinedMember[];
}

const protocolType = 'consumer';
const groupCoordinator = 0;
const joinUse = 'group';

export class GroupRequests {
  readonly #cluster: Cluster;
  readonly #group: string;

  constructor(cluster: Cluster, group: string) {
    this.#cluster = cluster;
    this.#group = group;
  }

  /**
   * Answered once all members have joined, or the session of a silent one has ended. Sent on a new connection: an old one
   * may have died without a word, and a join waits too long for that to be found out.
   */
  async join(coordinator: number, memberId: string, metadata: Buffer): Promise<Joined> {
    const { sessionTimeoutMs, rebalanceTimeoutMs } = this.#cluster.settings;
    this.breakOff(coordinator);
    const response = await joinGroupV7.api.async(
      await this.#joinConnection(coordinator),
      this.#group,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId,
      null,
      protocolType,
      [{ name: assignmentRule, metadata }],
    );
    return {
      coordinator,
      generation: response.generationId,
      memberId: response.memberId,
      isLeader: response.leader === response.memberId,
      members: response.members.map((member) => ({
        memberId: member.memberId,
        metadata: member.metadata ?? Buffer.alloc(0),
      })),
    };
  }

  /** Hands in the leader's assignments and resolves with this member's, once the leader has handed them in. */
  async sync(
    { coordinator, generation, memberId }: Membership,
    assignments: readonly { memberId: string; assignment: Buffer }[],
  ): Promise<Buffer> {
    const response = await syncGroupV5.api.async(
      await this.#joinConnection(coordinator),
      this.#group,
      generation,
      memberId,
      null,
      protocolType,
      assignmentRule,
      [...assignments],
    );
    return response.assignment;
  }

  /** Breaks the connection of joins and syncs, and with it the one that waits. */
  breakOff(coordinator: number): void {
    this.#cluster.abandon(coordinator, joinUse);
  }

  async heartbeat({ coordinator, generation, memberId }: Membership): Promise<void> {
    const connection = await this.#heartbeatConnection(coordinator);
    await heartbeatV4.api.async(connection, this.#group, generation, memberId, null);
  }

  /** Resolves with any answer of the coordinator, beside its heartbeats. */
  async ask(coordinator: number): Promise<void> {
    const connection = await this.#heartbeatConnection(coordinator);
    try {
      await findCoordinatorV4.api.async(connection, groupCoordinator, [this.#group]);
    } catch (error) {
      if (responseOf(error) === undefined) throw error;
    }
  }

  async leave(coordinator: number, memberId: string): Promise<void> {
    const connection = await this.#heartbeatConnection(coordinator);
    await leaveGroupV4.api.async(connection, this.#group, [{ memberId, groupInstanceId: null }]);
  }

  /** What the group has committed, of all topics, with the notes that stand beside. */
  async committed(coordinator: number): Promise<(PartitionOffset & { readonly note: string | null })[]> {
    const connection = await this.#cluster.connect(coordinator, 'control');
    const request = { groupId: this.#group, memberId: null, memberEpoch: -1, topics: null };
    const response = await offsetFetchV8.api.async(connection, [request], true);
    return response.groups.flatMap(({ topics }) =>
      topics.flatMap(({ name, partitions }) =>
        partitions
          .filter(({ committedOffset }) => committedOffset >= 0n)
          .map(({ partitionIndex, committedOffset, metadata }) => ({
            topic: name,
            partition: partitionIndex,
            offset: committedOffset,
            note: metadata ?? null,
          })),
      ),
    );
  }

  /** The coordinator takes `notAMember` for the membership as long as the group has no members. */
  async commit(
    membership: Membership,
    positions: readonly PartitionOffset[],
    note: string | null = null,
  ): Promise<void> {
    const connection = await this.#cluster.connect(membership.coordinator, 'control');
    const offsets = new Map(positions.map((position) => [partitionName(position), position.offset]));
    const topics = groupByTopic(positions).map(([name, partitions]) => ({
      name,
      partitions: partitions.map((partitionIndex) => ({
        partitionIndex,
        committedOffset: offsets.get(partitionName({ topic: name, partition: partitionIndex })) as bigint,
        committedLeaderEpoch: -1,
        committedMetadata: note,
      })),
    }));
    const { generation, memberId } = membership;
    await offsetCommitV8.api.async(connection, this.#group, generation, memberId, null, topics);
  }

  #joinConnection(coordinator: number): Promise<Connection> {
    const { rebalanceTimeoutMs, requestTimeoutMs } = this.#cluster.settings;
    return this.#cluster.connect(coordinator, joinUse, rebalanceTimeoutMs + requestTimeoutMs);
  }

  #heartbeatConnection(coordinator: number): Promise<Connection> {
    const { sessionTimeoutMs } = this.#cluster.settings;
    return this.#cluster.connect(coordinator, 'heartbeat', Math.ceil(sessionTimeoutMs / 3));
  }
}
