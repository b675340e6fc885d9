import { Code, type CodeName } from './codes.ts';
import type { ApiName } from './messages.ts';
import type { Place } from './places.ts';

/**
 * Every error code that a broker may answer each request with, by the place where it stands in the response.
 *
 * Source: the lists "Possible error codes" of the classes in `org.apache.kafka.common.requests` of Apache Kafka
 * (`FetchResponse`, `ProduceResponse`, `ListOffsetsResponse`, `OffsetFetchResponse`, `InitProducerIdResponse` and so on),
 * and what `KafkaApis`, `ReplicaManager`, `GroupCoordinator` and `ReplicationControlManager` of Apache Kafka 3.7 put
 * into the responses of which no class has a list. UNKNOWN_SERVER_ERROR stands for any exception that a broker did not
 * foresee.
 */
export const possibleErrors = {
  Produce: {
    partition: [
      'UNKNOWN_SERVER_ERROR',
      'CORRUPT_MESSAGE',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'NOT_LEADER_OR_FOLLOWER',
      'REQUEST_TIMED_OUT',
      'MESSAGE_TOO_LARGE',
      'INVALID_TOPIC_EXCEPTION',
      'RECORD_LIST_TOO_LARGE',
      'NOT_ENOUGH_REPLICAS',
      'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
      'INVALID_REQUIRED_ACKS',
      'TOPIC_AUTHORIZATION_FAILED',
      'CLUSTER_AUTHORIZATION_FAILED',
      'INVALID_TIMESTAMP',
      'UNSUPPORTED_FOR_MESSAGE_FORMAT',
      'OUT_OF_ORDER_SEQUENCE_NUMBER',
      'DUPLICATE_SEQUENCE_NUMBER',
      'INVALID_PRODUCER_EPOCH',
      'INVALID_TXN_STATE',
      'INVALID_PRODUCER_ID_MAPPING',
      'CONCURRENT_TRANSACTIONS',
      'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
      'KAFKA_STORAGE_ERROR',
      'UNKNOWN_PRODUCER_ID',
      'UNSUPPORTED_COMPRESSION_TYPE',
      'INVALID_RECORD',
    ],
  },
  Fetch: {
    top: [
      'UNKNOWN_SERVER_ERROR',
      'FETCH_SESSION_ID_NOT_FOUND',
      'INVALID_FETCH_SESSION_EPOCH',
      'FETCH_SESSION_TOPIC_ID_ERROR',
      'INCONSISTENT_TOPIC_ID',
    ],
    partition: [
      'UNKNOWN_SERVER_ERROR',
      'OFFSET_OUT_OF_RANGE',
      'CORRUPT_MESSAGE',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'NOT_LEADER_OR_FOLLOWER',
      'REPLICA_NOT_AVAILABLE',
      'TOPIC_AUTHORIZATION_FAILED',
      'KAFKA_STORAGE_ERROR',
      'FENCED_LEADER_EPOCH',
      'UNKNOWN_LEADER_EPOCH',
      'UNSUPPORTED_COMPRESSION_TYPE',
      'OFFSET_NOT_AVAILABLE',
      'UNKNOWN_TOPIC_ID',
      'INCONSISTENT_TOPIC_ID',
    ],
  },
  ListOffsets: {
    partition: [
      'UNKNOWN_SERVER_ERROR',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'LEADER_NOT_AVAILABLE',
      'NOT_LEADER_OR_FOLLOWER',
      'REPLICA_NOT_AVAILABLE',
      'TOPIC_AUTHORIZATION_FAILED',
      'UNSUPPORTED_FOR_MESSAGE_FORMAT',
      'KAFKA_STORAGE_ERROR',
      'FENCED_LEADER_EPOCH',
      'UNKNOWN_LEADER_EPOCH',
      'OFFSET_NOT_AVAILABLE',
    ],
  },
  Metadata: {
    topic: [
      'UNKNOWN_SERVER_ERROR',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'INVALID_TOPIC_EXCEPTION',
      'TOPIC_AUTHORIZATION_FAILED',
    ],
    partition: ['LEADER_NOT_AVAILABLE', 'LISTENER_NOT_FOUND', 'REPLICA_NOT_AVAILABLE'],
  },
  OffsetCommit: {
    partition: [
      'UNKNOWN_SERVER_ERROR',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'REQUEST_TIMED_OUT',
      'OFFSET_METADATA_TOO_LARGE',
      'COORDINATOR_LOAD_IN_PROGRESS',
      'COORDINATOR_NOT_AVAILABLE',
      'NOT_COORDINATOR',
      'ILLEGAL_GENERATION',
      'INVALID_GROUP_ID',
      'UNKNOWN_MEMBER_ID',
      'REBALANCE_IN_PROGRESS',
      'INVALID_COMMIT_OFFSET_SIZE',
      'TOPIC_AUTHORIZATION_FAILED',
      'GROUP_AUTHORIZATION_FAILED',
      'FENCED_INSTANCE_ID',
    ],
  },
  OffsetFetch: {
    group: [
      'UNKNOWN_SERVER_ERROR',
      'COORDINATOR_LOAD_IN_PROGRESS',
      'COORDINATOR_NOT_AVAILABLE',
      'NOT_COORDINATOR',
      'INVALID_GROUP_ID',
      'GROUP_AUTHORIZATION_FAILED',
    ],
    partition: ['UNKNOWN_TOPIC_OR_PARTITION', 'TOPIC_AUTHORIZATION_FAILED', 'UNSTABLE_OFFSET_COMMIT'],
  },
  FindCoordinator: {
    key: [
      'UNKNOWN_SERVER_ERROR',
      'COORDINATOR_LOAD_IN_PROGRESS',
      'COORDINATOR_NOT_AVAILABLE',
      'INVALID_GROUP_ID',
      'GROUP_AUTHORIZATION_FAILED',
      'INVALID_REQUEST',
    ],
  },
  JoinGroup: {
    top: [
      'UNKNOWN_SERVER_ERROR',
      'COORDINATOR_LOAD_IN_PROGRESS',
      'COORDINATOR_NOT_AVAILABLE',
      'NOT_COORDINATOR',
      'INCONSISTENT_GROUP_PROTOCOL',
      'INVALID_GROUP_ID',
      'UNKNOWN_MEMBER_ID',
      'INVALID_SESSION_TIMEOUT',
      'REBALANCE_IN_PROGRESS',
      'GROUP_AUTHORIZATION_FAILED',
      'MEMBER_ID_REQUIRED',
      'GROUP_MAX_SIZE_REACHED',
      'FENCED_INSTANCE_ID',
    ],
  },
  SyncGroup: {
    top: [
      'UNKNOWN_SERVER_ERROR',
      'COORDINATOR_LOAD_IN_PROGRESS',
      'COORDINATOR_NOT_AVAILABLE',
      'NOT_COORDINATOR',
      'ILLEGAL_GENERATION',
      'INCONSISTENT_GROUP_PROTOCOL',
      'INVALID_GROUP_ID',
      'UNKNOWN_MEMBER_ID',
      'REBALANCE_IN_PROGRESS',
      'GROUP_AUTHORIZATION_FAILED',
      'FENCED_INSTANCE_ID',
    ],
  },
  Heartbeat: {
    top: [
      'UNKNOWN_SERVER_ERROR',
      'COORDINATOR_LOAD_IN_PROGRESS',
      'COORDINATOR_NOT_AVAILABLE',
      'NOT_COORDINATOR',
      'ILLEGAL_GENERATION',
      'INVALID_GROUP_ID',
      'UNKNOWN_MEMBER_ID',
      'REBALANCE_IN_PROGRESS',
      'GROUP_AUTHORIZATION_FAILED',
      'FENCED_INSTANCE_ID',
    ],
  },
  LeaveGroup: {
    top: [
      'UNKNOWN_SERVER_ERROR',
      'COORDINATOR_LOAD_IN_PROGRESS',
      'COORDINATOR_NOT_AVAILABLE',
      'NOT_COORDINATOR',
      'INVALID_GROUP_ID',
      'GROUP_AUTHORIZATION_FAILED',
    ],
    member: ['UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID'],
  },
  CreateTopics: {
    topic: [
      'UNKNOWN_SERVER_ERROR',
      'REQUEST_TIMED_OUT',
      'INVALID_TOPIC_EXCEPTION',
      'TOPIC_AUTHORIZATION_FAILED',
      'CLUSTER_AUTHORIZATION_FAILED',
      'TOPIC_ALREADY_EXISTS',
      'INVALID_PARTITIONS',
      'INVALID_REPLICATION_FACTOR',
      'INVALID_REPLICA_ASSIGNMENT',
      'INVALID_CONFIG',
      'NOT_CONTROLLER',
      'INVALID_REQUEST',
      'POLICY_VIOLATION',
      'THROTTLING_QUOTA_EXCEEDED',
    ],
  },
  InitProducerId: {
    top: [
      'UNKNOWN_SERVER_ERROR',
      'COORDINATOR_LOAD_IN_PROGRESS',
      'COORDINATOR_NOT_AVAILABLE',
      'NOT_COORDINATOR',
      'CLUSTER_AUTHORIZATION_FAILED',
      'INVALID_PRODUCER_EPOCH',
      'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
      'PRODUCER_FENCED',
    ],
  },
  ListTransactions: {
    top: ['UNKNOWN_SERVER_ERROR', 'COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE'],
  },
} as const satisfies { readonly [Name in ApiName]: { readonly [Each in Place]?: readonly CodeName[] } };

/** The names and numbers of these codes, without those that a test treats by themselves. */
export function withoutThose(
  names: readonly CodeName[],
  special: readonly CodeName[] = [],
): (readonly [name: CodeName, code: number])[] {
  return names.filter((name) => !special.includes(name)).map((name) => [name, Code[name]] as const);
}
