import { MultipleErrors, ProtocolError } from '@platformatic/kafka';
import { describe, expect, it } from 'vitest';
import type { Cluster, TopicMetadata } from '../../../../src/adapters/kafka/cluster/cluster.ts';
import { GroupMember } from '../../../../src/adapters/kafka/group/group-member.ts';
import type { GroupRequests } from '../../../../src/adapters/kafka/group/group-requests.ts';
import { resolveOptions } from '../../../../src/adapters/kafka/options.ts';
import { encodeAssignment, encodeSubscription } from '../../../../src/adapters/kafka/wire/group-formats.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { partitionName, type TopicPartition } from '../../../../src/core/offset.ts';
import { eventually } from '../../../contract/event-log-harness.ts';

const topic = 'orders';
/** The error as the library reports it. */
const rebalanceInProgress = new MultipleErrors('a heartbeat', [new ProtocolError('REBALANCE_IN_PROGRESS')]);
const timeoutMs = 20_000;

/** A member whose coordinator gives it these shares, one after the other. */
function scripted(shares: readonly (readonly number[])[]) {
  const joins: Buffer[] = [];
  const told: [kind: string, partitions: string[]][] = [];
  const topics = new Map<string, TopicMetadata>([
    [
      topic,
      { topic, topicId: 'id', partitions: Array.from({ length: 6 }, () => ({ leader: 1, leaderEpoch: 0 })) },
    ],
  ]);
  const options = resolveOptions({
    brokers: [],
    clock: systemClock,
    logger: () => {},
    sessionTimeoutMs: 5_000,
    heartbeatIntervalMs: 5,
  });
  const cluster = { options, coordinatorOf: async () => 1, topics: async () => topics };
  let generation = 0;
  let asksFor = 1;
  const requests: Partial<GroupRequests> = {
    async join(coordinator, _, metadata) {
      joins.push(metadata);
      generation++;
      return { coordinator, generation, memberId: 'me', isLeader: false, members: [] };
    },
    async sync() {
      const share = shares[Math.min(generation, shares.length) - 1] ?? [];
      return encodeAssignment(share.map((partition) => ({ topic, partition })));
    },
    async heartbeat() {
      if (generation < asksFor) throw rebalanceInProgress;
    },
    async ask() {},
    async leave() {},
    breakOff() {},
  };
  const tell = (kind: string) => async (partitions: readonly TopicPartition[]) => {
    told.push([kind, partitions.map(partitionName)]);
  };
  const member = new GroupMember(
    cluster as unknown as Cluster,
    'group',
    [topic],
    { assigned: tell('assigned'), revoked: tell('revoked'), lost: tell('lost'), refreshed() {} },
    undefined,
    requests as GroupRequests,
  );
  const rebalance = (): void => {
    asksFor = 2;
  };
  return { member, joins, told, rebalance };
}

const names = (...partitions: number[]) => partitions.map((partition) => `${topic}/${partition}`);
const owning = (...partitions: number[]) =>
  encodeSubscription(
    [topic],
    partitions.map((partition) => ({ topic, partition })),
  );

describe('a member whose new share lacks some of its partitions and has others', () => {
  it('a member revokes what its new share lacks before it takes what it has gained, and joins again with what it holds', async () => {
    const { member, joins, told, rebalance } = scripted([
      [0, 1, 2],
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    member.start();
    await eventually(
      () => told.length >= 1,
      timeoutMs,
      () => 'the first share',
    );
    rebalance();
    await eventually(
      () => joins.length >= 3,
      timeoutMs,
      () => 'a third join',
    );
    expect(told).toEqual([
      ['assigned', names(0, 1, 2)],
      ['revoked', names(0)],
      ['assigned', names(3, 4)],
    ]);
    expect(joins.slice(0, 3)).toEqual([owning(), owning(0, 1, 2), owning(1, 2, 3, 4)]);
    await member.close();
    expect(told.at(-1)).toEqual(['revoked', names(1, 2, 3, 4)]);
  });
});
