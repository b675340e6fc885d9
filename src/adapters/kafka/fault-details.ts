import type { PartitionRange } from '../../ports/event-log.ts';
import type { TopicMetadata } from './cluster.ts';
import type { FetchedPartition } from './fetch.ts';
import type { Followed } from './followed.ts';

/** What an operator has to know to decide how a halted partition goes on. */

export function cutOffDetail(
  followed: Followed,
  { epoch, endOffset }: NonNullable<FetchedPartition['diverging']>,
): string {
  return (
    `${followed.name} was to be read from offset ${followed.fetchOffset}, but its log was cut off: what it shares ` +
    `with what was read ends at offset ${endOffset} (leader epoch ${epoch}); the records read from there on are gone.`
  );
}

export function outOfRangeDetail(followed: Followed, { startOffset, endOffset }: PartitionRange): string {
  const wanted = followed.fetchOffset;
  const missing =
    wanted < startOffset
      ? `the offsets ${wanted} to ${startOffset - 1n} are missing`
      : `the offsets ${endOffset} to ${wanted - 1n} are not in the log`;
  return (
    `${followed.name} was to be read from offset ${wanted}, but its log starts at ${startOffset} ` +
    `and ends at ${endOffset}: ${missing}.`
  );
}

export function recreatedDetail(followed: Followed, topic: TopicMetadata): string {
  return (
    `The topic ${followed.topic} was deleted and made again (its id was ${followed.topicId}, is ${topic.topicId}): ` +
    `offset ${followed.fetchOffset} of partition ${followed.partition} means another record now.`
  );
}
