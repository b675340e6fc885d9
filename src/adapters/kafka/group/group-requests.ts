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
import { type PartitionOffset, partitionName } from '../../../core/offset.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { responseOf } from '../errors.ts';
import { groupByTopic } from '../lists.ts';
import { assignmentRule } from './assignment.ts';

/*
 * The requests of a group member to its coordinator. Joins and syncs wait for other members, so they have a
 * connection of their own. Heartbeats have another one, and time out after a third of the session, to leave time for
 * a second try.
 */

export interface Membership {
  readonly coordinator: number;
  readonly generation: number;
  readonly memberId: string;
}

/** Stands for the membership in a commit that no member sends, as Kafka's own tools do. */
export const notAMember = { generation: -1, memberId: '' } as const;

export interface JoinedMember {
  readonly memberId: string;
  readonly metadata: Buffer;
}

export interface Joined extends Membership {
  readonly isLeader: boolean;
  /** All members of the group if this member is the leader, else empty. */
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
   * Resolves once all members have joined or the session of a silent one has ended. Goes over a new connection: an
   * old one may have died unnoticed, and a join would wait too long to find out.
   */
  async join(coordinator: number, memberId: string, metadata: Buffer): Promise<Joined> {
    const { sessionTimeoutMs, rebalanceTimeoutMs } = this.#cluster.options;
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

  /**
   * Hands in all assignments if this member is the leader. Resolves with this member's once the leader has done so.
   */
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

  /** Breaks the connection of joins and syncs, so that a waiting one rejects. */
  breakOff(coordinator: number): void {
    this.#cluster.abandon(coordinator, joinUse);
  }

  async heartbeat({ coordinator, generation, memberId }: Membership): Promise<void> {
    const connection = await this.#heartbeatConnection(coordinator);
    await heartbeatV4.api.async(connection, this.#group, generation, memberId, null);
  }

  /** Asks whether the coordinator is there: resolves with any answer. Uses the connection of the heartbeats. */
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

  /** The offsets that the group has committed in all topics, each with the note that was committed beside it. */
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

  /** Commits offsets. The coordinator accepts `notAMember` as the membership only while the group has no members. */
  async commit(
    membership: Membership,
    committed: readonly PartitionOffset[],
    note: string | null = null,
  ): Promise<void> {
    const connection = await this.#cluster.connect(membership.coordinator, 'control');
    const offsets = new Map(committed.map((each) => [partitionName(each), each.offset]));
    const topics = groupByTopic(committed).map(([name, partitions]) => ({
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
    const { rebalanceTimeoutMs, requestTimeoutMs } = this.#cluster.options;
    return this.#cluster.connect(coordinator, joinUse, rebalanceTimeoutMs + requestTimeoutMs);
  }

  #heartbeatConnection(coordinator: number): Promise<Connection> {
    const { sessionTimeoutMs } = this.#cluster.options;
    return this.#cluster.connect(coordinator, 'heartbeat', Math.ceil(sessionTimeoutMs / 3));
  }
}
