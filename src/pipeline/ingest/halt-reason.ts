import type { Checkpoint } from '../../ports/checkpoints.ts';
import type { AssignedPartition } from '../../ports/event-log.ts';

/** Why an acquired partition cannot be read on from its checkpoint; null if it can. */
export function reasonToHalt(checkpoint: Checkpoint, partition: AssignedPartition): string | null {
  if (checkpoint.haltReason !== null) return checkpoint.haltReason;
  if (checkpoint.topicId !== partition.topicId) {
    return (
      `topic_recreated at offset ${checkpoint.nextOffset}: ${checkpoint.topic} is another topic (made anew, or another cluster). ` +
      `Its id is ${partition.topicId}, and the journaled records are from ${checkpoint.topicId}, so an offset now means another record.`
    );
  }
  if (checkpoint.nextOffset < partition.startOffset) {
    const deleted = partition.startOffset - checkpoint.nextOffset;
    const what =
      deleted === 1n
        ? '1 record was deleted before it was journaled.'
        : `${deleted} records were deleted before they were journaled.`;
    return `offset_out_of_range at offset ${checkpoint.nextOffset}: the log starts at ${partition.startOffset}, so ${what}`;
  }
  // Only reading shows whether the checkpoint lies beyond the log's end, because the end that is known here may be old.
  return null;
}
