import { api } from './api.ts';
import {
  array,
  bool,
  int8,
  int16,
  int32,
  nullableArray,
  nullableString,
  string,
  struct,
  uuid,
} from './codec.ts';

/* The requests about brokers and topics. */

export const clusterApis = {
  Metadata: api(
    3,
    12,
    struct({
      topics: nullableArray(struct({ topicId: uuid, name: nullableString })),
      allowAutoTopicCreation: bool,
      includeTopicAuthorizedOperations: bool,
    }),
    struct({
      throttleTimeMs: int32,
      brokers: array(struct({ nodeId: int32, host: string, port: int32, rack: nullableString })),
      clusterId: nullableString,
      controllerId: int32,
      topics: array(
        struct({
          errorCode: int16,
          name: nullableString,
          topicId: uuid,
          isInternal: bool,
          partitions: array(
            struct({
              errorCode: int16,
              partition: int32,
              leaderId: int32,
              leaderEpoch: int32,
              replicaNodes: array(int32),
              isrNodes: array(int32),
              offlineReplicas: array(int32),
            }),
          ),
          topicAuthorizedOperations: int32,
        }),
      ),
    }),
  ),
  CreateTopics: api(
    19,
    7,
    struct({
      topics: array(
        struct({
          name: string,
          numPartitions: int32,
          replicationFactor: int16,
          assignments: array(struct({ partition: int32, brokerIds: array(int32) })),
          configs: array(struct({ name: string, value: nullableString })),
        }),
      ),
      timeoutMs: int32,
      validateOnly: bool,
    }),
    struct({
      throttleTimeMs: int32,
      topics: array(
        struct({
          name: string,
          topicId: uuid,
          errorCode: int16,
          errorMessage: nullableString,
          numPartitions: int32,
          replicationFactor: int16,
          configs: nullableArray(
            struct({
              name: string,
              value: nullableString,
              readOnly: bool,
              configSource: int8,
              isSensitive: bool,
            }),
          ),
        }),
      ),
    }),
  ),
} as const;
