import type { Asked } from './answers.ts';
import type { Partition, ScriptedCluster, Topic } from './cluster.ts';
import { Code } from './codes.ts';
import type { RequestOf, ResponseOf } from './messages.ts';
import { isKept } from './script.ts';

/* The requests about the records of partitions. */

type FetchedTopic = ResponseOf<'Fetch'>['topics'][number];
type FetchedPartition = FetchedTopic['partitions'][number];
type AskedPartition = RequestOf<'Fetch'>['topics'][number]['partitions'][number];

const readCommitted = 1;
const earliestTimestamp = -2n;
const anyEpoch = -1;

/** The partition, or the error code if this broker cannot answer for it. */
function ledHere(
  nodeId: number,
  topic: Topic | undefined,
  partition: number,
  currentEpoch = anyEpoch,
): Partition | number {
  const found = topic?.partitions[partition];
  if (found === undefined) return Code.UNKNOWN_TOPIC_OR_PARTITION;
  if (currentEpoch !== anyEpoch && currentEpoch < found.leaderEpoch) return Code.FENCED_LEADER_EPOCH;
  if (currentEpoch > found.leaderEpoch) return Code.UNKNOWN_LEADER_EPOCH;
  return found.leader === nodeId ? found : Code.NOT_LEADER_OR_FOLLOWER;
}

export function produce(
  { cluster, nodeId, call }: Asked,
  request: RequestOf<'Produce'>,
): ResponseOf<'Produce'> {
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partition, records }) => {
      const led = ledHere(nodeId, cluster.topics.get(name), partition);
      const answer = (errorCode: number, baseOffset = -1n) => ({
        partition,
        errorCode,
        baseOffset,
        logAppendTimeMs: -1n,
        logStartOffset: typeof led === 'number' ? -1n : led.log.startOffset,
        recordErrors: [],
        errorMessage: null,
      });
      if (typeof led === 'number') return answer(led);
      if (isKept(call, 'partition', { topic: name, partition })) return answer(Code.NONE);
      const appended = led.log.append(records);
      return 'baseOffset' in appended ? answer(Code.NONE, appended.baseOffset) : answer(appended.code);
    }),
  }));
  cluster.noteChange();
  return { topics, throttleTimeMs: 0 };
}

/** Waits for records up to `maxWaitMs`, and no longer once one partition has an error. */
export async function fetch(asked: Asked, request: RequestOf<'Fetch'>): Promise<ResponseOf<'Fetch'>> {
  const { cluster, call, closed } = asked;
  const untilMs = cluster.clock.monotonicMs() + request.maxWaitMs;
  const isKeptAny = ['top', 'partition'].some((at) => isKept(call, at as 'top' | 'partition'));
  for (;;) {
    const topics = fetchNow(asked, request);
    const all = topics.flatMap(({ partitions }) => partitions);
    const bytes = all.reduce((sum, { records }) => sum + (records?.length ?? 0), 0);
    const isDone = all.some(
      ({ errorCode, divergingEpoch }) => errorCode !== 0 || divergingEpoch !== undefined,
    );
    const leftMs = untilMs - cluster.clock.monotonicMs();
    if (bytes >= request.minBytes || isDone || isKeptAny || leftMs <= 0 || closed.aborted)
      return { throttleTimeMs: 0, errorCode: Code.NONE, sessionId: 0, topics };
    await cluster.nextChange(leftMs, closed);
  }
}

/** Only the first partition with records gets a record batch that is larger than what it asks for. */
function fetchNow({ cluster, nodeId }: Asked, request: RequestOf<'Fetch'>): FetchedTopic[] {
  let leftBytes = request.maxBytes;
  let isFirst = true;
  return request.topics.map(({ topicId, partitions }) => ({
    topicId,
    partitions: partitions.map((asked) => {
      const topic = cluster.topicById(topicId);
      if (topic === undefined) return fetchError(asked.partition, Code.UNKNOWN_TOPIC_ID);
      const led = ledHere(nodeId, topic, asked.partition, asked.currentLeaderEpoch);
      if (typeof led === 'number') return fetchError(asked.partition, led);
      const fetched = fetchFrom(led, asked, {
        isCommittedOnly: request.isolationLevel === readCommitted,
        maxBytes: Math.min(asked.maxBytes, Math.max(0, leftBytes)),
        atLeastOne: isFirst,
      });
      const length = fetched.records?.length ?? 0;
      if (length > 0) isFirst = false;
      leftBytes -= length;
      return fetched;
    }),
  }));
}

function fetchFrom(
  { log }: Partition,
  { partition, fetchOffset, lastFetchedEpoch }: AskedPartition,
  limits: { readonly isCommittedOnly: boolean; readonly maxBytes: number; readonly atLeastOne: boolean },
): FetchedPartition {
  const { startOffset, endOffset, lastStableOffset } = log;
  const found = {
    ...fetchError(partition, Code.NONE),
    highWatermark: endOffset,
    lastStableOffset,
    logStartOffset: startOffset,
  };
  if (lastFetchedEpoch !== anyEpoch) {
    const end = log.endOfEpoch(lastFetchedEpoch);
    if (end === null || fetchOffset < startOffset) return fetchError(partition, Code.OFFSET_OUT_OF_RANGE);
    if (end.epoch < lastFetchedEpoch || end.endOffset < fetchOffset)
      return { ...found, divergingEpoch: { epoch: end.epoch, endOffset: end.endOffset } };
  }
  if (fetchOffset < startOffset || fetchOffset > endOffset)
    return fetchError(partition, Code.OFFSET_OUT_OF_RANGE);
  const limit = limits.isCommittedOnly ? lastStableOffset : endOffset;
  return {
    ...found,
    abortedTransactions: limits.isCommittedOnly ? log.abortedFrom(fetchOffset, limit) : null,
    records: log.read(fetchOffset, limit, limits.maxBytes, limits.atLeastOne),
  };
}

function fetchError(partition: number, errorCode: number): FetchedPartition {
  return {
    partition,
    errorCode,
    highWatermark: -1n,
    lastStableOffset: -1n,
    logStartOffset: -1n,
    abortedTransactions: null,
    preferredReadReplica: -1,
    records: Buffer.alloc(0),
  };
}

export function listOffsets(
  { cluster, nodeId }: Asked,
  { isolationLevel, topics }: RequestOf<'ListOffsets'>,
): ResponseOf<'ListOffsets'> {
  const offsetAt = (
    cluster: ScriptedCluster,
    name: string,
    partition: number,
    timestamp: bigint,
    epoch: number,
  ) => {
    const led = ledHere(nodeId, cluster.topics.get(name), partition, epoch);
    if (typeof led === 'number') return { errorCode: led, offset: -1n, leaderEpoch: -1 };
    const { startOffset, endOffset, lastStableOffset } = led.log;
    const end = isolationLevel === readCommitted ? lastStableOffset : endOffset;
    const offset = timestamp === earliestTimestamp ? startOffset : end;
    return { errorCode: Code.NONE, offset, leaderEpoch: led.leaderEpoch };
  };
  return {
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partition, timestamp, currentLeaderEpoch }) => ({
        partition,
        timestamp: -1n,
        ...offsetAt(cluster, name, partition, timestamp, currentLeaderEpoch),
      })),
    })),
  };
}
