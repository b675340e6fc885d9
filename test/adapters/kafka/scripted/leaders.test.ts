import { describe, expect, it, vi } from 'vitest';
import type { ResponseOf } from './messages.ts';
import { inWorld, values, type World } from './world.ts';

vi.setConfig({ maxConcurrency: 8, testTimeout: 90_000 });

/** Broker 1 goes on to name itself as the leader of partition 0, in the first epoch, whoever leads it. */
function keepMetadataOld({ script }: World): void {
  script.add({
    api: 'Metadata',
    nodeId: 1,
    times: Number.POSITIVE_INFINITY,
    does: {
      kind: 'change',
      change({ topics }) {
        for (const each of topics.flatMap(({ partitions }) => partitions))
          if (each.partition === 0) Object.assign(each, { leaderId: 1, leaderEpoch: 0, errorCode: 0 });
      },
    },
  });
}

describe('a partition whose leader moves', () => {
  it.concurrent('a reader goes on at the new leader, and tells for each record the epoch that appended it', () =>
    inWorld({ nodeIds: [1, 2, 3] }, async (world) => {
      const { cluster } = world;
      const first = world.place(0);
      const reader = await world.onlyReader();
      for (let round = 0; round < 5; round++) {
        cluster.write(first, values(2 * round, 1));
        cluster.electNext(first);
        cluster.write(first, values(2 * round + 1, 1));
        await world.allRead();
      }
      expect(reader.epochs).toEqual(
        new Map(
          Array.from({ length: 10 }, (_, offset) => [`orders/0@${offset}`, Math.floor((offset + 1) / 2)]),
        ),
      );
      expect(reader.faults).toEqual([]);
    }));

  it.concurrent('health names a partition without a leader, which is read once it has one', () =>
    inWorld({}, async (world) => {
      const { cluster } = world;
      const first = world.place(0);
      cluster.write(first, values(0, 2));
      const reader = await world.onlyReader();
      await world.allRead();
      cluster.elect(first, -1);
      await world.until(
        () => [...reader.reasons].some((reason) => reason.includes('has no leader')),
        'a reason',
      );
      cluster.write(world.place(1), values(0, 2));
      await world.allRead([world.place(1)]);
      cluster.elect(first, 2);
      cluster.write(first, values(2, 2));
      await world.allRead();
      await world.until(() => reader.consumer.health().ok, 'all is well again');
      expect(new Set(reader.kinds)).toEqual(new Set(['assigned']));
    }));

  it.concurrent('a reader goes on although the first broker knows only the old leader', () =>
    inWorld({}, async (world) => {
      const { cluster } = world;
      const first = world.place(0);
      cluster.write(first, values(0, 2));
      await world.onlyReader();
      await world.allRead();
      keepMetadataOld(world);
      cluster.elect(first, 2);
      cluster.write(first, values(2, 2));
      await world.allRead();
    }));

  it.concurrent('a producer goes on although the first broker knows only the old leader', () =>
    inWorld({}, async (world) => {
      const producer = world.log.producer();
      await producer.append([world.record('0', world.keyOf(0))]);
      keepMetadataOld(world);
      world.cluster.elect(world.place(0), 2);
      await producer.append([world.record('1', world.keyOf(0))]);
      expect(world.committed(world.place(0)).map(({ value }) => value)).toEqual(['0', '1']);
    }));

  it.concurrent('a member gets its partitions although the first broker knows only the old leader', () =>
    inWorld({}, async (world) => {
      const { cluster } = world;
      keepMetadataOld(world);
      cluster.elect(world.place(0), 2);
      cluster.write(world.place(0), values(0, 2));
      await world.onlyReader();
      await world.allRead();
    }));

  it.concurrent('a producer shuts out another one although the first broker knows only the old leader', () =>
    inWorld({}, async (world) => {
      const family = { join: async () => {}, members: async () => ['77'], leave: async () => {} };
      const producer = world.log.producer({ family });
      await producer.append([world.record('0', world.keyOf(0))]);
      keepMetadataOld(world);
      world.cluster.elect(world.place(0), 2);
      await producer.append([world.record('1', world.keyOf(0))], { shutsOut: true });
      expect(new Set(world.committed(world.place(0)).map(({ value }) => value))).toEqual(new Set(['0', '1']));
    }));

  it.concurrent('a reader goes on when the old leader no longer listens', () =>
    inWorld({}, async (world) => {
      const { cluster } = world;
      const first = world.place(0);
      cluster.moveCoordinator(world.group, 2);
      cluster.write(first, values(0, 2));
      const reader = await world.onlyReader();
      await world.allRead();
      await cluster.stopBroker(1);
      cluster.elect(first, 2);
      cluster.write(first, values(2, 2));
      await world.allRead();
      expect(reader.kinds).not.toContain('lost');
    }));
});

describe('a log that has lost records', () => {
  /** The reader has read up to offset 4. Then the log goes on at offset 2, under a new leader. */
  async function lose(world: World): Promise<void> {
    const { cluster } = world;
    const first = world.place(0);
    cluster.write(first, values(0, 2));
    cluster.elect(first, 1);
    cluster.write(first, values(2, 2));
    await world.until(() => world.isRead(first), 'four records read');
    world.cluster.log(first).truncate(2n);
    cluster.elect(first, 2);
  }

  it.concurrent('a partition halts that has other records at the offsets that were read', () =>
    inWorld({}, async (world) => {
      const reader = await world.onlyReader();
      await lose(world);
      world.cluster.write(world.place(0), values(12, 5));
      await world.until(() => reader.faults.length > 0, 'a fault');
      expect(reader.faults).toMatchObject([
        {
          ...world.place(0),
          kind: 'log_diverged',
          offset: 4n,
          detail: expect.stringMatching(
            /up to offset 3 under the leader epoch 1.*same only up to offset 1 \(leader epoch 0\)/,
          ),
        },
      ]);
      expect(world.journal(world.place(0))).toEqual(values(0, 4));
    }));

  it.concurrent('a partition halts that is shorter than what was read', () =>
    inWorld({}, async (world) => {
      const reader = await world.onlyReader();
      await lose(world);
      await world.until(() => reader.faults.length > 0, 'a fault');
      expect(reader.faults).toMatchObject([{ kind: 'log_diverged', offset: 4n }]);
    }));

  it.concurrent('a partition halts again that is followed anew with the epoch of what was read', () =>
    inWorld({}, async (world) => {
      const reader = await world.onlyReader();
      await lose(world);
      await world.until(() => reader.faults.length === 1, 'a fault');
      world.cluster.write(world.place(0), values(12, 5));
      reader.follow(world.place(0), 4n, 1);
      await world.until(() => reader.faults.length === 2, 'a second fault');
      expect(reader.faults[1]).toMatchObject({ kind: 'log_diverged', offset: 4n });
    }));
});

describe('a topic that is deleted', () => {
  it.concurrent('its partitions halt once it is made anew, and wait until then', () =>
    inWorld({}, async (world) => {
      const { cluster, topic } = world;
      for (const place of world.places) cluster.write(place, values(0, 2));
      const reader = await world.onlyReader();
      await world.allRead();
      const before = cluster.topics.get(topic)?.topicId;
      cluster.deleteTopic(topic);
      await world.until(() => !reader.consumer.health().ok, 'a reason');
      expect(reader.faults).toEqual([]);
      const after = cluster.createTopic(topic, 2).topicId;
      for (const place of world.places) cluster.write(place, values(10, 5));
      await world.until(() => reader.faults.length === 2, 'two faults');
      for (const fault of reader.faults)
        expect(fault).toMatchObject({
          kind: 'topic_recreated',
          offset: 2n,
          detail: expect.stringContaining(after),
        });
      expect(reader.faults[0]?.detail).toContain(before);
      expect(world.journal(world.place(0))).toEqual(values(0, 2));
    }));
});

describe('an answer to a fetch', () => {
  type Change = (response: ResponseOf<'Fetch'>) => void;

  async function readThrough(world: World, times: number, change: Change): Promise<void> {
    const { cluster, script } = world;
    const rule = script.add({ api: 'Fetch', times, does: { kind: 'change', change } });
    for (const place of world.places) cluster.write(place, values(0, 3));
    const reader = await world.onlyReader();
    await world.until(() => rule.hits >= times, 'the changed answers');
    for (const place of world.places) cluster.write(place, values(3, 3));
    await world.allRead();
    await world.until(() => reader.consumer.health().ok, 'all is well again');
    expect(reader.faults).toEqual([]);
  }

  it.concurrent('a reader fetches again what an answer leaves out', () =>
    inWorld({}, (world) =>
      readThrough(world, 6, (response) => {
        response.topics = [];
      }),
    ));

  it.concurrent('a reader takes a partition once that an answer has twice', () =>
    inWorld({}, (world) =>
      readThrough(world, 10, (response) => {
        response.topics = [...response.topics, ...response.topics];
      }),
    ));

  it.concurrent('a reader ignores partitions in an answer for which it did not ask', () =>
    inWorld({}, (world) =>
      readThrough(world, 10, ({ topics }) => {
        const [partition] = topics[0]?.partitions ?? [];
        if (partition !== undefined) topics[0]?.partitions.push({ ...partition, partition: 9 });
      }),
    ));

  it.concurrent('a reader fetches a record batch again that was cut off', () =>
    inWorld({ partitions: 1, log: { fetchMaxBytes: 70_000 } }, async (world) => {
      const { cluster, script } = world;
      for (let value = 0; value < 60; value++) cluster.write(world.place(0), [`${value}`.padEnd(3_000, '.')]);
      const reader = await world.onlyReader();
      await world.allRead();
      expect(script.requests('Fetch').length).toBeGreaterThan(2);
      expect(reader.faults).toEqual([]);
    }));

  it.concurrent('a reader gets a record batch that is larger than the most bytes of a fetch', () =>
    inWorld({ partitions: 2, nodeIds: [1], log: { fetchMaxBytes: 70_000 } }, async (world) => {
      for (const place of world.places)
        for (let value = 0; value < 3; value++) world.cluster.write(place, [`${value}`.padEnd(150_000, '.')]);
      await world.onlyReader();
      await world.allRead();
    }));
});

describe('transactions', () => {
  it.concurrent('a reader gets the records of a transaction once it is committed, and none of an aborted one', () =>
    inWorld({ partitions: 1, log: { fetchMaxBytes: 70_000 } }, async (world) => {
      const { cluster } = world;
      const first = world.place(0);
      const reader = await world.onlyReader();
      const large = (name: string) =>
        Array.from({ length: 40 }, (_, value) => `${name}${value}`.padEnd(3_000, '.'));
      cluster.write(first, ['plain 1']);
      for (const value of large('a')) cluster.write(first, [value], 7n);
      cluster.write(first, ['b1'], 8n);
      await world.until(() => world.positions.offsetOf(first) === 1n, 'what is before the first transaction');
      cluster.endTransaction(first, 7n, 'abort');
      cluster.write(first, ['a again'], 7n);
      cluster.endTransaction(first, 8n, 'commit');
      cluster.write(first, ['plain 2']);
      cluster.endTransaction(first, 7n, 'commit');
      await world.allRead();
      expect(world.journal(first)).toEqual(['plain 1', 'b1', 'a again', 'plain 2']);
      expect(reader.faults).toEqual([]);
    }));
});
