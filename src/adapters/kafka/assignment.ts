import type { TopicPartition } from '../../core/offset.ts';

/*
 * How the members of a group share the partitions: partition p of every topic goes to the member that stands at
 * place p modulo the number of members, in the sequence of their ids. So the partitions of co-partitioned
 * topics that hold the same keys meet in one member, however many members there are.
 *
 * The formats are those of Kafka's own consumers, so that Kafka's tools can show who has what.
 * Source: ConsumerProtocolSubscription.json and ConsumerProtocolAssignment.json in Apache Kafka.
 */

/** Names the rule; a member that knows only other rules is refused by the coordinator. */
export const assignmentRule = 'tributary-by-partition-number';

export function assignPartitions(
  memberIds: readonly string[],
  partitionCounts: ReadonlyMap<string, number>,
): Map<string, TopicPartition[]> {
  const members = memberIds.toSorted();
  const shares = new Map<string, TopicPartition[]>(members.map((member) => [member, []]));
  for (const [topic, count] of partitionCounts) {
    for (let partition = 0; partition < count; partition++) {
      shares.get(members[partition % members.length] as string)?.push({ topic, partition });
    }
  }
  return shares;
}

const formatVersion = 0;

export function encodeSubscription(topics: readonly string[]): Buffer {
  return Buffer.concat([int16(formatVersion), int32(topics.length), ...topics.map(text), int32(-1)]);
}

export function encodeAssignment(partitions: readonly TopicPartition[]): Buffer {
  const topics = Map.groupBy(partitions, ({ topic }) => topic);
  const parts = [int16(formatVersion), int32(topics.size)];
  for (const [topic, own] of topics) {
    parts.push(text(topic), int32(own.length), ...own.map(({ partition }) => int32(partition)));
  }
  parts.push(int32(-1));
  return Buffer.concat(parts);
}

export function decodeAssignment(bytes: Buffer): TopicPartition[] {
  const partitions: TopicPartition[] = [];
  // A coordinator may send an empty assignment to a member that has none.
  if (bytes.length === 0) return partitions;
  let position = 2;
  const next32 = (): number => {
    position += 4;
    return bytes.readInt32BE(position - 4);
  };
  for (let topics = next32(); topics > 0; topics--) {
    const length = bytes.readInt16BE(position);
    const topic = bytes.toString('utf8', position + 2, position + 2 + length);
    position += 2 + length;
    for (let left = next32(); left > 0; left--) partitions.push({ topic, partition: next32() });
  }
  return partitions;
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
