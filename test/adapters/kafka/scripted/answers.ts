import type { ScriptedCluster, Topic } from './cluster.ts';
import { Code } from './codes.ts';
import {
  commitOffsets,
  fetchOffsets,
  findCoordinator,
  heartbeat,
  join,
  leave,
  sync,
} from './group-answers.ts';
import { fetch, listOffsets, produce } from './log-answers.ts';
import type { ApiName, RequestOf, ResponseOf } from './messages.ts';
import { type Call, isKept } from './script.ts';

/** Where and for whom a request is answered. */
export interface Asked {
  readonly cluster: ScriptedCluster;
  /** The broker that was asked. */
  readonly nodeId: number;
  readonly call: Call;
  /** The connection was closed. */
  readonly closed: AbortSignal;
}

type Answering = {
  readonly [Name in ApiName]: (
    asked: Asked,
    request: RequestOf<Name>,
  ) => ResponseOf<Name> | Promise<ResponseOf<Name>>;
};

const NO_TOPIC_ID = '00000000-0000-0000-0000-000000000000';

const answering: Answering = {
  Produce: produce,
  Fetch: fetch,
  ListOffsets: listOffsets,
  Metadata: metadata,
  OffsetCommit: commitOffsets,
  OffsetFetch: fetchOffsets,
  FindCoordinator: findCoordinator,
  JoinGroup: join,
  Heartbeat: heartbeat,
  LeaveGroup: leave,
  SyncGroup: sync,
  CreateTopics: createTopics,
  InitProducerId: initProducerId,
  ListTransactions: listTransactions,
};

/** The answer of a broker that does what it was asked to. */
export async function answer(
  cluster: ScriptedCluster,
  nodeId: number,
  call: Call,
  closed: AbortSignal,
): Promise<unknown> {
  return answering[call.api]({ cluster, nodeId, call, closed }, call.request as never);
}

function metadata({ cluster }: Asked, { topics }: RequestOf<'Metadata'>): ResponseOf<'Metadata'> {
  const names = topics === null ? [...cluster.topics.keys()] : topics.map(({ name }) => name ?? '');
  return {
    throttleTimeMs: 0,
    brokers: cluster.brokers
      .filter(({ isRunning }) => isRunning)
      .map(({ nodeId, port }) => ({ nodeId, host: '127.0.0.1', port, rack: null })),
    clusterId: 'scripted',
    controllerId: cluster.nodeIds[0] ?? -1,
    topics: names.map((name) => topicMetadata(name, cluster.topics.get(name), cluster.nodeIds)),
  };
}

function topicMetadata(
  name: string,
  topic: Topic | undefined,
  replicaNodes: number[],
): ResponseOf<'Metadata'>['topics'][number] {
  return {
    errorCode: topic === undefined ? Code.UNKNOWN_TOPIC_OR_PARTITION : Code.NONE,
    name,
    topicId: topic?.topicId ?? NO_TOPIC_ID,
    isInternal: false,
    partitions: (topic?.partitions ?? []).map(({ leader, leaderEpoch }, partition) => ({
      errorCode: leader < 0 ? Code.LEADER_NOT_AVAILABLE : Code.NONE,
      partition,
      leaderId: leader,
      leaderEpoch,
      replicaNodes,
      isrNodes: replicaNodes,
      offlineReplicas: [],
    })),
    topicAuthorizedOperations: -2_147_483_648,
  };
}

function createTopics(
  { cluster, call }: Asked,
  { topics }: RequestOf<'CreateTopics'>,
): ResponseOf<'CreateTopics'> {
  return {
    throttleTimeMs: 0,
    topics: topics.map(({ name, numPartitions, replicationFactor }) => {
      const exists = cluster.topics.has(name);
      if (!exists && !isKept(call, 'topic', { topic: name })) cluster.createTopic(name, numPartitions);
      return {
        name,
        topicId: cluster.topics.get(name)?.topicId ?? NO_TOPIC_ID,
        errorCode: exists ? Code.TOPIC_ALREADY_EXISTS : Code.NONE,
        errorMessage: null,
        numPartitions,
        replicationFactor,
        configs: [],
      };
    }),
  };
}

function initProducerId({ cluster }: Asked): ResponseOf<'InitProducerId'> {
  return { throttleTimeMs: 0, errorCode: Code.NONE, producerId: cluster.newProducerId(), producerEpoch: 0 };
}

function listTransactions(
  { cluster }: Asked,
  { producerIdFilters }: RequestOf<'ListTransactions'>,
): ResponseOf<'ListTransactions'> {
  const asked = [...cluster.transactionalIds].filter(([producerId]) =>
    producerIdFilters.includes(producerId),
  );
  return {
    throttleTimeMs: 0,
    errorCode: Code.NONE,
    unknownStateFilters: [],
    transactions: asked.map(([producerId, transactionalId]) => ({
      transactionalId,
      producerId,
      state: 'Ongoing',
    })),
  };
}
