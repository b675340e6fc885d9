import { api } from './api.ts';
import {
  array,
  bool,
  bytes,
  int8,
  int16,
  int32,
  int64,
  nullableArray,
  nullableString,
  string,
  struct,
} from './codec.ts';

/* The requests of group members to their coordinator. */

export const groupApis = {
  OffsetCommit: api(
    8,
    8,
    struct({
      groupId: string,
      generationId: int32,
      memberId: string,
      groupInstanceId: nullableString,
      topics: array(
        struct({
          name: string,
          partitions: array(
            struct({
              partition: int32,
              committedOffset: int64,
              committedLeaderEpoch: int32,
              committedMetadata: nullableString,
            }),
          ),
        }),
      ),
    }),
    struct({
      throttleTimeMs: int32,
      topics: array(
        struct({ name: string, partitions: array(struct({ partition: int32, errorCode: int16 })) }),
      ),
    }),
  ),
  OffsetFetch: api(
    9,
    8,
    struct({
      groups: array(
        struct({
          groupId: string,
          topics: nullableArray(struct({ name: string, partitions: array(int32) })),
        }),
      ),
      requireStable: bool,
    }),
    struct({
      throttleTimeMs: int32,
      groups: array(
        struct({
          groupId: string,
          topics: array(
            struct({
              name: string,
              partitions: array(
                struct({
                  partition: int32,
                  committedOffset: int64,
                  committedLeaderEpoch: int32,
                  metadata: nullableString,
                  errorCode: int16,
                }),
              ),
            }),
          ),
          errorCode: int16,
        }),
      ),
    }),
  ),
  FindCoordinator: api(
    10,
    4,
    struct({ keyType: int8, keys: array(string) }),
    struct({
      throttleTimeMs: int32,
      coordinators: array(
        struct({
          key: string,
          nodeId: int32,
          host: string,
          port: int32,
          errorCode: int16,
          errorMessage: nullableString,
        }),
      ),
    }),
  ),
  JoinGroup: api(
    11,
    7,
    struct({
      groupId: string,
      sessionTimeoutMs: int32,
      rebalanceTimeoutMs: int32,
      memberId: string,
      groupInstanceId: nullableString,
      protocolType: string,
      protocols: array(struct({ name: string, metadata: bytes })),
    }),
    struct({
      throttleTimeMs: int32,
      errorCode: int16,
      generationId: int32,
      protocolType: nullableString,
      protocolName: nullableString,
      leader: string,
      memberId: string,
      members: array(struct({ memberId: string, groupInstanceId: nullableString, metadata: bytes })),
    }),
  ),
  Heartbeat: api(
    12,
    4,
    struct({ groupId: string, generationId: int32, memberId: string, groupInstanceId: nullableString }),
    struct({ throttleTimeMs: int32, errorCode: int16 }),
  ),
  LeaveGroup: api(
    13,
    4,
    struct({
      groupId: string,
      members: array(struct({ memberId: string, groupInstanceId: nullableString })),
    }),
    struct({
      throttleTimeMs: int32,
      errorCode: int16,
      members: array(struct({ memberId: string, groupInstanceId: nullableString, errorCode: int16 })),
    }),
  ),
  SyncGroup: api(
    14,
    5,
    struct({
      groupId: string,
      generationId: int32,
      memberId: string,
      groupInstanceId: nullableString,
      protocolType: nullableString,
      protocolName: nullableString,
      assignments: array(struct({ memberId: string, assignment: bytes })),
    }),
    struct({
      throttleTimeMs: int32,
      errorCode: int16,
      protocolType: nullableString,
      protocolName: nullableString,
      assignment: bytes,
    }),
  ),
} as const;
