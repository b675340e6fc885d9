import type { TopicPartition } from '../../../core/offset.ts';

/*
 * How the members of a group share the partitions. Partition p of every topic belongs to slot p, and a slot goes
 * to one member as a whole, so that the partitions of co-partitioned topics that hold the same keys meet in one
 * member. Members keep the slots that they have as far as the shares stay even, and a partition that has to
 * move is nobody's until its present holder has let go of it and joined again (the cooperative way of KIP-429):
 * what does not move is read on without a pause.
 *
 * The formats are those of Kafka's own consumers, so that Kafka's tools can show who has what.
 * Source: ConsumerProtocolSubscription.json and ConsumerProtocolAssignment.json in Apache Kafka.
 */

/** Names the rule; a member that knows only other rules is refused by the coordinator. */
export const assignmentRule = 'tributary-by-partition-number';

export interface GroupMemberState {
  readonly memberId: string;
  /** What it has in its hands while the group shares out anew. */
  readonly owned: readonly TopicPartition[];
  /** The identity of the store that it journals into, if it says. */
  readonly store?: string | undefined;
}

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

/** The member of each slot: present holders first, no member with two slots more than another. */
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

/** Two members may both think that they hold a partition for a moment: then the first of them counts. */
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

/** Version 1 of the subscription is the first that says what the member owns. */
const subscriptionVersion = 1;
const assignmentVersion = 0;
const noUserData = -1;

/** `userData` is for the members alone: the coordinator passes it on. */
export function encodeSubscription(
  topics: readonly string[],
  owned: readonly TopicPartition[],
  userData?: string,
): Buffer {
  return Buffer.concat([
    int16(subscriptionVersion),
    int32(topics.length),
    ...topics.map(text),
    ...bytesOf(userData),
    ...partitionsByTopic(owned),
  ]);
}

/** The user data of a subscription, if it has any. */
export function decodeUserData(subscription: Buffer): string | undefined {
  if (subscription.length < 2) return undefined;
  const reader = new Reader(subscription, 2);
  for (let topics = reader.int32(); topics > 0; topics--) reader.text();
  return reader.bytes()?.toString('utf8');
}

/** What the member of this subscription owns; nothing if it is of a version that does not say. */
export function decodeOwned(subscription: Buffer): TopicPartition[] {
  if (subscription.length < 2 || subscription.readInt16BE(0) < subscriptionVersion) return [];
  const reader = new Reader(subscription, 2);
  for (let topics = reader.int32(); topics > 0; topics--) reader.text();
  reader.skip(Math.max(0, reader.int32()));
  return reader.partitions();
}

export function encodeAssignment(partitions: readonly TopicPartition[], userData?: string): Buffer {
  return Buffer.concat([int16(assignmentVersion), ...partitionsByTopic(partitions), ...bytesOf(userData)]);
}

/** The user data of an assignment, if it has any. */
export function decodeAssignmentNote(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return undefined;
  const reader = new Reader(bytes, 2);
  reader.partitions();
  return reader.bytes()?.toString('utf8');
}

export function decodeAssignment(bytes: Buffer): TopicPartition[] {
  // A coordinator may send an empty assignment to a member that has none.
  return bytes.length === 0 ? [] : new Reader(bytes, 2).partitions();
}

function partitionsByTopic(partitions: readonly TopicPartition[]): Buffer[] {
  const topics = Map.groupBy(partitions, ({ topic }) => topic);
  const parts = [int32(topics.size)];
  for (const [topic, own] of topics) {
    parts.push(text(topic), int32(own.length), ...own.map(({ partition }) => int32(partition)));
  }
  return parts;
}

class Reader {
  readonly #bytes: Buffer;
  #position: number;

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes;
    this.#position = position;
  }

  int32(): number {
    this.#position += 4;
    return this.#bytes.readInt32BE(this.#position - 4);
  }

  text(): string {
    const length = this.#bytes.readInt16BE(this.#position);
    this.skip(2 + length);
    return this.#bytes.toString('utf8', this.#position - length, this.#position);
  }

  /** With their length in front, which is -1 for none; none too where the text ends before. */
  bytes(): Buffer | undefined {
    if (this.#position + 4 > this.#bytes.length) return undefined;
    const length = this.int32();
    if (length < 0) return undefined;
    this.skip(length);
    return this.#bytes.subarray(this.#position - length, this.#position);
  }

  skip(bytes: number): void {
    this.#position += bytes;
  }

  partitions(): TopicPartition[] {
    const partitions: TopicPartition[] = [];
    for (let topics = this.int32(); topics > 0; topics--) {
      const topic = this.text();
      for (let left = this.int32(); left > 0; left--) partitions.push({ topic, partition: this.int32() });
    }
    return partitions;
  }
}

function bytesOf(userData: string | undefined): Buffer[] {
  if (userData === undefined) return [int32(noUserData)];
  const bytes = Buffer.from(userData, 'utf8');
  return [int32(bytes.length), bytes];
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([int16(bytes.length), bytes]);
}
