import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Admin } from '@platformatic/kafka';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { partitionOfKey } from '../../../src/adapters/kafka/producing/partitioner.ts';
import type { EventLog, LogRecord } from '../../../src/ports/event-log.ts';
import { eventually, newRecord, plain, TestMember, valueText } from '../../contract/event-log-harness.ts';
import { services } from '../../services/context.ts';
import { type KafkaCluster, type NewTopic, startKafkaCluster } from '../../services/kafka-cluster.ts';
import { openTestLog } from './harness.ts';

const timeoutMs = 60_000;

describe.skipIf(services().lacks('kafka'))('three brokers, one of which fails', () => {
  let cluster: KafkaCluster;
  let log: EventLog;
  /** Has a partition on each broker, and no copies. */
  let probe: string;
  const members: TestMember[] = [];

  beforeAll(async () => {
    cluster = await startKafkaCluster({ brokers: 3 });
    // The group's coordinator is a broker too, and may be the one that fails.
    ({ log } = openTestLog(cluster.brokers, { sessionTimeoutMs: 20_000 }));
    probe = await newTopic([[1], [2], [3]]);
  }, 300_000);
  afterEach(async () => {
    // All three brokers lead again before the next test.
    for (const nodeId of cluster.nodeIds) {
      if (cluster.isRunning(nodeId)) await cluster.thawBroker(nodeId);
      else await cluster.startBroker(nodeId);
    }
    await Promise.all(members.splice(0).map((member) => member.consumer.close()));
    const isBack = async () => (await log.describe([probe]))[0]?.partitions.length === 3;
    await eventually(isBack, timeoutMs, () => 'all three brokers lead');
  }, 120_000);
  afterAll(async () => {
    await log?.close();
    await cluster?.stop();
  });

  /** A topic whose partition p has its replicas on these brokers, the first of which leads. */
  async function newTopic(
    replicas: NewTopic['replicas'],
    configs: NewTopic['configs'] = {},
  ): Promise<string> {
    const topic = `faults-${randomUUID()}`;
    await cluster.createTopics([{ name: topic, replicas, configs }]);
    return topic;
  }

  function newMember(topic: string, group = topic): TestMember {
    const consumer = log.consumer({ group, topics: [topic], maxBufferedBytes: 1 << 20 });
    const member = new TestMember(consumer, timeoutMs);
    members.push(member);
    return member;
  }

  const append = async (topic: string, key: string, values: readonly string[]): Promise<void> => {
    const producer = log.producer();
    for (const value of values) await producer.append([newRecord(topic, key, value)]);
    await producer.close();
  };

  /** Reads `count` records of partition 0. Resolves with them, and with the leader epoch of the last one. */
  async function readWithEpoch(
    member: TestMember,
    topic: string,
    count: number,
  ): Promise<{ records: LogRecord[]; nextOffset: bigint; leaderEpoch: number }> {
    const records: LogRecord[] = [];
    let nextOffset = 0n;
    let leaderEpoch = -1;
    const signal = AbortSignal.timeout(timeoutMs);
    while (records.length < count && !signal.aborted) {
      await pause(20);
      const limits = { maxRecords: 100, maxBytes: 1 << 20 };
      for (const fetched of await member.consumer.take([{ topic, partition: 0 }], limits, signal)) {
        records.push(...fetched.records);
        ({ nextOffset, leaderEpoch } = fetched);
      }
    }
    expect(records).toHaveLength(count);
    return { records, nextOffset, leaderEpoch };
  }

  const rangeOf = async (topic: string) => (await log.describe([topic]))[0]?.partitions[0];

  describe('where the election of a leader loses records', () => {
    /** Only broker 1 has the records from offset 3 on. Then it is killed, and another broker leads without them. */
    async function loseRecords(topic: string, whileAlone: () => Promise<void>): Promise<void> {
      await cluster.freezeBroker(2);
      await cluster.freezeBroker(3);
      const alone = new Admin({ clientId: 'tests', bootstrapBrokers: [cluster.listensAt(1)] });
      const isAlone = async () => {
        const { topics } = await alone.metadata({ topics: [topic], forceUpdate: true });
        return topics.get(topic)?.partitions[0]?.isr.join() === '1';
      };
      await eventually(isAlone, timeoutMs, () => 'broker 1 alone in sync').finally(() => alone.close());
      await whileAlone();
      await cluster.killBroker(1);
      await cluster.thawBroker(2);
      await cluster.thawBroker(3);
      const hasLost = async () => (await rangeOf(topic))?.endOffset === 3n;
      await eventually(hasLost, timeoutMs, () => 'a leader with the first three records alone');
    }

    const unclean = { 'unclean.leader.election.enable': 'true', 'min.insync.replicas': '1' };

    it('a reader that follows anew where the log has other records by now halts', async () => {
      const topic = await newTopic([[1, 2, 3]], unclean);
      const member = await newMember(topic).start();
      await member.untilHolds(1);
      await append(topic, 'k', ['kept 0', 'kept 1', 'kept 2']);
      const before = await readWithEpoch(member, topic, 3);
      await loseRecords(topic, async () => {
        await append(topic, 'k', ['lost 3', 'lost 4']);
        const read = await readWithEpoch(member, topic, 2);
        expect(read.records.map(valueText)).toEqual(['lost 3', 'lost 4']);
        expect(read.leaderEpoch).toBeGreaterThanOrEqual(before.leaderEpoch);
        Object.assign(before, read);
        // Nothing is fetched until the log is as long as it was.
        member.consumer.unfollow([{ topic, partition: 0 }]);
      });
      await append(topic, 'k', ['other 3', 'other 4', 'other 5']);

      const { nextOffset: offset, leaderEpoch } = before;
      expect(offset).toBe(5n);
      member.consumer.follow([{ topic, partition: 0, offset, leaderEpoch }]);
      await member.untilFaults(1);
      expect(member.faults).toMatchObject([
        {
          kind: 'log_diverged',
          topic,
          partition: 0,
          offset: 5n,
          detail: expect.stringMatching(/same only up to offset 2 .*from offset 3 to 4 are gone/),
        },
      ]);
      // An operator decides to read from the offset at which the logs differ.
      member.consumer.follow([{ topic, partition: 0, offset: 3n, leaderEpoch: -1 }]);
      const after = await readWithEpoch(member, topic, 3);
      expect(after.records.map(valueText)).toEqual(['other 3', 'other 4', 'other 5']);
      expect(after.leaderEpoch).toBeGreaterThan(leaderEpoch);
    }, 240_000);

    it('a reader that never stopped following halts at the leader change', async () => {
      const topic = await newTopic([[1, 2, 3]], unclean);
      const member = await newMember(topic).start();
      await member.untilHolds(1);
      await append(topic, 'k', ['kept 0', 'kept 1', 'kept 2']);
      await readWithEpoch(member, topic, 3);
      await loseRecords(topic, async () => {
        await append(topic, 'k', ['lost 3', 'lost 4']);
        await readWithEpoch(member, topic, 2);
      });
      await append(topic, 'k', ['other 3', 'other 4', 'other 5', 'other 6']);
      await member.untilFaults(1);
      expect(member.faults).toMatchObject([{ kind: 'log_diverged', offset: 5n }]);
      expect(member.consumer.health()).toMatchObject({ ok: false });
    }, 240_000);
  });

  it('partitions with a leader are read while one has none, which is named, and read once it has one', async () => {
    const topic = await newTopic([[1], [2], [3]]);
    const keys = keysByPartition(3);
    await cluster.killBroker(2);
    const member = await newMember(topic).start();
    await member.untilHolds(2);
    expect(member.holds()).toEqual([`${topic}/0`, `${topic}/2`]);
    const namesIt = () => JSON.stringify(member.consumer.health()).includes(`${topic}/1`);
    await eventually(namesIt, timeoutMs, () => `the health names ${topic}/1`);
    expect((await log.describe([topic]))[0]).toMatchObject({
      partitionCount: 3,
      partitions: [{ partition: 0 }, { partition: 2 }],
    });
    expect(await log.partitionCounts([topic])).toEqual(new Map([[topic, 3]]));

    const producer = log.producer();
    // This append waits for its leader, and does not delay the others.
    const waiting = producer.append([newRecord(topic, keys[1] as string, 'late')]);
    const startedAtMs = performance.now();
    await producer.append([
      newRecord(topic, keys[0] as string, 'a'),
      newRecord(topic, keys[2] as string, 'c'),
    ]);
    expect(performance.now() - startedAtMs).toBeLessThan(15_000);
    const held = [...member.held.values()].map(plain);
    expect((await member.read(held, 2)).map(valueText).sort()).toEqual(['a', 'c']);

    await cluster.startBroker(2);
    await member.untilHolds(3);
    await waiting.catch(async () => producer.append([newRecord(topic, keys[1] as string, 'late')]));
    expect((await member.read([{ topic, partition: 1 }], 1)).map(valueText)).toEqual(['late']);
    await eventually(
      () => member.consumer.health().ok,
      timeoutMs,
      () => 'all is well again',
    );
  }, 240_000);

  it('the partitions of the other brokers are read while one broker is frozen', async () => {
    const topic = await newTopic([[1], [2], [3]]);
    const keys = keysByPartition(3);
    const member = await newMember(topic).start();
    await member.untilHolds(3);
    const held = [...member.held.values()].map(plain);
    await cluster.freezeBroker(3);
    try {
      const producer = log.producer();
      for (let round = 0; round < 10; round++) {
        const startedAtMs = performance.now();
        await producer.append([
          newRecord(topic, keys[0] as string, 'a'),
          newRecord(topic, keys[1] as string, 'b'),
        ]);
        expect(await member.read(held, 2)).toHaveLength(2);
        expect(performance.now() - startedAtMs).toBeLessThan(5_000);
        await pause(500);
      }
      const namesIt = () => JSON.stringify(member.consumer.health()).includes(`${topic}/2`);
      await eventually(namesIt, 20_000, () => `the health names ${topic}/2`);
    } finally {
      await cluster.thawBroker(3);
    }
    await eventually(
      () => member.consumer.health().ok,
      timeoutMs,
      () => 'all is well again',
    );
  }, 240_000);
});

/** A key for each partition. */
function keysByPartition(count: number): string[] {
  const keys: string[] = [];
  for (let key = 0; keys.filter(Boolean).length < count; key++) {
    keys[partitionOfKey(Buffer.from(`${key}`), count)] ??= `${key}`;
  }
  return keys;
}
