import { randomUUID } from 'node:crypto';
import { Admin } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { endOffsets, Publisher } from '../checks/lib/kafka-client.ts';
import { services } from './context.ts';
import { type KafkaCluster, startKafkaCluster } from './kafka-cluster.ts';

const waiting = { timeout: 60_000, interval: 200 };

describe.skipIf(services().lacks('kafka'))('a cluster of private brokers, each behind a proxy', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafkaCluster({ brokers: 2, isProxied: true });
  }, 300_000);
  afterAll(() => cluster?.stop());

  /** Creates a topic with partition 0 on broker 1 and partition 1 on broker 2. */
  async function newTopic(): Promise<string> {
    const name = `cluster-${randomUUID()}`;
    await cluster.createTopics([{ name, replicas: [[1], [2]], configs: { 'max.message.bytes': '1000' } }]);
    await vi.waitFor(async () => expect(await cluster.leadersOf(name)).toEqual([1, 2]), waiting);
    return name;
  }

  async function append(topic: string, bytes: number): Promise<void> {
    const writer = new Publisher(cluster.brokers, new Map([[topic, 2]]));
    const key = Buffer.from('k');
    await writer
      .publish([{ topic, key, value: Buffer.alloc(bytes), headers: [] }])
      .finally(() => writer.close());
  }

  it('creates a topic with the given leaders and settings', async () => {
    const topic = await newTopic();
    await append(topic, 100);
    await expect(append(topic, 2_000)).rejects.toThrow();
  });

  it('gives clients behind a proxy only addresses of proxies, and other clients those of the brokers', async () => {
    const told = async (brokers: string[]) => {
      const admin = new Admin({ clientId: 'tests', bootstrapBrokers: brokers });
      try {
        const metadata = await admin.metadata({ topics: [] });
        return [...metadata.brokers.values()].map(({ host, port }) => `${host}:${port}`).sort();
      } finally {
        await admin.close();
      }
    };
    expect(cluster.proxied).toHaveLength(2);
    expect(await told([...cluster.proxied].slice(0, 1))).toEqual([...cluster.proxied].sort());
    expect(await told([...cluster.brokers].slice(0, 1))).toEqual([...cluster.brokers].sort());
    expect(cluster.proxies.some(({ accepted }) => accepted > 0)).toBe(true);
  });

  it('starts a killed broker again with the data that it had', async () => {
    const topic = await newTopic();
    const partitions = new Map([[topic, 2]]);
    await append(topic, 100);
    const ends = await endOffsets(cluster.brokers, partitions);
    expect([...ends.values()].sort()).toEqual([0n, 1n]);
    const nodeId = ends.get(`${topic}/0`) === 1n ? 1 : 2;
    await cluster.killBroker(nodeId);
    expect(cluster.isRunning(nodeId)).toBe(false);
    await vi.waitFor(async () => expect(await cluster.leadersOf(topic)).toBeNull(), waiting);
    await cluster.startBroker(nodeId);
    await vi.waitFor(async () => expect(await cluster.leadersOf(topic)).toEqual([1, 2]), waiting);
    expect(await endOffsets(cluster.brokers, partitions)).toEqual(ends);
  }, 240_000);

  it('refuses to start or freeze a broker that it does not have', async () => {
    await expect(cluster.startBroker(3)).rejects.toThrow('The cluster has no broker 3.');
    await expect(cluster.freezeBroker(3)).rejects.toThrow('Broker 3 does not run.');
  });
});
