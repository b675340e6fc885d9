import { randomUUID } from 'node:crypto';
import { Admin } from '@platformatic/kafka';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EventLog, Peek } from '../../../../src/ports/event-log.ts';
import { TransactionalProducer } from '../../../checks/aborted/transactional-producer.ts';
import { eventually, newRecord } from '../../../contract/event-log-harness.ts';
import { services } from '../../../services/context.ts';
import { openTestLog } from '../harness.ts';

const timeoutMs = 20_000;

describe.skipIf(services().lacks('kafka'))('the look at partitions of a real Kafka', () => {
  let log: EventLog;
  const producers: TransactionalProducer[] = [];

  beforeAll(() => {
    ({ log } = openTestLog(services().kafka.brokers));
  });
  afterEach(async () => {
    await Promise.all(producers.splice(0).map((producer) => producer.close()));
  });
  afterAll(() => log.close());

  async function newTopic(): Promise<string> {
    const topic = `peek-${randomUUID()}`;
    await log.createTopics([{ topic, partitions: 1 }]);
    return topic;
  }

  function open(name: string): TransactionalProducer {
    const producer = new TransactionalProducer(services().kafka.brokers, name);
    producers.push(producer);
    return producer;
  }

  const send = (producer: TransactionalProducer, topic: string, count: number) =>
    producer.send(
      Array.from({ length: count }, () => ({
        topic,
        partition: 0,
        key: Buffer.from('k'),
        value: Buffer.from('v'),
      })),
    );

  const peekAt = async (topic: string, offset: bigint): Promise<Extract<Peek, { kind: 'peeked' }>> => {
    const [peek] = await log.peek([{ topic, partition: 0, offset }]);
    if (peek?.kind !== 'peeked') throw new Error(`The look found ${peek?.kind}: ${peek?.problem}.`);
    return peek;
  };

  it('counts the records behind an open transaction, and names it by its transactional id', async () => {
    const topic = await newTopic();
    const own = log.producer();
    await own.append([newRecord(topic, 'k', 'before')]);
    const name = `peek-tx-${randomUUID()}`;
    const producer = open(name);
    await producer.begin();
    const begunMs = Date.now();
    await send(producer, topic, 2);
    await own.append([newRecord(topic, 'k', 'behind')]);
    await own.close();

    const peek = await peekAt(topic, 1n);
    expect(peek).toMatchObject({
      endOffset: 1n,
      highWatermark: 4n,
      first: { kind: 'none' },
      openTransaction: { transactionalId: name, first: { timestampType: 'create' } },
    });
    expect(Math.abs((peek.openTransaction?.first?.timestampMs ?? 0) - begunMs)).toBeLessThan(2_000);
    expect((await peekAt(topic, 0n)).first).toMatchObject({ kind: 'record', offset: 0n });

    await producer.commit();
    await eventually(
      async () => (await peekAt(topic, 1n)).openTransaction === null,
      timeoutMs,
      () => 'the transaction is decided',
    );
    expect(await peekAt(topic, 1n)).toMatchObject({ endOffset: 5n, first: { kind: 'record', offset: 1n } });
  });

  it('finds nothing where only aborted transactions follow', async () => {
    const topic = await newTopic();
    const producer = open(`peek-tx-${randomUUID()}`);
    await producer.begin();
    await send(producer, topic, 3);
    await producer.abort();
    await eventually(
      async () => (await peekAt(topic, 0n)).endOffset === 4n,
      timeoutMs,
      () => 'the abort is written',
    );
    expect(await peekAt(topic, 0n)).toMatchObject({ highWatermark: 4n, first: { kind: 'none' } });
  });

  it("says that the times are the broker's where the topic has that kind of time", async () => {
    const topic = `peek-${randomUUID()}`;
    const admin = new Admin({ clientId: 'tests', bootstrapBrokers: [...services().kafka.brokers] });
    await admin.createTopics({
      topics: [topic],
      partitions: 1,
      replicas: 1,
      configs: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
    });
    await admin.close();
    const own = log.producer();
    await own.append([newRecord(topic, 'k', 'a')]);
    await own.close();
    const { first } = await peekAt(topic, 0n);
    expect(first).toMatchObject({ kind: 'record', timestampType: 'log_append' });
    expect(first.kind === 'record' && Math.abs(first.timestampMs - Date.now())).toBeLessThan(2_000);
  });
});
