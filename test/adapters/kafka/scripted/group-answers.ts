import type { Asked } from './answers.ts';
import { Code } from './codes.ts';
import { joinError, syncError } from './group.ts';
import type { RequestOf, ResponseOf } from './messages.ts';
import { isKept } from './script.ts';

/* The requests of group members to their coordinator. */

/** The code for a request that this broker must not answer: it does not coordinate the group. Else 0. */
function notHere({ cluster, nodeId }: Asked, group: string): number {
  return cluster.coordinatorOf(group) === nodeId ? Code.NONE : Code.NOT_COORDINATOR;
}

export function findCoordinator(
  { cluster }: Asked,
  { keys }: RequestOf<'FindCoordinator'>,
): ResponseOf<'FindCoordinator'> {
  return {
    throttleTimeMs: 0,
    coordinators: keys.map((key) => {
      const broker = cluster.brokers.find(({ nodeId }) => nodeId === cluster.coordinatorOf(key));
      const isThere = broker?.isRunning === true;
      return {
        key,
        nodeId: isThere ? broker.nodeId : -1,
        host: isThere ? '127.0.0.1' : '',
        port: isThere ? broker.port : -1,
        errorCode: isThere ? Code.NONE : Code.COORDINATOR_NOT_AVAILABLE,
        errorMessage: null,
      };
    }),
  };
}

export function join(asked: Asked, request: RequestOf<'JoinGroup'>): Promise<ResponseOf<'JoinGroup'>> {
  const code = notHere(asked, request.groupId);
  if (code !== Code.NONE || isKept(asked.call, 'top'))
    return Promise.resolve(joinError(code, request.memberId));
  return asked.cluster.group(request.groupId).join(asked.call.clientId, request);
}

export function sync(asked: Asked, request: RequestOf<'SyncGroup'>): Promise<ResponseOf<'SyncGroup'>> {
  const code = notHere(asked, request.groupId);
  if (code !== Code.NONE || isKept(asked.call, 'top')) return Promise.resolve(syncError(code));
  return asked.cluster.group(request.groupId).sync(request);
}

export function heartbeat(asked: Asked, request: RequestOf<'Heartbeat'>): ResponseOf<'Heartbeat'> {
  const code = notHere(asked, request.groupId);
  const isAnswered = code !== Code.NONE || isKept(asked.call, 'top');
  const errorCode = isAnswered ? code : asked.cluster.group(request.groupId).heartbeat(request);
  return { throttleTimeMs: 0, errorCode };
}

export function leave(asked: Asked, { groupId, members }: RequestOf<'LeaveGroup'>): ResponseOf<'LeaveGroup'> {
  const code = notHere(asked, groupId);
  const isHeld = code !== Code.NONE || isKept(asked.call, 'top') || isKept(asked.call, 'member');
  const group = asked.cluster.group(groupId);
  return {
    throttleTimeMs: 0,
    errorCode: code,
    members: members.map((member) => ({
      ...member,
      errorCode: isHeld ? Code.NONE : group.leave(member.memberId),
    })),
  };
}

export function commitOffsets(asked: Asked, request: RequestOf<'OffsetCommit'>): ResponseOf<'OffsetCommit'> {
  const group = asked.cluster.group(request.groupId);
  const code = notHere(asked, request.groupId) || group.mayCommit(request);
  return {
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(
        ({ partition, committedOffset, committedLeaderEpoch, committedMetadata }) => {
          if (code === Code.NONE && !isKept(asked.call, 'partition', { topic: name, partition }))
            group.commit(name, partition, {
              offset: committedOffset,
              leaderEpoch: committedLeaderEpoch,
              metadata: committedMetadata,
            });
          return { partition, errorCode: code };
        },
      ),
    })),
  };
}

/** Answers for all partitions with an offset if the request names none. */
export function fetchOffsets(asked: Asked, { groups }: RequestOf<'OffsetFetch'>): ResponseOf<'OffsetFetch'> {
  return {
    throttleTimeMs: 0,
    groups: groups.map(({ groupId, topics }) => {
      const { committed } = asked.cluster.group(groupId);
      const errorCode = notHere(asked, groupId);
      const wanted =
        topics ?? [...committed].map(([name, partitions]) => ({ name, partitions: [...partitions.keys()] }));
      return {
        groupId,
        errorCode,
        topics: (errorCode === Code.NONE ? wanted : []).map(({ name, partitions }) => ({
          name,
          partitions: partitions.map((partition) => {
            const found = committed.get(name)?.get(partition);
            return {
              partition,
              committedOffset: found?.offset ?? -1n,
              committedLeaderEpoch: found?.leaderEpoch ?? -1,
              metadata: found?.metadata ?? '',
              errorCode: Code.NONE,
            };
          }),
        })),
      };
    }),
  };
}
