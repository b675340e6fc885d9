import { randomUUID } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { Code } from './codes.ts';
import type { ActiveRule } from './script.ts';
import { inWorld, values, type World } from './world.ts';

vi.setConfig({ maxConcurrency: 4, testTimeout: 90_000 });

/** The leader of this partition does not tell its range this many times. */
function withoutRange(world: World, partition: number, times: number): ActiveRule {
  return world.script.add({
    api: 'ListOffsets',
    on: world.place(partition),
    times,
    does: { kind: 'error', at: 'partition', code: Code.LEADER_NOT_AVAILABLE },
  });
}

describe('a partition whose range is not known when it is assigned', () => {
  it('waits by name in the health, and is read once its range is known', () =>
    inWorld({ partitions: 3 }, async (world) => {
      const rule = withoutRange(world, 1, 6);
      const reader = await world.reader().start();
      await world.until(() => reader.held.size === 3, 'all partitions are held');
      expect(rule.hits).toBe(6);
      expect([...reader.reasons].join('\n')).toContain('orders/1 has no range yet');
      for (const place of world.places) world.cluster.write(place, values(0, 2));
      await world.allRead();
      await world.until(() => reader.consumer.health().ok, 'the member is well');
    }));

  it('never reaches the listener if the member loses it before', () =>
    inWorld({ partitions: 3 }, async (world) => {
      const rule = withoutRange(world, 1, Number.POSITIVE_INFINITY);
      const reader = await world.reader().start();
      await world.until(() => rule.hits > 1 && reader.held.size === 2, 'the others are held');
      await reader.close();
      expect(reader.told.filter(([, ...partitions]) => partitions.includes('orders/1'))).toEqual([]);
      expect(reader.kinds).toContain('revoked');
    }));
});

describe('a member with a store', () => {
  it('names its store to the group when it begins to follow, before it has read anything', () =>
    inWorld({ partitions: 2 }, async (world) => {
      const store = randomUUID();
      const reader = await world.reader({ store }).start();
      await world.until(() => reader.held.size === 2, 'all partitions are held');
      const named = () =>
        world.places.map(
          ({ topic, partition }) =>
            world.cluster.group(world.group).committed.get(topic)?.get(partition)?.metadata,
        );
      await world.until(
        () => named().every((metadata) => metadata === `tributary-store=${store}`),
        'the store is named',
      );
    }));
});

describe('a topic that was made anew', () => {
  it('goes on as the topic that it is now once somebody follows it', () =>
    inWorld({ partitions: 1 }, async (world) => {
      const { cluster, topic } = world;
      const [place] = world.places as [ReturnType<World['place']>];
      cluster.write(place, values(0, 3));
      const reader = await world.onlyReader();
      await world.allRead();
      cluster.deleteTopic(topic);
      cluster.createTopic(topic, 1);
      cluster.write(place, values(10, 2));
      await world.until(() => reader.faults.length > 0, 'the partition is halted');
      expect(reader.faults[0]).toMatchObject({ kind: 'topic_recreated' });
      reader.consumer.follow([{ ...place, offset: 0n, leaderEpoch: -1 }]);
      const limits = { maxRecords: 10, maxBytes: 1 << 20 };
      const taken = await reader.consumer.take([place], limits, AbortSignal.timeout(20_000));
      expect(taken.flatMap(({ records }) => records.map(({ value }) => String(value)))).toEqual(
        values(10, 2),
      );
      reader.faults.length = 0;
    }));
});
