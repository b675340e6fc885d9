import { describe, expect, it } from 'vitest';
import type { Cluster, TopicMetadata } from '../../../../src/adapters/kafka/cluster/cluster.ts';
import { KafkaCode } from '../../../../src/adapters/kafka/errors.ts';
import { resolveOptions } from '../../../../src/adapters/kafka/options.ts';
import { Fetcher } from '../../../../src/adapters/kafka/reading/fetcher.ts';
import type { FetchedPartition, FetchRequest } from '../../../../src/adapters/kafka/wire/fetch.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import type { PartitionFault } from '../../../../src/ports/event-log.ts';
import { eventually } from '../../../contract/event-log-harness.ts';
import { buildRecord, buildRecordBatch } from '../wire/record-batch-builder.ts';

const topic = 'orders';
const topicId = 'id-1';
const place = { topic, partition: 0 };
const other = { topic, partition: 1 };
const limits = { maxRecords: 10, maxBytes: 1 << 20 };

interface Asked {
  readonly leader: number;
  readonly partition: number;
  readonly fetchOffset: bigint;
  readonly leaderEpoch: number;
  readonly lastFetchedEpoch: number;
}

type Script = (asked: Asked, attempt: number) => Partial<FetchedPartition> | null | Error;

/** A fetcher on a cluster that answers partition 0 by a script. Partition 1 always gets a record. */
function scripted(script: Script) {
  const asked: Asked[] = [];
  const faults: PartitionFault[] = [];
  let attempts = 0;
  const world = {
    topics: new Map<string, TopicMetadata>([[topic, metadata(1, 7)]]),
    topicsAsked: 0,
    othersAsked: 0,
    range: [0n, 100n] as readonly [bigint, bigint],
  };
  const clock = { ...systemClock, random: () => 0 };
  const cluster = {
    options: resolveOptions({ brokers: [], clock, logger: () => {}, fetchMaxWaitMs: 1 }),
    topics: async () => {
      world.topicsAsked++;
      return world.topics;
    },
    askOthers: () => void world.othersAsked++,
    connect: async (leader: number, use: string) => {
      if (use === 'control') return listOffsets(world);
      return { leader };
    },
  };
  const send = async (connection: unknown, request: FetchRequest) => {
    await systemClock.sleep(1);
    const { leader } = connection as { leader: number };
    const partitions: FetchedPartition[] = [];
    for (const { topicId: id, partitions: fetched } of request.topics) {
      for (const one of fetched) {
        if (one.partition === 0) asked.push({ leader, ...one });
        const answer =
          one.partition === 0 ? script({ leader, ...one }, ++attempts) : recordAt(one.fetchOffset);
        if (answer instanceof Error) throw answer;
        if (answer !== null) partitions.push(answerOf(id, one.partition, answer));
      }
    }
    return { errorCode: KafkaCode.none, partitions };
  };
  const fetcher = new Fetcher(
    cluster as unknown as Cluster,
    1 << 20,
    { halted: (fault) => faults.push(fault) },
    send as never,
  );
  fetcher.learn(world.topics);
  return { fetcher, asked, faults, world };
}

/** A connection that answers ListOffsets with the range of partition 0. */
function listOffsets(world: { range: readonly [bigint, bigint] }) {
  return {
    send(...parameters: unknown[]) {
      const [, , createPayload] = parameters as [number, number, () => { buffer: Buffer }];
      const done = parameters.at(-1) as (error: null, response: unknown) => void;
      const isEarliest = createPayload().buffer.includes(Buffer.from('fffffffffffffffe', 'hex'));
      const offset = world.range[isEarliest ? 0 : 1];
      const partitions = [{ partitionIndex: 0, errorCode: 0, offset, timestamp: -1n, leaderEpoch: 7 }];
      done(null, { throttleTimeMs: 0, topics: [{ name: topic, partitions }] });
    },
  };
}

function metadata(leader: number, leaderEpoch: number, id = topicId): TopicMetadata {
  return {
    topic,
    topicId: id,
    partitions: [
      { leader, leaderEpoch },
      { leader: 1, leaderEpoch: 7 },
    ],
  };
}

function answerOf(id: string, partition: number, answer: Partial<FetchedPartition>): FetchedPartition {
  return {
    topicId: id,
    partition,
    errorCode: KafkaCode.none,
    highWatermark: 100n,
    lastStableOffset: 100n,
    logStartOffset: 0n,
    diverging: undefined,
    aborted: [],
    records: Buffer.alloc(0),
    ...answer,
  };
}

function recordAt(baseOffset: bigint, leaderEpoch = 7): Partial<FetchedPartition> {
  return {
    records: buildRecordBatch({
      baseOffset,
      leaderEpoch,
      recordCount: 1,
      records: buildRecord(0, Buffer.from('v')),
    }),
  };
}

const from = (offset: bigint, leaderEpoch = 7) => ({ ...place, offset, leaderEpoch, topicId });

async function take(fetcher: Fetcher) {
  const taken = await fetcher.take([place], limits, AbortSignal.timeout(20_000));
  return taken[0];
}

describe('a fetch that is answered with an error', () => {
  const passing = [
    ['UNKNOWN_TOPIC_OR_PARTITION', 3],
    ['LEADER_NOT_AVAILABLE', 5],
    ['NOT_LEADER_OR_FOLLOWER', 6],
    ['REQUEST_TIMED_OUT', 7],
    ['TOPIC_AUTHORIZATION_FAILED', 29],
    ['KAFKA_STORAGE_ERROR', 56],
    ['FENCED_LEADER_EPOCH', 74],
    ['UNKNOWN_LEADER_EPOCH', 75],
    ['OFFSET_NOT_AVAILABLE', 78],
    ['UNKNOWN_TOPIC_ID', 100],
    ['INCONSISTENT_TOPIC_ID', 103],
    ['UNKNOWN_SERVER_ERROR', -1],
  ] as const;

  it.each(passing)(
    '%s is tried again from the same offset, with the epoch of what was read, after asking for the topics',
    async (_, errorCode) => {
      const { fetcher, asked, faults, world } = scripted(({ fetchOffset }, attempt) =>
        attempt <= 2 ? { errorCode } : recordAt(fetchOffset),
      );
      fetcher.follow([from(5n)]);
      await eventually(
        () => asked.length >= 2,
        20_000,
        () => 'a second try',
      );
      expect([...fetcher.problems()]).toEqual([
        expect.stringContaining(`orders/0 can't be read: Kafka answered`),
      ]);
      const fetched = await take(fetcher);
      expect([fetched?.records.length, fetched?.nextOffset]).toEqual([1, 6n]);
      for (const each of asked.slice(0, 3))
        expect(each).toMatchObject({ fetchOffset: 5n, lastFetchedEpoch: 7 });
      expect(world.topicsAsked).toBeGreaterThan(0);
      expect([...fetcher.problems()]).toEqual([]);
      expect(faults).toEqual([]);
      fetcher.close();
    },
  );

  it.each(passing)('%s of one partition does not stop the others', async (_, errorCode) => {
    const { fetcher, faults } = scripted(() => ({ errorCode }));
    fetcher.follow([from(5n), { ...other, offset: 0n, leaderEpoch: -1, topicId }]);
    for (let next = 0n; next < 5n; ) {
      const [fetched] = await fetcher.take([place, other], limits, AbortSignal.timeout(20_000));
      expect(fetched).toMatchObject(other);
      next = fetched?.nextOffset ?? 5n;
    }
    expect(faults).toEqual([]);
    fetcher.close();
  });

  it('NOT_LEADER_OR_FOLLOWER leads to the new leader, with its epoch and with the epoch of what was read', async () => {
    const { fetcher, asked, world } = scripted(({ leader, fetchOffset }) =>
      leader === 1 ? { errorCode: KafkaCode.notLeaderOrFollower } : recordAt(fetchOffset, 9),
    );
    fetcher.follow([from(5n)]);
    await eventually(
      () => asked.length > 0,
      20_000,
      () => 'a fetch from the old leader',
    );
    world.topics = new Map([[topic, metadata(2, 9)]]);
    const fetched = await take(fetcher);
    expect(fetched).toMatchObject({ nextOffset: 6n, leaderEpoch: 9 });
    const first = asked.find(({ leader }) => leader === 2);
    expect(first).toMatchObject({ fetchOffset: 5n, leaderEpoch: 9, lastFetchedEpoch: 7 });
    await eventually(
      () => asked.some(({ fetchOffset }) => fetchOffset === 6n),
      20_000,
      () => 'the next fetch',
    );
    expect(asked.find(({ fetchOffset }) => fetchOffset === 6n)).toMatchObject({ lastFetchedEpoch: 9 });
    fetcher.close();
  });

  it('repeated refusals of a partition make the fetcher ask other brokers who leads', async () => {
    const { fetcher, world } = scripted(() => ({ errorCode: KafkaCode.fencedLeaderEpoch }));
    fetcher.follow([from(5n)]);
    await eventually(
      () => world.othersAsked > 0,
      20_000,
      () => 'other brokers asked',
    );
    fetcher.close();
  });

  it('a topic made anew halts its partition, and the fault names both ids', async () => {
    const { fetcher, faults, world } = scripted(() => ({ errorCode: KafkaCode.unknownTopicId }));
    world.topics = new Map([[topic, metadata(1, 0, 'id-2')]]);
    fetcher.follow([from(5n)]);
    await eventually(
      () => faults.length > 0,
      20_000,
      () => 'a fault',
    );
    expect(faults).toMatchObject([
      {
        kind: 'topic_recreated',
        offset: 5n,
        detail: expect.stringMatching(/another topic \(made anew, or another cluster\).*id-1.*id-2/),
      },
    ]);
    fetcher.close();
  });

  it('a record batch halts its partition when the broker finds it corrupt twice, and not once', async () => {
    const once = scripted(({ fetchOffset }, attempt) =>
      attempt === 1 ? { errorCode: KafkaCode.corruptMessage } : recordAt(fetchOffset),
    );
    once.fetcher.follow([from(5n)]);
    expect((await take(once.fetcher))?.nextOffset).toBe(6n);
    expect(once.faults).toEqual([]);
    once.fetcher.close();

    const twice = scripted(() => ({ errorCode: KafkaCode.corruptMessage }));
    twice.fetcher.follow([from(5n)]);
    await eventually(
      () => twice.faults.length > 0,
      20_000,
      () => 'a fault',
    );
    expect(twice.asked).toHaveLength(2);
    expect(twice.faults).toMatchObject([{ kind: 'corrupt_batch', offset: 5n }]);
    twice.fetcher.close();
  });

  it.each([
    ['before the log begins', [8n, 100n], 'the offsets 5 to 7 are missing'],
    ['behind the log’s end', [0n, 3n], 'the offsets 3 to 4 are not in the log'],
  ] as const)('OFFSET_OUT_OF_RANGE halts where the offset lies %s', async (_, range, missing) => {
    const { fetcher, faults, world } = scripted(() => ({ errorCode: KafkaCode.offsetOutOfRange }));
    world.range = range;
    fetcher.follow([from(5n)]);
    await eventually(
      () => faults.length > 0,
      20_000,
      () => 'a fault',
    );
    expect(faults).toMatchObject([
      { kind: 'offset_out_of_range', offset: 5n, detail: expect.stringContaining(missing) },
    ]);
    fetcher.close();
  });

  it('OFFSET_OUT_OF_RANGE of an offset that is in range is tried again, with the epoch kept', async () => {
    const { fetcher, asked, faults } = scripted(({ fetchOffset }, attempt) =>
      attempt <= 3 ? { errorCode: KafkaCode.offsetOutOfRange } : recordAt(fetchOffset),
    );
    fetcher.follow([from(5n)]);
    expect((await take(fetcher))?.nextOffset).toBe(6n);
    for (const each of asked.slice(0, 4))
      expect(each).toMatchObject({ fetchOffset: 5n, lastFetchedEpoch: 7 });
    expect(faults).toEqual([]);
    fetcher.close();
  });

  it('repeated OFFSET_OUT_OF_RANGE of an offset that is in range halts, because the log never had that epoch', async () => {
    const { fetcher, faults } = scripted(() => ({ errorCode: KafkaCode.offsetOutOfRange }));
    fetcher.follow([from(5n)]);
    await eventually(
      () => faults.length > 0,
      20_000,
      () => 'a fault',
    );
    expect(faults).toMatchObject([
      {
        kind: 'log_diverged',
        offset: 5n,
        detail: expect.stringContaining('under the leader epoch 7. The log of its present leader'),
      },
    ]);
    fetcher.close();
  });
});

describe('a fetch from a log that has diverged', () => {
  it('a diverged log halts the partition, and none of its records is taken', async () => {
    const { fetcher, faults } = scripted(({ fetchOffset }) => ({
      ...recordAt(fetchOffset),
      diverging: { epoch: 6, endOffset: 3n },
    }));
    fetcher.follow([from(5n)]);
    await eventually(
      () => faults.length > 0,
      20_000,
      () => 'a fault',
    );
    expect(faults).toMatchObject([
      {
        kind: 'log_diverged',
        offset: 5n,
        detail: expect.stringMatching(
          /epoch 7.*only up to offset 2 \(leader epoch 6\).*from offset 3 to 4 are gone.*go on at offset 3\.$/,
        ),
      },
    ]);
    expect(await fetcher.take([place], limits, AbortSignal.timeout(100))).toEqual([]);
    fetcher.close();
  });
});

describe('a fetch without an answer', () => {
  it('a fetch without an answer is tried again from the same offset, and the problem names the partition', async () => {
    const { fetcher, asked, faults } = scripted(({ fetchOffset }, attempt) =>
      attempt <= 2 ? new Error('Request timed out') : recordAt(fetchOffset),
    );
    fetcher.follow([from(5n)]);
    await eventually(
      () => asked.length >= 2,
      20_000,
      () => 'a second try',
    );
    expect([...fetcher.problems()]).toEqual([`orders/0 can't be read: Request timed out`]);
    expect((await take(fetcher))?.nextOffset).toBe(6n);
    expect(faults).toEqual([]);
    fetcher.close();
  });

  it('a partition that the answer leaves out is fetched again after a pause', async () => {
    const { fetcher, asked } = scripted(({ fetchOffset }, attempt) =>
      attempt <= 2 ? null : recordAt(fetchOffset),
    );
    const startedAtMs = performance.now();
    fetcher.follow([from(5n)]);
    expect((await take(fetcher))?.nextOffset).toBe(6n);
    expect(asked.length).toBeGreaterThanOrEqual(3);
    expect(performance.now() - startedAtMs).toBeGreaterThan(40);
    fetcher.close();
  });
});
