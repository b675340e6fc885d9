/** One partition of one topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** An offset in a partition: of one record, or of the record that comes next. */
export interface PartitionOffset extends TopicPartition {
  readonly offset: bigint;
}

/** The one comparator of offsets: negative, zero or positive, so that it also serves to sort. */
export function compareOffsets(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A partition's name for maps and messages: `order_events/3`. */
export function partitionName(partition: TopicPartition): string {
  return `${partition.topic}/${partition.partition}`;
}

/** By topic, then by number: the sequence in which rows of several partitions are always locked. */
export function comparePartitions(left: TopicPartition, right: TopicPartition): number {
  if (left.topic !== right.topic) return left.topic < right.topic ? -1 : 1;
  return left.partition - right.partition;
}
