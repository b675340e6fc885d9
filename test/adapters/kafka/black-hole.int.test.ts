import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventLog } from '../../../src/ports/event-log.ts';
import {
  eventually,
  newRecord,
  type ReadRecord,
  readRecordOf,
  TestMember,
  valueText,
} from '../../contract/event-log-harness.ts';
import { services } from '../../services/context.ts';
import { type KafkaCluster, startKafkaCluster } from '../../services/kafka-cluster.ts';
import type { TcpProxy } from '../../services/tcp-proxy.ts';
import { openTestLog } from './harness.ts';

const timeoutMs = 60_000;

describe.skipIf(services().lacks('kafka'))('a broker that no packet reaches, without a reset', () => {
  let proxy: TcpProxy;
  let cluster: KafkaCluster;
  let log: EventLog;

  beforeAll(async () => {
    cluster = await startKafkaCluster({
      brokers: 1,
      isProxied: true,
    });
    [proxy] = cluster.proxies as [TcpProxy];
    // These are the times that the programs use.
    ({ log } = openTestLog([proxy.address], {
      sessionTimeoutMs: 10_000,
      heartbeatIntervalMs: 2_000,
      rebalanceTimeoutMs: 30_000,
      metadataRefreshMs: 30_000,
      fetchMaxWaitMs: 250,
    }));
  }, 300_000);
  afterAll(async () => {
    await log?.close();
    await cluster?.stop();
  });

  it('a member reports lost packets within 15 s, and reads and appends within 30 s after packets pass again', async () => {
    const topic = `hole-${randomUUID()}`;
    await log.createTopics([{ topic, partitions: 2 }]);
    const consumer = log.consumer({ group: topic, topics: [topic], maxBufferedBytes: 1 << 20 });
    const member = await new TestMember(consumer, timeoutMs).start();
    await member.untilHolds(2);
    const producer = log.producer();
    await producer.append([newRecord(topic, 'k', 'before')]);
    await readUntil(member, topic, 'before');
    expect(consumer.health()).toEqual({ ok: true });

    proxy.swallow();
    const swallowedAtMs = performance.now();
    const during = producer.append([newRecord(topic, 'k', 'during')]).catch((error: unknown) => error);
    await eventually(
      () => !consumer.health().ok,
      timeoutMs,
      () => 'the member says that something is wrong',
    );
    const noticedAfterMs = performance.now() - swallowedAtMs;
    // Waits until the session has ended and the member tries to join again.
    await pause(Math.max(0, 25_000 - noticedAfterMs));
    expect(consumer.health()).toMatchObject({ ok: false });

    proxy.heal({ isReset: true });
    const passedAtMs = performance.now();
    // The append during the outage may be in the log or not. The next one is.
    await during;
    await producer.append([newRecord(topic, 'k', 'after')]);
    const appendedAfterMs = performance.now() - passedAtMs;
    const read = await readUntil(member, topic, 'after');
    await eventually(
      () => consumer.health().ok,
      timeoutMs,
      () => 'the member is well again',
    );
    const recoveredAfterMs = performance.now() - passedAtMs;
    expect(read.filter((record) => valueText(record) === 'after')).toHaveLength(1);
    console.error(JSON.stringify({ noticedAfterMs, appendedAfterMs, recoveredAfterMs }));
    expect(noticedAfterMs).toBeLessThan(15_000);
    expect(recoveredAfterMs).toBeLessThan(30_000);
  }, 240_000);

  /** Reads until this record comes. Meanwhile the member may lose its partitions and get them again. */
  async function readUntil(member: TestMember, topic: string, last: string): Promise<ReadRecord[]> {
    const records: ReadRecord[] = [];
    const signal = AbortSignal.timeout(timeoutMs);
    const partitions = [0, 1].map((partition) => ({ topic, partition }));
    while (!records.some((record) => valueText(record) === last)) {
      await pause(20);
      const limits = { maxRecords: 100, maxBytes: 1 << 20 };
      for (const fetched of await member.consumer.take(partitions, limits, signal)) {
        for (const record of fetched.records) records.push(readRecordOf(fetched, record));
      }
      if (signal.aborted) throw new Error(`"${last}" was not read within ${timeoutMs} ms.`);
    }
    return records;
  }
});
