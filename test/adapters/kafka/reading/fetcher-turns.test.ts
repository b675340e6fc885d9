import { describe, expect, it, onTestFinished } from 'vitest';
import type { Cluster, TopicMetadata } from '../../../../src/adapters/kafka/cluster/cluster.ts';
import { KafkaCode } from '../../../../src/adapters/kafka/errors.ts';
import { resolveOptions } from '../../../../src/adapters/kafka/options.ts';
import { Fetcher } from '../../../../src/adapters/kafka/reading/fetcher.ts';
import type { FetchedPartition, FetchRequest } from '../../../../src/adapters/kafka/wire/fetch.ts';
import { SeededClock } from '../../../../src/adapters/seeded-clock.ts';
import type { PartitionFault } from '../../../../src/ports/event-log.ts';
import { buildRecord, buildRecordBatch } from '../wire/record-batch-builder.ts';

const TOPIC = 'orders';
const WAIT_MS = 250;
const REQUEST_MS = 10_000;
const ROOM_BYTES = 8 << 20;
const place = (partition: number) => ({ topic: TOPIC, partition });
const from = (partition: number) => ({ ...place(partition), offset: 0n, leaderEpoch: 0, topicId: 'id' });

/** A fetch that waits for the answer of the test. */
interface Asked {
  readonly leader: number;
  readonly deadlineMs: number | undefined;
  readonly partitions: readonly number[];
  answer(...partitions: Partial<FetchedPartition>[]): Promise<void>;
  fail(): Promise<void>;
}

/** A clock whose random waits are as long as they can be. */
class PatientClock extends SeededClock {
  override random(): number {
    return 0.999;
  }
}

/** A fetcher whose fetches the test answers. `leaders[p]` leads partition p, -1 stands for none. */
function fetcherOf(leaders: number[]) {
  const clock = new PatientClock({ seed: 1 });
  const asked: Asked[] = [];
  const faults: PartitionFault[] = [];
  const warned: string[] = [];
  const topics = (): Map<string, TopicMetadata> =>
    new Map([
      [
        TOPIC,
        { topic: TOPIC, topicId: 'id', partitions: leaders.map((leader) => ({ leader, leaderEpoch: 0 })) },
      ],
    ]);
  const refreshes = { count: 0, fails: false };
  const options = resolveOptions({
    brokers: [],
    clock,
    logger: (level, message) => void (level === 'warn' && warned.push(message)),
    fetchMaxWaitMs: WAIT_MS,
    requestTimeoutMs: REQUEST_MS,
  });
  const cluster = {
    options,
    askOthers() {},
    async topics() {
      refreshes.count++;
      if (refreshes.fails) throw new Error('No broker answers.');
      return topics();
    },
    connect: async (leader: number, _use: string, deadlineMs?: number) => ({ leader, deadlineMs }),
  };
  const send = (connection: { leader: number; deadlineMs?: number }, request: FetchRequest) =>
    new Promise((resolve, reject) => {
      const partitions = request.topics.flatMap((each) => each.partitions.map(({ partition }) => partition));
      asked.push({
        leader: connection.leader,
        deadlineMs: connection.deadlineMs,
        partitions,
        async answer(...given) {
          const all = partitions.map((partition) => answerOf(partition, given));
          resolve({ errorCode: KafkaCode.none, partitions: all });
          await clock.advance(0);
        },
        async fail() {
          reject(new Error('The connection is broken.'));
          await clock.advance(0);
        },
      });
    });
  const fetcher = new Fetcher(
    cluster as unknown as Cluster,
    ROOM_BYTES,
    { halted: (fault) => faults.push(fault) },
    send as never,
  );
  onTestFinished(() => fetcher.close());
  fetcher.learn(topics());
  return { fetcher, clock, asked, faults, warned, leaders, refreshes, learn: () => fetcher.learn(topics()) };
}

function answerOf(partition: number, given: readonly Partial<FetchedPartition>[]): FetchedPartition {
  const records = Buffer.alloc(0);
  const offsets = { highWatermark: 9n, lastStableOffset: 9n, logStartOffset: 0n };
  const found = given.find((each) => each.partition === partition);
  const errorCode = KafkaCode.none;
  return {
    topicId: 'id',
    partition,
    errorCode,
    ...offsets,
    diverging: undefined,
    aborted: [],
    records,
    ...found,
  };
}

const recordAt = (partition: number, offset: bigint, leaderEpoch = 0): Partial<FetchedPartition> => ({
  partition,
  records: buildRecordBatch({
    baseOffset: offset,
    leaderEpoch,
    recordCount: 1,
    records: buildRecord(0, Buffer.from('v')),
  }),
});

describe('the fetches of a reader', () => {
  it('a fetch may take as long as the broker may wait for records, and then as long as a request', async () => {
    const { fetcher, clock, asked } = fetcherOf([1]);
    fetcher.follow([from(0)]);
    await clock.advance(0);
    expect(asked).toMatchObject([{ leader: 1, partitions: [0], deadlineMs: WAIT_MS + REQUEST_MS }]);
  });

  it('a fetch asks first for the partition that has got nothing for the longest time', async () => {
    const { fetcher, clock, asked } = fetcherOf([1, 1, 1]);
    fetcher.follow([from(0), from(1), from(2)]);
    await clock.advance(0);
    await asked[0]?.answer(recordAt(0, 0n));
    expect(asked[1]?.partitions).toEqual([1, 2, 0]);
    await asked[1]?.answer(recordAt(1, 0n));
    expect(asked[2]?.partitions).toEqual([2, 0, 1]);
  });

  it('a failed fetch has the leaders looked up, and the partition is tried again after a pause', async () => {
    const { fetcher, clock, asked, leaders, refreshes } = fetcherOf([1]);
    fetcher.follow([from(0)]);
    await clock.advance(0);
    leaders[0] = 2;
    await asked[0]?.fail();
    expect(refreshes.count).toBe(1);
    expect(asked).toHaveLength(1);
    await clock.advance(5_100);
    expect(asked.map(({ leader }) => leader)).toEqual([1, 2]);
  });

  it('leaders that cannot be looked up are told once, until it succeeds', async () => {
    const { fetcher, clock, asked, refreshes, warned } = fetcherOf([1]);
    refreshes.fails = true;
    fetcher.follow([from(0)]);
    const told = () => warned.filter((message) => message === 'No broker answers.').length;
    const failNext = async () => {
      await asked.at(-1)?.fail();
      await clock.advance(10_000);
    };
    await clock.advance(0);
    await failNext();
    await failNext();
    expect(refreshes.count).toBe(2);
    expect(told()).toBe(1);
    refreshes.fails = false;
    await failNext();
    refreshes.fails = true;
    await failNext();
    expect(told()).toBe(2);
  });
});

describe('a partition without a leader', () => {
  /** Partition 0 has no leader for so long that its next try is seconds away. */
  async function waiting() {
    const world = fetcherOf([-1]);
    world.fetcher.follow([from(0)]);
    await world.clock.advance(9_000);
    expect(world.asked).toEqual([]);
    world.leaders[0] = 1;
    world.learn();
    await world.clock.advance(0);
    return world;
  }

  it('a partition is fetched at once when it has a leader again', async () => {
    const { asked } = await waiting();
    expect(asked).toMatchObject([{ leader: 1, partitions: [0] }]);
  });

  it('a partition that has had a leader again rests after the next failure, although topics are learned', async () => {
    const { asked, learn, clock } = await waiting();
    await asked[0]?.fail();
    learn();
    await clock.advance(0);
    expect(asked).toHaveLength(1);
  });
});

describe('a partition with a fault', () => {
  it('a partition halts only when all of its records that were read before are taken', async () => {
    const { fetcher, clock, asked, faults } = fetcherOf([1]);
    fetcher.follow([from(0)]);
    await clock.advance(0);
    const records = [0n, 1n, 2n].map((offset) => recordAt(0, offset).records ?? Buffer.alloc(0));
    await asked[0]?.answer({ partition: 0, records: Buffer.concat(records) });
    await asked[1]?.answer({ partition: 0, diverging: { epoch: 0, endOffset: 1n } });
    const limits = { maxRecords: 1, maxBytes: 1 << 20 };
    const taken: bigint[] = [];
    for (let count = 0; count < 3; count++) {
      expect(faults).toEqual([]);
      for (const { nextOffset } of await fetcher.take([place(0)], limits, AbortSignal.timeout(1_000)))
        taken.push(nextOffset);
    }
    expect(taken).toEqual([1n, 2n, 3n]);
    expect(faults).toMatchObject([{ kind: 'log_diverged', offset: 3n }]);
    expect(await fetcher.take([place(0)], limits, AbortSignal.timeout(1_000))).toEqual([]);
  });

  it('a take that waits ends when its partition halts with nothing left to take', async () => {
    const { fetcher, clock, asked, faults } = fetcherOf([1]);
    fetcher.follow([from(0)]);
    await clock.advance(0);
    const taken = fetcher.take(
      [place(0)],
      { maxRecords: 9, maxBytes: 1 << 20 },
      new AbortController().signal,
    );
    await asked[0]?.answer({ partition: 0, diverging: { epoch: 0, endOffset: 0n } });
    expect(await taken).toEqual([]);
    expect(faults).toHaveLength(1);
    expect([...fetcher.problems()]).toEqual([faults[0]?.detail]);
  });
});

describe('a partition that is let go', () => {
  it('a partition that is let go has no end and no problem any more, and wakes the take that waits for it', async () => {
    const { fetcher, clock, asked } = fetcherOf([1, 2]);
    fetcher.follow([from(0), from(1)]);
    await clock.advance(0);
    await asked[0]?.answer();
    await asked[1]?.fail();
    expect(fetcher.ends()).toEqual([{ ...place(0), offset: 9n }]);
    expect([...fetcher.problems()]).toHaveLength(1);
    const limits = { maxRecords: 9, maxBytes: 1 << 20 };
    const taken = fetcher.take([place(0), place(1)], limits, new AbortController().signal);
    fetcher.unfollow([place(0), place(1)]);
    expect(await taken).toEqual([]);
    expect(fetcher.ends()).toEqual([]);
    expect([...fetcher.problems()]).toEqual([]);
  });
});
