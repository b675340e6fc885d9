import { KafkaCode } from '../errors.ts';

/**
 * What the broker's answer means for a record batch.
 * - `appended`: it is in the log.
 * - `shut_out`: another member of the family has shut this producer out of the partition.
 * - `too_large`: it is not in the log, and has to be sent in smaller pieces.
 * - `retry`: the same bytes are sent again.
 * - `new_identity`: it is not in the log, and is sent again under another producer id.
 * - `failed`: it is given up.
 */
export type ProduceVerdict = 'appended' | 'shut_out' | 'too_large' | 'retry' | 'new_identity' | 'failed';

const passingCodes: ReadonlySet<number> = new Set([
  KafkaCode.unknownTopicOrPartition,
  KafkaCode.leaderNotAvailable,
  KafkaCode.notLeaderOrFollower,
  KafkaCode.requestTimedOut,
  KafkaCode.notEnoughReplicas,
  KafkaCode.notEnoughReplicasAfterAppend,
  KafkaCode.storageError,
]);
const ambiguousCodes: ReadonlySet<number> = new Set([
  KafkaCode.requestTimedOut,
  KafkaCode.notEnoughReplicasAfterAppend,
]);
/** The broker does not know the producer (any more), or expects another sequence number. */
const identityCodes: ReadonlySet<number> = new Set([
  KafkaCode.outOfOrderSequence,
  KafkaCode.invalidProducerEpoch,
  KafkaCode.unknownProducerId,
]);

/**
 * `isAmbiguous`: an earlier try may have appended the record batch. Then it must not be sent under another producer
 * id.
 */
export function verdictOf(
  errorCode: number,
  { isOfFamily, isAmbiguous }: { readonly isOfFamily: boolean; readonly isAmbiguous: boolean },
): ProduceVerdict {
  if (errorCode === KafkaCode.none) return 'appended';
  if (errorCode === KafkaCode.invalidProducerEpoch && isOfFamily) return 'shut_out';
  if (errorCode === KafkaCode.messageTooLarge || errorCode === KafkaCode.recordListTooLarge)
    return 'too_large';
  if (passingCodes.has(errorCode)) return 'retry';
  if (identityCodes.has(errorCode) && !isAmbiguous) return 'new_identity';
  return 'failed';
}

/** Whether the broker may have appended the record batch although it answered with this error. */
export function mayBeAppended(errorCode: number): boolean {
  return ambiguousCodes.has(errorCode);
}
