import { type Connection, listOffsetsV7 } from '@platformatic/kafka';
import { partitionName, type TopicPartition } from '../../../core/offset.ts';
import type { PartitionRange } from '../../../ports/event-log.ts';
import { explain, KafkaCode, nameOfCode, responseOf } from '../errors.ts';
import { groupByTopic } from '../lists.ts';
import type { Cluster, TopicMetadata } from './cluster.ts';

/*
 * Asks for the offset ranges of partitions (ListOffsets, version 7): the oldest offset, and the end of the committed
 * records. Each partition has its own answer: one without a leader, or with a silent one, does not delay the others.
 */

export type RangeAnswer =
  | { readonly kind: 'known'; readonly range: PartitionRange }
  | { readonly kind: 'unknown'; readonly place: TopicPartition; readonly problem: string };

const anyConsumer = -1;
const readCommitted = 1;
const latestTimestamp = -1n;
const earliestTimestamp = -2n;

/** The problem of a partition without a leader, to follow its name. */
export const withoutLeader = 'has no leader, or its topic does not exist';

/** The partitions by their leader's node id. Partitions without a leader are listed under -1. */
export function byLeader(
  topics: ReadonlyMap<string, TopicMetadata>,
  partitions: readonly TopicPartition[],
): Map<number, TopicPartition[]> {
  return Map.groupBy(
    partitions,
    ({ topic, partition }) => topics.get(topic)?.partitions[partition]?.leader ?? -1,
  );
}

/** The ranges of these partitions. Waits for the slowest leader. Never rejects. */
export async function rangesOf(
  cluster: Cluster,
  topics: ReadonlyMap<string, TopicMetadata>,
  partitions: readonly TopicPartition[],
): Promise<RangeAnswer[]> {
  const answers = await Promise.all(
    [...byLeader(topics, partitions)].map(([leader, led]) => rangesFrom(cluster, leader, led)),
  );
  return answers.flat();
}

/** The ranges of partitions that this broker leads. Never rejects. */
export async function rangesFrom(
  cluster: Cluster,
  leader: number,
  led: readonly TopicPartition[],
): Promise<RangeAnswer[]> {
  if (leader < 0) return led.map((place) => unknown(place, withoutLeader));
  try {
    const connection = await cluster.connect(leader, 'control');
    const starts = await offsetsAt(connection, led, earliestTimestamp);
    const ends = await offsetsAt(connection, led, latestTimestamp);
    return led.map((place) => {
      const start = starts.get(partitionName(place));
      const end = ends.get(partitionName(place));
      if (typeof start !== 'bigint') return unknown(place, start ?? 'was left out of the answer');
      if (typeof end !== 'bigint') return unknown(place, end ?? 'was left out of the answer');
      const { topic, partition } = place;
      return { kind: 'known', range: { topic, partition, startOffset: start, endOffset: end } };
    });
  } catch (error) {
    return led.map((place) => unknown(place, `cannot be asked for its range: ${explain(error)}`));
  }
}

function unknown(place: TopicPartition, problem: string): RangeAnswer {
  return { kind: 'unknown', place, problem };
}

/** For each partition name the offset, or the problem as a text. */
async function offsetsAt(
  connection: Connection,
  partitions: readonly TopicPartition[],
  timestamp: bigint,
): Promise<Map<string, bigint | string>> {
  const topics = groupByTopic(partitions).map(([name, numbers]) => ({
    name,
    partitions: numbers.map((partitionIndex) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp })),
  }));
  const response = await listOffsetsV7.api
    .async(connection, anyConsumer, readCommitted, topics)
    .catch((error: unknown) => {
      // The library throws if one partition has an error. Its error holds the offsets of the other partitions.
      const partial = responseOf<listOffsetsV7.ListOffsetsResponse>(error);
      if (partial === undefined) throw error;
      return partial;
    });
  const offsets = new Map<string, bigint | string>();
  for (const { name, partitions: answers } of response.topics) {
    for (const { partitionIndex, errorCode, offset } of answers) {
      const isGood = errorCode === KafkaCode.none;
      const problem = `has no range yet: Kafka answered ${nameOfCode(errorCode)}`;
      offsets.set(partitionName({ topic: name, partition: partitionIndex }), isGood ? offset : problem);
    }
  }
  return offsets;
}
