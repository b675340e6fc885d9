import { describe, expect, it } from 'vitest';
import type { Cluster } from '../../../../src/adapters/kafka/cluster/cluster.ts';
import type { KnownTopics } from '../../../../src/adapters/kafka/producing/known-topics.ts';
import { ShutOuts } from '../../../../src/adapters/kafka/producing/shut-out.ts';
import { SeededClock } from '../../../../src/adapters/seeded-clock.ts';

const PORTIONS = [
  {
    place: { topic: 'orders', partition: 0 },
    name: 'orders/0',
    records: [{ topic: 'orders', key: null, value: Buffer.from('{}'), headers: [] }],
  },
];

describe('shutting other producers out of a partition', () => {
  it('begins anew with the next append if no broker has proved it', async () => {
    const clock = new SeededClock({ seed: 1, time: 'immediately' });
    const cluster = { options: { clock, requestTimeoutMs: 1_000 }, askOthers() {} };
    const topics = { leaderOf: () => -1, refresh() {} };
    const family = { members: async () => ['7', '8'] };
    const shutOuts = new ShutOuts(
      cluster as unknown as Cluster,
      topics as unknown as KnownTopics,
      family as never,
    );
    const run = () => shutOuts.run(8n, PORTIONS as never, clock.monotonicMs() + 500);
    for (let append = 0; append < 2; append++)
      await expect(run()).rejects.toMatchObject({ code: 'log_append_failed' });
  });
});
