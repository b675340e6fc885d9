import type { TopicPartition } from '../../core/offset.ts';

/** Appends the item to the list that the map holds for the key. */
export function pushTo<Key, Item>(map: Map<Key, Item[]>, key: Key, item: Item): void {
  const items = map.get(key);
  if (items === undefined) map.set(key, [item]);
  else items.push(item);
}

/** The numbers of the partitions, by topic: most requests list partitions in this way. */
export function groupByTopic(partitions: readonly TopicPartition[]): [topic: string, partitions: number[]][] {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of partitions) pushTo(topics, topic, partition);
  return [...topics];
}
