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
  KafkaCode.unknownServerError,
  KafkaCode.unknownTopicOrPartition,
  KafkaCode.leaderNotAvailable,
  KafkaCode.notLeaderOrFollower,
  KafkaCode.requestTimedOut,
  KafkaCode.notEnoughReplicas,
  KafkaCode.notEnoughReplicasAfterAppend,
  KafkaCode.storageError,
]);
/**
 * A leader appends first, then waits for the other replicas. Meanwhile it may lose the lead, the partition or its disk, and
 * the record batch may be on the next leader already. Source: `DelayedProduce` of Apache Kafka.
 */
const ambiguousCodes: ReadonlySet<number> = new Set([
  KafkaCode.unknownServerError,
  KafkaCode.unknownTopicOrPartition,
  KafkaCode.notLeaderOrFollower,
  KafkaCode.requestTimedOut,
  KafkaCode.notEnoughReplicasAfterAppend,
  KafkaCode.duplicateSequence,
  KafkaCode.storageError,
]);
/** The broker does not know the producer (any more), or expects another sequence number. */
const identityCodes: ReadonlySet<number> = new Set([
  KafkaCode.outOfOrderSequence,
  KafkaCode.invalidProducerEpoch,
  KafkaCode.unknownProducerId,
]);
const tooLargeCodes: ReadonlySet<number> = new Set([KafkaCode.messageTooLarge, KafkaCode.recordListTooLarge]);

/**
 * `isAmbiguous`: an earlier try may have appended the record batch. Then it must not be sent under another producer
 * id, nor in pieces. A family has to know its outcome, so the same bytes are sent again after an error that says nothing
 * about the earlier try.
 */
export function verdictOf(
  errorCode: number,
  { isOfFamily, isAmbiguous }: { readonly isOfFamily: boolean; readonly isAmbiguous: boolean },
): ProduceVerdict {
  if (errorCode === KafkaCode.none) return 'appended';
  if (errorCode === KafkaCode.invalidProducerEpoch && isOfFamily) return 'shut_out';
  if (passingCodes.has(errorCode)) return 'retry';
  // The broker has compared the sequence numbers: the record batch is not among the last ones of this producer.
  if (identityCodes.has(errorCode)) return isAmbiguous ? 'failed' : 'new_identity';
  if (errorCode === KafkaCode.duplicateSequence) return 'failed';
  if (isAmbiguous) return isOfFamily ? 'retry' : 'failed';
  return tooLargeCodes.has(errorCode) ? 'too_large' : 'failed';
}

/** Whether the broker may have appended the record batch although it answered with this error. */
export function mayBeAppended(errorCode: number): boolean {
  return ambiguousCodes.has(errorCode);
}
