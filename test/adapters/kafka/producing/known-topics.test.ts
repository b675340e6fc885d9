import { describe, expect, it } from 'vitest';
import type { Cluster, TopicMetadata } from '../../../../src/adapters/kafka/cluster/cluster.ts';
import { KnownTopics } from '../../../../src/adapters/kafka/producing/known-topics.ts';
import { SeededClock } from '../../../../src/adapters/seeded-clock.ts';

/** A cluster with these topics, each of two partitions that the broker leads. */
function clusterWith(leader: number, ...names: string[]) {
  const clock = new SeededClock({ seed: 1, time: 'immediately' });
  const place = { names: new Set(names), leader, asked: [] as string[][], clock };
  const cluster = {
    options: { clock, metadataRefreshMs: 1_000, logger: () => {} },
    async topics(asked: readonly string[]) {
      place.asked.push([...asked]);
      const found = asked.filter((name) => place.names.has(name));
      const partitions = [{ leader: place.leader }, { leader: place.leader }];
      return new Map(found.map((name) => [name, { partitions } as unknown as TopicMetadata]));
    },
  };
  return { ...place, place, topics: new KnownTopics(cluster as unknown as Cluster) };
}

const DEADLINE_MS = 60_000;

describe('the topics that a producer knows', () => {
  it('leave out a topic that is gone, so that an append to it is refused and not tried', async () => {
    const { topics, place } = clusterWith(1, 'orders', 'payments');
    await topics.learn(new Set(['orders', 'payments']), DEADLINE_MS);
    expect(await topics.isGone('orders')).toBe(false);
    place.names.delete('orders');
    expect(await topics.isGone('orders')).toBe(true);
    expect(topics.leaderOf({ topic: 'orders', partition: 0 })).toBe(-1);
    expect(topics.leaderOf({ topic: 'payments', partition: 0 })).toBe(1);
    await expect(topics.learn(new Set(['orders']), DEADLINE_MS)).rejects.toMatchObject({
      code: 'topic_missing',
    });
    place.names.add('orders');
    await topics.learn(new Set(['orders']), DEADLINE_MS);
    expect(topics.partitionsOf('orders')).toBe(2);
  });

  it('come from one question, and from another one for new leaders when they are old', async () => {
    const { topics, place, clock, asked } = clusterWith(1, 'orders');
    await topics.learn(new Set(['orders']), DEADLINE_MS);
    place.leader = 2;
    topics.refresh();
    topics.refresh();
    await expect.poll(() => topics.leaderOf({ topic: 'orders', partition: 1 })).toBe(2);
    await topics.learn(new Set(['orders']), DEADLINE_MS);
    expect(asked).toEqual([['orders'], ['orders']]);
    await clock.sleep(1_001);
    await topics.learn(new Set(['orders']), DEADLINE_MS);
    expect(asked).toHaveLength(3);
  });
});
