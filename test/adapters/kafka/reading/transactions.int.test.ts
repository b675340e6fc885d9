import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EventLog, FetchedRecords } from '../../../../src/ports/event-log.ts';
import { UNKNOWN_LEADER_EPOCH } from '../../../../src/ports/event-log.ts';
import { TransactionalProducer } from '../../../checks/aborted/transactional-producer.ts';
import { checkFetched, eventually, TestMember, valueText } from '../../../contract/event-log-harness.ts';
import { services } from '../../../services/context.ts';
import { openTestLog, TopicOperator } from '../harness.ts';

const timeoutMs = 30_000;
const partition = 0;
const limits = { maxRecords: 10_000, maxBytes: 64 << 20 };

describe.skipIf(services().lacks('kafka'))('records of transactions', () => {
  let log: EventLog;
  let operator: TopicOperator;
  let topic: string;
  const producers: TransactionalProducer[] = [];
  const members: TestMember[] = [];

  beforeAll(() => {
    ({ log } = openTestLog(services().kafka.brokers));
    operator = new TopicOperator(services().kafka.brokers);
  });
  afterEach(async () => {
    await Promise.all(members.splice(0).map((member) => member.consumer.close()));
    await Promise.all(producers.splice(0).map((producer) => producer.close()));
  });
  afterAll(async () => {
    await log.close();
    await operator.close();
  });

  function open(compression?: 'gzip' | 'snappy' | 'lz4' | 'zstd'): TransactionalProducer {
    const producer = new TransactionalProducer(services().kafka.brokers, `tx-${randomUUID()}`, compression);
    producers.push(producer);
    return producer;
  }

  async function newTopic(): Promise<void> {
    topic = `transactions-${randomUUID()}`;
    await log.createTopics([{ topic, partitions: 1 }]);
  }

  function send(producer: TransactionalProducer, values: readonly string[]): Promise<void> {
    const key = Buffer.from('k');
    return producer.send(values.map((value) => ({ topic, partition, key, value: Buffer.from(value) })));
  }

  async function transact(
    producer: TransactionalProducer,
    values: readonly string[],
    end: 'commit' | 'abort',
  ): Promise<void> {
    await producer.begin();
    await send(producer, values);
    await producer[end]();
  }

  async function sendPlain(values: readonly string[]): Promise<void> {
    const producer = log.producer();
    const value = (text: string) => Buffer.from(text);
    await producer.append(
      values.map((text) => ({ topic, key: value('k'), value: value(text), headers: [] })),
    );
    await producer.close();
  }

  /** The end of the log once every transaction is decided. Kafka answers before it has written the last marker. */
  async function endOffset(): Promise<bigint> {
    let end = -1n;
    const isDecided = async () => {
      const [description] = await log.describe([topic]);
      end = description?.partitions[0]?.endOffset ?? -1n;
      return end === (await operator.lastOffset({ topic, partition }));
    };
    await eventually(isDecided, timeoutMs, () => 'every transaction is decided');
    return end;
  }

  async function memberFrom(offset: bigint, options = {}): Promise<TestMember> {
    const { log: own } = openTestLog(services().kafka.brokers, options);
    const consumer = own.consumer({
      group: `tx-${randomUUID()}`,
      topics: [topic],
      maxBufferedBytes: 8 << 20,
    });
    const member = new TestMember(consumer, timeoutMs, { startAt: () => offset });
    members.push(member);
    return (await member.start()).untilHolds(1);
  }

  /** Reads up to the log's end. */
  async function readToEnd(member: TestMember, from: bigint): Promise<FetchedRecords[]> {
    const end = await endOffset();
    const all: FetchedRecords[] = [];
    const signal = AbortSignal.timeout(timeoutMs);
    for (let next = from; next < end; ) {
      const taken = await member.consumer.take([{ topic, partition }], limits, signal);
      if (taken.length === 0) throw new Error(`Nothing more came at offset ${next} of ${end}.`);
      for (const fetched of taken) {
        checkFetched(fetched, next);
        next = fetched.nextOffset;
        all.push(fetched);
      }
    }
    return all;
  }

  const valuesOf = (all: readonly FetchedRecords[]) => all.flatMap(({ records }) => records.map(valueText));

  it('two aborted transactions of one producer in one fetch are left out, and its commits between and after are read', async () => {
    await newTopic();
    const producer = open();
    await transact(producer, ['aborted 1', 'aborted 2'], 'abort');
    await transact(producer, ['committed 1'], 'commit');
    await transact(producer, ['aborted 3'], 'abort');
    await transact(producer, ['aborted 4', 'aborted 5'], 'abort');
    await transact(producer, ['committed 2'], 'commit');
    const taken = await readToEnd(await memberFrom(0n), 0n);
    expect(valuesOf(taken)).toEqual(['committed 1', 'committed 2']);
  });

  it('a read without a group leaves out aborted records, and stops before an open transaction', async () => {
    await newTopic();
    const producer = open();
    await transact(producer, ['aborted 1', 'aborted 2'], 'abort');
    await transact(producer, ['committed 1'], 'commit');
    await transact(producer, ['aborted 3'], 'abort');
    const end = await endOffset();
    await producer.begin();
    await send(producer, ['open']);
    const found: string[] = [];
    let offset = 0n;
    for (;;) {
      const read = await log.readRecords({ topic, partition, offset, maxRecords: 1, maxBytes: 1 });
      if (read.kind !== 'read') throw new Error(read.kind);
      if (read.nextOffset === offset) break;
      found.push(...read.records.map(valueText));
      offset = read.nextOffset;
    }
    expect([found, offset]).toEqual([['committed 1'], end]);
    await producer.abort();
  });

  it('an aborted transaction that is larger than many fetches is left out', async () => {
    await newTopic();
    const producer = open();
    const large = (label: string) =>
      Array.from({ length: 20 }, (_, i) => `${label} ${i} ${'x'.repeat(1_000)}`);
    await sendPlain(['before']);
    await producer.begin();
    for (let batch = 0; batch < 15; batch++) {
      await send(producer, large(`aborted ${batch}`));
      await sendPlain([`plain ${batch}`]);
    }
    await producer.abort();
    await transact(producer, ['committed'], 'commit');
    const member = await memberFrom(0n, { fetchMaxBytes: 24_000 });
    const taken = await readToEnd(member, 0n);
    const plain = Array.from({ length: 15 }, (_, batch) => `plain ${batch}`);
    expect(valuesOf(taken)).toEqual(['before', ...plain, 'committed']);
  });

  it('the next offset moves past an aborted end of the log, with fetched records that are empty', async () => {
    await newTopic();
    const producer = open();
    await transact(producer, ['committed'], 'commit');
    const member = await memberFrom(0n);
    expect(valuesOf(await readToEnd(member, 0n))).toEqual(['committed']);
    const from = await endOffset();
    await transact(producer, ['aborted 1', 'aborted 2'], 'abort');
    await transact(producer, ['aborted 3'], 'abort');
    const tail = await readToEnd(member, from);
    expect(tail.length).toBeGreaterThan(0);
    expect(valuesOf(tail)).toEqual([]);
    expect(tail.at(-1)?.nextOffset).toBe(await endOffset());
    expect(await endOffset()).toBe(from + 5n);
  });

  it('no record of an open transaction is read, and none after its first record', async () => {
    await newTopic();
    const producer = open();
    await sendPlain(['before']);
    await producer.begin();
    await send(producer, ['committed']);
    await sendPlain(['plain']);
    const member = await memberFrom(0n);
    const signal = AbortSignal.timeout(timeoutMs);
    const first = await member.consumer.take([{ topic, partition }], limits, signal);
    expect(valuesOf(first)).toEqual(['before']);
    await producer.commit();
    expect(valuesOf(await readToEnd(member, 1n))).toEqual(['committed', 'plain']);
  });

  it('interleaved transactions are read correctly from any offset, also from the middle of an aborted one', async () => {
    await newTopic();
    const [red, green, blue] = [open(), open('lz4'), open('zstd')] as const;
    const expected: [offset: bigint, value: string][] = [];
    let next = 0n;
    const note = (values: readonly string[]): readonly string[] => {
      for (const value of values) {
        if (!value.startsWith('aborted')) expected.push([next, value]);
        next++;
      }
      return values;
    };
    const marker = () => {
      next++;
    };
    await red.begin();
    await green.begin();
    await blue.begin();
    await send(red, note(['aborted red 1', 'aborted red 2']));
    await send(green, note(['green 1']));
    await sendPlain([...note(['plain 1', 'plain 2'])]);
    await send(blue, note(['aborted blue 1']));
    await send(red, note(['aborted red 3']));
    await red.abort();
    marker();
    await red.begin();
    await send(red, note(['red 4']));
    await send(green, note(['green 2', 'green 3']));
    await green.commit();
    marker();
    await green.begin();
    await send(green, note(['aborted green 4']));
    await sendPlain([...note(['plain 3'])]);
    await send(blue, note(['aborted blue 2', 'aborted blue 3']));
    await blue.abort();
    marker();
    await red.commit();
    marker();
    await red.begin();
    await send(red, note(['aborted red 5']));
    await green.abort();
    marker();
    await red.abort();
    marker();
    expect(await endOffset()).toBe(next);

    const member = await memberFrom(0n);
    for (let from = 0n; from < next; from++) {
      member.consumer.follow([{ topic, partition, offset: from, leaderEpoch: UNKNOWN_LEADER_EPOCH }]);
      const records = (await readToEnd(member, from)).flatMap(({ records: some }) => some);
      expect(records.map((record) => [record.offset, valueText(record)])).toEqual(
        expected.filter(([offset]) => offset >= from),
      );
    }
  });

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'a transaction compressed by %s is read',
    async (compression) => {
      await newTopic();
      const values = Array.from({ length: 500 }, (_, i) => `value ${i} ${'again '.repeat(i % 50)}`);
      await transact(open(compression), values, 'commit');
      expect(valuesOf(await readToEnd(await memberFrom(0n), 0n))).toEqual(values);
    },
  );
});
