/** One partition of one topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** The offset of a record in a partition, or of the next record. */
export interface PartitionOffset extends TopicPartition {
  readonly offset: bigint;
}

/** Compares offsets for every purpose: negative, zero or positive, as a sort needs it. */
export function compareOffsets(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A partition's name for maps and messages: `order_events/3`. */
export function partitionName(partition: TopicPartition): string {
  return `${partition.topic}/${partition.partition}`;
}

/** Compares partitions by topic, then by number. Rows of several partitions are always locked in this sequence. */
export function comparePartitions(left: TopicPartition, right: TopicPartition): number {
  if (left.topic !== right.topic) return left.topic < right.topic ? -1 : 1;
  return left.partition - right.partition;
}
