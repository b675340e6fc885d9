import { api } from './api.ts';
import {
  array,
  bytes,
  int8,
  int16,
  int32,
  int64,
  nullableArray,
  nullableBytes,
  nullableString,
  string,
  struct,
  uuid,
} from './codec.ts';

/* The requests about records, producers and transactions. */

export const logApis = {
  Produce: api(
    0,
    9,
    struct({
      transactionalId: nullableString,
      acks: int16,
      timeoutMs: int32,
      topics: array(
        struct({ name: string, partitions: array(struct({ partition: int32, records: bytes })) }),
      ),
    }),
    struct({
      topics: array(
        struct({
          name: string,
          partitions: array(
            struct({
              partition: int32,
              errorCode: int16,
              baseOffset: int64,
              logAppendTimeMs: int64,
              logStartOffset: int64,
              recordErrors: array(struct({ batchIndex: int32, message: nullableString })),
              errorMessage: nullableString,
            }),
          ),
        }),
      ),
      throttleTimeMs: int32,
    }),
  ),
  Fetch: api(
    1,
    13,
    struct({
      replicaId: int32,
      maxWaitMs: int32,
      minBytes: int32,
      maxBytes: int32,
      isolationLevel: int8,
      sessionId: int32,
      sessionEpoch: int32,
      topics: array(
        struct({
          topicId: uuid,
          partitions: array(
            struct({
              partition: int32,
              currentLeaderEpoch: int32,
              fetchOffset: int64,
              lastFetchedEpoch: int32,
              logStartOffset: int64,
              maxBytes: int32,
            }),
          ),
        }),
      ),
      forgottenTopics: array(struct({ topicId: uuid, partitions: array(int32) })),
      rackId: string,
    }),
    struct({
      throttleTimeMs: int32,
      errorCode: int16,
      sessionId: int32,
      topics: array(
        struct({
          topicId: uuid,
          partitions: array(
            struct(
              {
                partition: int32,
                errorCode: int16,
                highWatermark: int64,
                lastStableOffset: int64,
                logStartOffset: int64,
                abortedTransactions: nullableArray(struct({ producerId: int64, firstOffset: int64 })),
                preferredReadReplica: int32,
                records: nullableBytes,
              },
              { divergingEpoch: { tag: 0, codec: struct({ epoch: int32, endOffset: int64 }) } },
            ),
          ),
        }),
      ),
    }),
  ),
  ListOffsets: api(
    2,
    7,
    struct({
      replicaId: int32,
      isolationLevel: int8,
      topics: array(
        struct({
          name: string,
          partitions: array(struct({ partition: int32, currentLeaderEpoch: int32, timestamp: int64 })),
        }),
      ),
    }),
    struct({
      throttleTimeMs: int32,
      topics: array(
        struct({
          name: string,
          partitions: array(
            struct({
              partition: int32,
              errorCode: int16,
              timestamp: int64,
              offset: int64,
              leaderEpoch: int32,
            }),
          ),
        }),
      ),
    }),
  ),
  InitProducerId: api(
    22,
    4,
    struct({
      transactionalId: nullableString,
      transactionTimeoutMs: int32,
      producerId: int64,
      producerEpoch: int16,
    }),
    struct({ throttleTimeMs: int32, errorCode: int16, producerId: int64, producerEpoch: int16 }),
  ),
  ListTransactions: api(
    66,
    0,
    struct({ stateFilters: array(string), producerIdFilters: array(int64) }),
    struct({
      throttleTimeMs: int32,
      errorCode: int16,
      unknownStateFilters: array(string),
      transactions: array(struct({ transactionalId: string, producerId: int64, state: string })),
    }),
  ),
} as const;
