import { randomUUID } from 'node:crypto';
import { Admin } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { services } from './context.ts';
import { type KafkaCluster, startKafkaCluster } from './kafka-cluster.ts';
import { kafkaTool } from './tools.ts';

const waiting = { timeout: 60_000, interval: 200 };

describe.skipIf(services().lacks('kafka'))('a cluster of private brokers, each behind a proxy', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafkaCluster({ brokers: 2, isProxied: true });
  }, 300_000);
  afterAll(() => cluster?.stop());

  /** A topic with a record in each partition: partition 0 on broker 1, and partition 1 on broker 2. */
  async function newTopic(): Promise<string> {
    const name = `cluster-${randomUUID()}`;
    await cluster.createTopics([{ name, replicas: [[1], [2]], configs: { 'retention.ms': '-1' } }]);
    return name;
  }

  it('puts the partitions of a topic where it is told, and says which broker leads each', async () => {
    const topic = await newTopic();
    await vi.waitFor(async () => expect(await cluster.leadersOf(topic)).toEqual([1, 2]), waiting);
    const { stdout } = await kafkaTool(cluster.address, 'TopicCommand', ['--describe', '--topic', topic]);
    expect(stdout).toContain('retention.ms=-1');
  });

  it('tells those who come through the proxies of the proxies alone, and the others of the brokers', async () => {
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
    await vi.waitFor(async () => expect(await cluster.leadersOf(topic)).toEqual([1, 2]), waiting);
    await kafkaTool(cluster.address, 'ConsoleProducer', ['--topic', topic], 'a\nb\nc\nd\n');
    const endsOf = async () => {
      const { stdout } = await kafkaTool(cluster.address, 'GetOffsetShell', ['--topic', topic]);
      return stdout.trim().split('\n').sort();
    };
    const ends = await endsOf();
    await cluster.killBroker(2);
    expect(cluster.isRunning(2)).toBe(false);
    await vi.waitFor(async () => expect(await cluster.leadersOf(topic)).toBeNull(), waiting);
    await cluster.startBroker(2);
    await vi.waitFor(async () => expect(await cluster.leadersOf(topic)).toEqual([1, 2]), waiting);
    expect(await endsOf()).toEqual(ends);
    expect(ends.reduce((sum, line) => sum + Number(line.split(':').at(-1)), 0)).toBe(4);
  });

  it('has no broker of another number', async () => {
    await expect(cluster.startBroker(3)).rejects.toThrow('The cluster has no broker 3.');
    await expect(cluster.freezeBroker(3)).rejects.toThrow('Broker 3 does not run.');
  });
});
