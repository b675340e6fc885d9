import { goesOnAt } from '../../../core/halts.ts';
import type { PartitionRange } from '../../../ports/event-log.ts';
import type { TopicMetadata } from '../cluster/cluster.ts';
import type { FetchedPartition } from '../wire/fetch.ts';
import type { Followed } from './followed.ts';

/* These sentences tell an operator what to know before deciding how a halted partition goes on. */

export function divergedDetail(
  { name, fetchOffset, lastEpoch }: Followed,
  { epoch, endOffset }: NonNullable<FetchedPartition['diverging']>,
): string {
  const lost =
    endOffset < fetchOffset
      ? `the records that were read from offset ${endOffset} to ${fetchOffset - 1n} are gone from the log, and other records may have their offsets`
      : 'the last record that was read is gone from the log';
  return (
    `${name} was read up to offset ${fetchOffset - 1n} under the leader epoch ${lastEpoch}, but the log of its present ` +
    `leader is the same only up to offset ${endOffset - 1n} (leader epoch ${epoch}): ${lost}. An unclean leader ` +
    `election does this. ${goesOnAt(endOffset)}`
  );
}

export function unknownEpochDetail(
  { name, fetchOffset, lastEpoch }: Followed,
  { startOffset, endOffset }: PartitionRange,
): string {
  return (
    `${name} was read up to offset ${fetchOffset - 1n} under the leader epoch ${lastEpoch}. The log of its present ` +
    `leader, from offset ${startOffset} to ${endOffset - 1n}, never had that epoch: it is not the log that was read.`
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
    `${followed.topic} is another topic (made anew, or another cluster). Its id was ${followed.topicId} and is ` +
    `${topic.topicId}: offset ${followed.fetchOffset} of partition ${followed.partition} means another record now.`
  );
}
