import { describe, expect, it } from 'vitest';
import { inWorld } from './world.ts';

describe('partitions that several brokers lead', () => {
  it('describe lists them by their numbers', () =>
    inWorld({ nodeIds: [1, 2, 3], partitions: 7 }, async ({ log, topic }) => {
      const [description] = await log.describe([topic]);
      expect(description?.partitions.map(({ partition }) => partition)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    }));

  it('a broker with records is asked where memory is left for one fetch, while another broker has none', () =>
    inWorld({ nodeIds: [1, 2, 3], partitions: 3 }, async (world) => {
      const { cluster } = world;
      const consumer = world.log.consumer({ group: 'g', topics: [world.topic], maxBufferedBytes: 3_000 });
      const ends = () => consumer.ends().map(({ partition, offset }) => `${partition}@${offset}`);
      await consumer.start({
        assigned: async (partitions) =>
          consumer.follow(partitions.map((each) => ({ ...each, offset: 0n, leaderEpoch: -1 }))),
        revoked: async () => {},
        lost: async () => {},
        halted: async () => {},
      });
      await world.until(() => ends().length === 3, 'every broker has answered');
      for (const place of world.places) cluster.write(place, ['a']);
      await world.until(() => ends().every((end) => end.endsWith('@1')), 'every broker has answered again');
    }));
});
