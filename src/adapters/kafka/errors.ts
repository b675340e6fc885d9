import { MultipleErrors, ProtocolError } from '@platformatic/kafka';
import { DefectError, isProgramError, messageOf, TributaryError } from '../../core/errors.ts';

/** The error codes of Kafka's protocol that this adapter acts on. Source: kafka.apache.org/protocol. */
export const KafkaCode = {
  unknownServerError: -1,
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeaderOrFollower: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  recordListTooLarge: 18,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  storageError: 56,
  unknownProducerId: 59,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
  offsetNotAvailable: 78,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
} as const;

const namesByCode: ReadonlyMap<number, string> = new Map([
  [-1, 'UNKNOWN_SERVER_ERROR'],
  [1, 'OFFSET_OUT_OF_RANGE'],
  [2, 'CORRUPT_MESSAGE'],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION'],
  [5, 'LEADER_NOT_AVAILABLE'],
  [6, 'NOT_LEADER_OR_FOLLOWER'],
  [7, 'REQUEST_TIMED_OUT'],
  [10, 'MESSAGE_TOO_LARGE'],
  [18, 'RECORD_LIST_TOO_LARGE'],
  [19, 'NOT_ENOUGH_REPLICAS'],
  [20, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'],
  [29, 'TOPIC_AUTHORIZATION_FAILED'],
  [45, 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  [46, 'DUPLICATE_SEQUENCE_NUMBER'],
  [47, 'INVALID_PRODUCER_EPOCH'],
  [56, 'KAFKA_STORAGE_ERROR'],
  [59, 'UNKNOWN_PRODUCER_ID'],
  [74, 'FENCED_LEADER_EPOCH'],
  [75, 'UNKNOWN_LEADER_EPOCH'],
  [78, 'OFFSET_NOT_AVAILABLE'],
  [100, 'UNKNOWN_TOPIC_ID'],
  [103, 'INCONSISTENT_TOPIC_ID'],
]);

/** The code with its name, for messages: `NOT_LEADER_OR_FOLLOWER (6)`. */
export function nameOfCode(code: number): string {
  return `${namesByCode.get(code) ?? 'error'} (${code})`;
}

/** The protocol's name of the first error that a broker answered with, such as `REBALANCE_IN_PROGRESS`. */
export function protocolErrorOf(error: unknown): string | undefined {
  if (error instanceof ProtocolError) return (error as unknown as { apiId?: string }).apiId;
  if (!(error instanceof MultipleErrors)) return undefined;
  for (const inner of error.errors) {
    const found = protocolErrorOf(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The broker's answer, if this error comes from an answer with error codes. Undefined if there was no answer. */
export function responseOf<Response>(error: unknown): Response | undefined {
  return error instanceof MultipleErrors ? (error as unknown as { response?: Response }).response : undefined;
}

/** The message of the error and of its causes, which the library hides inside. */
export function explain(error: unknown): string {
  const own = messageOf(error);
  // Our own errors name their causes already.
  if (error instanceof TributaryError) return own;
  const inner =
    error instanceof AggregateError && error.errors.length > 0
      ? error.errors[0]
      : error instanceof Error
        ? error.cause
        : undefined;
  return inner === undefined ? own : `${own} ${explain(inner)}`;
}

/**
 * Makes `log_unreachable` of an error, with `what` as the request that failed, and `defect` of a mistake of the program.
 * Keeps our own errors. A RangeError counts as a malformed answer of Kafka.
 */
export function unreachable(what: string, cause: unknown): TributaryError {
  if (cause instanceof TributaryError) return cause;
  if (isProgramError(cause) && !(cause instanceof RangeError))
    return new DefectError(`A mistake of the program at ${what}.`, { cause });
  return new TributaryError(
    'log_unreachable',
    `Kafka did not answer (${what}): ${explain(cause)} Check KAFKA_BROKERS, and that the brokers run.`,
    { cause },
  );
}
