import type { TopicPartition } from '../../../core/offset.ts';

/*
 * Decides which member of a group reads which partitions. Partition p of every topic belongs to slot p, and one
 * member gets the whole slot: so if topics are partitioned alike, one member reads all records of a key. Members keep
 * their slots as long as no member has two slots more than another. A partition that has to move is assigned to no
 * member until its holder has revoked it and joined again (cooperative rebalancing, KIP-429). The other partitions
 * are read without a pause.
 */

/** The name of this rule in the group protocol. The coordinator refuses a member that does not know it. */
export const assignmentRule = 'tributary-by-partition-number';

export interface GroupMemberState {
  readonly memberId: string;
  /** The partitions that the member still holds during the rebalance. */
  readonly owned: readonly TopicPartition[];
  /** The identity of the store that the member journals into. Undefined if the member does not tell. */
  readonly store?: string | undefined;
}

/** The partitions of each member, by member id. Leaves partitions out that another member still has to revoke. */
export function assignPartitions(
  members: readonly GroupMemberState[],
  partitionCounts: ReadonlyMap<string, number>,
): Map<string, TopicPartition[]> {
  const sorted = members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const slotCount = Math.max(0, ...partitionCounts.values());
  const slotOwners = assignSlots(sorted, slotCount);
  const holders = holdersOf(sorted);
  const shares = new Map<string, TopicPartition[]>(sorted.map(({ memberId }) => [memberId, []]));
  for (const [topic, count] of partitionCounts) {
    for (let partition = 0; partition < count; partition++) {
      const owner = slotOwners[partition] as string;
      const holder = holders.get(`${topic}/${partition}`);
      if (holder === undefined || holder === owner) shares.get(owner)?.push({ topic, partition });
    }
  }
  return shares;
}

/** The member of each slot. Holders come first, and no member gets two slots more than another. */
function assignSlots(members: readonly GroupMemberState[], slotCount: number): string[] {
  const owners = new Array<string | undefined>(slotCount).fill(undefined);
  const taken = new Map<string, number>(members.map(({ memberId }) => [memberId, 0]));
  const floor = Math.floor(slotCount / members.length);
  let withOneMore = slotCount % members.length;
  const mayTake = (memberId: string): boolean => {
    const count = taken.get(memberId) ?? 0;
    return count < floor || (count === floor && withOneMore > 0);
  };
  const take = (slot: number, memberId: string): void => {
    const count = taken.get(memberId) ?? 0;
    if (count === floor) withOneMore--;
    taken.set(memberId, count + 1);
    owners[slot] = memberId;
  };
  for (const { memberId, owned } of members) {
    const held = [...new Set(owned.map(({ partition }) => partition))].sort((a, b) => a - b);
    for (const slot of held) {
      if (slot < slotCount && owners[slot] === undefined && mayTake(memberId)) take(slot, memberId);
    }
  }
  for (let slot = 0; slot < slotCount; slot++) {
    if (owners[slot] !== undefined) continue;
    const [fewest] = members.toSorted((a, b) => (taken.get(a.memberId) ?? 0) - (taken.get(b.memberId) ?? 0));
    take(slot, (fewest as GroupMemberState).memberId);
  }
  return owners as string[];
}

/**
 * The holder of each partition, by partition name. If two members claim to hold a partition, the first of them
 * counts.
 */
function holdersOf(members: readonly GroupMemberState[]): Map<string, string> {
  const holders = new Map<string, string>();
  for (const { memberId, owned } of members) {
    for (const { topic, partition } of owned) {
      const name = `${topic}/${partition}`;
      if (!holders.has(name)) holders.set(name, memberId);
    }
  }
  return holders;
}
