import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignPartitions } from '../../../../src/adapters/kafka/group/assignment.ts';
import { partitionName, type TopicPartition } from '../../../../src/core/offset.ts';

describe('the assignment of partitions', () => {
  const groups = fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 6 });
  const topicCounts = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), fc.nat(20)), {
    maxLength: 4,
    selector: ([topic]) => topic,
  });
  const slotsOf = (share: readonly TopicPartition[]) => new Set(share.map(({ partition }) => partition));
  const fresh = (memberIds: readonly string[]) => memberIds.map((memberId) => ({ memberId, owned: [] }));

  it('the leader gives every partition to one member, partition p of all topics to the same one, and no member two slots more than another', () => {
    fc.assert(
      fc.property(groups, topicCounts, (memberIds, topics) => {
        const shares = assignPartitions(fresh(memberIds), new Map(topics));
        const owners = new Map<number, Set<string>>();
        for (const [member, share] of shares) {
          for (const { partition } of share) {
            owners.set(partition, (owners.get(partition) ?? new Set()).add(member));
          }
        }
        for (const owning of owners.values()) expect(owning.size).toBe(1);
        for (const [topic, count] of topics) {
          const own = [...shares.values()].flatMap((share) => share.filter((each) => each.topic === topic));
          expect(own.length).toBe(count);
        }
        const loads = [...shares.values()].map((share) => slotsOf(share).size);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('the leader assigns a partition that has to move only once its holder has revoked it, and moves no other', () => {
    fc.assert(
      fc.property(groups, fc.uuid(), topicCounts, fc.nat(), (memberIds, newcomer, topics, victim) => {
        fc.pre(!memberIds.includes(newcomer) && memberIds.length > 1);
        const counts = new Map(topics);
        const before = assignPartitions(fresh(memberIds), counts);
        const dead = memberIds[victim % memberIds.length] as string;
        const survivors = [...before].filter(([memberId]) => memberId !== dead);
        const joined = [
          ...survivors.map(([memberId, owned]) => ({ memberId, owned })),
          { memberId: newcomer, owned: [] },
        ];

        const first = assignPartitions(joined, counts);
        const total = topics.reduce((sum, [, count]) => sum + count, 0);
        for (const [memberId, owned] of survivors) {
          // The newcomer takes the dead member's place, so the survivors keep what they hold.
          const kept = new Set((first.get(memberId) ?? []).map(partitionName));
          for (const partition of owned) expect(kept.has(partitionName(partition))).toBe(true);
        }
        expect([...first.values()].flat().length).toBe(total);

        // When one more member joins, no partition is assigned to two members before it was revoked.
        const more = [...first].map(([memberId, owned]) => ({ memberId, owned }));
        const second = assignPartitions([...more, { memberId: `${newcomer}-more`, owned: [] }], counts);
        for (const { memberId, owned } of more) {
          const others = [...second].filter(([other]) => other !== memberId).flatMap(([, share]) => share);
          const held = new Set(owned.map(partitionName));
          expect(others.some((partition) => held.has(partitionName(partition)))).toBe(false);
        }
        const third = assignPartitions(
          [...second].map(([memberId, owned]) => ({ memberId, owned })),
          counts,
        );
        expect([...third.values()].flat().length).toBe(total);
      }),
    );
  });
});
