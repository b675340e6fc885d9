import { MultipleErrors } from '@platformatic/kafka';
import { describe, expect, it } from 'vitest';
import type { Cluster, TopicMetadata } from '../../../../src/adapters/kafka/cluster/cluster.ts';
import { byLeader, rangesOf } from '../../../../src/adapters/kafka/cluster/ranges.ts';

const TOPIC = 'orders';
const place = (partition: number) => ({ topic: TOPIC, partition });

interface Answer {
  readonly errorCode?: number;
  readonly offset?: bigint;
}

/** The answer of a leader for the oldest offset and for the end. Null: the leader does not answer. */
type Leader = ((isEnd: boolean, partition: number) => Answer | undefined) | null;

/** Brokers that lead partition p each as `leaders[p]` says: its node id is p + 1. */
function clusterOf(leaders: readonly Leader[]) {
  const requests: { readonly nodeId: number; readonly isolation: number; readonly isEnd: boolean }[] = [];
  const partitions = leaders.map((_, partition) => ({ leader: partition + 1, leaderEpoch: 0 }));
  const topics = new Map<string, TopicMetadata>([[TOPIC, { topic: TOPIC, topicId: 'id', partitions }]]);
  const connect = async (nodeId: number) => {
    const leader = leaders[nodeId - 1];
    if (leader == null) throw new Error(`Broker ${nodeId} is down.`);
    return {
      send(...parameters: unknown[]) {
        const { buffer } = (parameters[2] as () => { buffer: Buffer })();
        const done = parameters.at(-1) as (error: Error | null, response?: object) => void;
        const isEnd = !buffer.includes(Buffer.from('fffffffffffffffe', 'hex'));
        // The node id of the replica, -1 for a consumer, comes before the isolation level.
        requests.push({ nodeId, isolation: buffer.readInt8(4), isEnd });
        const answers = leaders.flatMap((_, partition) => {
          const answer = leader(isEnd, partition);
          const { errorCode = 0, offset = -1n } = answer ?? {};
          return answer === undefined ? [] : [{ partitionIndex: partition, errorCode, offset }];
        });
        const response = { throttleTimeMs: 0, topics: [{ name: TOPIC, partitions: answers }] };
        if (answers.every(({ errorCode }) => errorCode === 0)) done(null, response);
        else done(Object.assign(new MultipleErrors('ListOffsets', []), { response }));
      },
    };
  };
  return { cluster: { connect } as unknown as Cluster, topics, requests };
}

const sound: Leader = (isEnd) => ({ offset: isEnd ? 9n : 4n });

describe('the ranges of partitions', () => {
  it('a range ends behind the last committed record', async () => {
    const { cluster, topics, requests } = clusterOf([sound]);
    expect(await rangesOf(cluster, topics, [place(0)])).toEqual([
      { kind: 'known', range: { ...place(0), startOffset: 4n, endOffset: 9n } },
    ]);
    const readCommitted = 1;
    expect(requests).toEqual([
      { nodeId: 1, isolation: readCommitted, isEnd: false },
      { nodeId: 1, isolation: readCommitted, isEnd: true },
    ]);
  });

  it('a partition without a leader has no range, and nobody is asked for it', async () => {
    const { cluster, topics, requests } = clusterOf([sound]);
    const [answer] = await rangesOf(cluster, topics, [place(7)]);
    expect(answer).toMatchObject({ kind: 'unknown', problem: 'has no leader, or its topic does not exist' });
    expect(requests).toEqual([]);
    expect([...byLeader(topics, [place(7), place(0)])]).toEqual([
      [-1, [place(7)]],
      [1, [place(0)]],
    ]);
  });

  it('a partition has its range although another leader does not answer', async () => {
    const { cluster, topics } = clusterOf([null, sound]);
    const [down, known] = await rangesOf(cluster, topics, [place(0), place(1)]);
    expect(down).toMatchObject({ kind: 'unknown', problem: expect.stringContaining('Broker 1 is down.') });
    expect(known).toMatchObject({ kind: 'known', range: { partition: 1, startOffset: 4n, endOffset: 9n } });
  });

  it('a partition has its range although its leader refuses another one', async () => {
    const leader: Leader = (isEnd, partition) => (partition === 0 ? { errorCode: 6 } : sound(isEnd, 1));
    const { cluster, topics } = clusterOf([leader, leader]);
    const led = new Map([[TOPIC, { ...(topics.get(TOPIC) as TopicMetadata) }]]);
    for (const partition of led.get(TOPIC)?.partitions ?? []) Object.assign(partition, { leader: 1 });
    const [refused, known] = await rangesOf(cluster, led, [place(0), place(1)]);
    const problem = 'has no range yet: Kafka answered NOT_LEADER_OR_FOLLOWER (6)';
    expect(refused).toEqual({ kind: 'unknown', place: place(0), problem });
    expect(known).toMatchObject({ kind: 'known', range: { partition: 1 } });
  });

  it.each([
    ['an error', { errorCode: 78 }, 'has no range yet: Kafka answered OFFSET_NOT_AVAILABLE (78)'],
    ['nothing', undefined, 'was left out of the answer'],
  ])('a partition has no range if its leader answers %s for the end', async (_, answer, problem) => {
    const { cluster, topics } = clusterOf([(isEnd) => (isEnd ? answer : { offset: 4n })]);
    expect(await rangesOf(cluster, topics, [place(0)])).toEqual([
      { kind: 'unknown', place: place(0), problem },
    ]);
  });
});
