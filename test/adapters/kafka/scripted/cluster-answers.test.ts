import { describe, expect, it, vi } from 'vitest';
import { Appends } from './appends.ts';
import { Code, type CodeName } from './codes.ts';
import { possibleErrors, withoutThose } from './possible-errors.ts';
import { inWorld, values } from './world.ts';

vi.setConfig({ maxConcurrency: 8, testTimeout: 90_000 });

describe('the topics of a cluster', () => {
  const ofTopic = withoutThose(possibleErrors.Metadata.topic).map(([name, code]) => ({
    at: 'topic' as const,
    name,
    code,
  }));
  const ofPartition = withoutThose(possibleErrors.Metadata.partition).map(([name, code]) => ({
    at: 'partition' as const,
    name,
    code,
  }));

  it.concurrent.each([...ofTopic, ...ofPartition])(
    'a member reads on while they are answered with $name at the $at',
    ({ at, code }) =>
      inWorld({}, async (world) => {
        const { cluster, script } = world;
        for (const place of world.places) cluster.write(place, values(0, 2));
        const reader = await world.onlyReader();
        await world.allRead();
        const rule = script.add({
          api: 'Metadata',
          times: Number.POSITIVE_INFINITY,
          does: { kind: 'error', at, code },
        });
        cluster.elect(world.place(0), 2);
        for (const place of world.places) cluster.write(place, values(2, 2));
        await world.allRead([world.place(1)]);
        await world.until(() => rule.hits >= 4, 'four refusals');
        rule.end();
        await world.allRead();
        await world.until(() => reader.consumer.health().ok, 'all is well again');
        expect(reader.faults).toEqual([]);
        expect(new Set(reader.kinds)).toEqual(new Set(['assigned']));
      }),
  );

  it.concurrent.each([...ofTopic, ...ofPartition])(
    'a member that joins while they are answered with $name at the $at gets its partitions later',
    ({ at, code }) =>
      inWorld({}, async (world) => {
        const rule = world.script.add({ api: 'Metadata', times: 8, does: { kind: 'error', at, code } });
        const reader = await world.reader().start();
        await world.until(() => reader.held.size === 2, 'both partitions are held');
        for (const place of world.places) world.cluster.write(place, values(0, 2));
        await world.allRead();
        expect(rule.hits).toBeGreaterThan(1);
        await world.until(() => reader.consumer.health().ok, 'all is well');
      }),
  );

  it.concurrent.each([0, 1, 2, 3])(
    'a member gets its partitions although the answer after %i others did not know their topic',
    (skip) =>
      inWorld({}, async (world) => {
        const code = Code.UNKNOWN_TOPIC_OR_PARTITION;
        world.script.add({ api: 'Metadata', skip, does: { kind: 'error', at: 'topic', code } });
        const reader = await world.reader().start();
        await world.until(() => reader.held.size === 2, 'both partitions are held');
        for (const place of world.places) world.cluster.write(place, values(0, 2));
        await world.allRead();
      }),
  );

  it.concurrent.each(ofPartition)('an append waits while they are answered with $name', ({ at, code }) =>
    inWorld({}, async (world) => {
      const appends = new Appends(world, world.log.producer());
      const rule = world.script.add({
        api: 'Metadata',
        times: 3,
        on: world.place(0),
        does: { kind: 'error', at, code },
      });
      const settled = await appends.append([
        [0, 'a'],
        [1, 'b'],
      ]);
      expect(settled).toMatchObject({ kind: 'resolved' });
      expect(rule.hits).toBeGreaterThanOrEqual(code === Code.REPLICA_NOT_AVAILABLE ? 1 : 3);
      appends.expectKept();
    }),
  );

  it.concurrent('an append goes on at another broker where one fails at the request for topics', () =>
    inWorld({}, async (world) => {
      const appends = new Appends(world, world.log.producer());
      const rule = world.script.add({
        api: 'Metadata',
        nodeId: 1,
        times: Number.POSITIVE_INFINITY,
        does: {
          kind: 'change',
          change(response) {
            response.brokers = [];
            for (const each of response.topics)
              Object.assign(each, { errorCode: Code.UNKNOWN_SERVER_ERROR, partitions: [] });
          },
        },
      });
      expect(await appends.append([[0, 'a']])).toMatchObject({ kind: 'resolved' });
      expect(rule.hits).toBeGreaterThan(0);
      appends.expectKept();
    }));

  it.concurrent('appends stay in their sequence although the first one had to ask twice for the topic', () =>
    inWorld({ nodeIds: [1] }, async (world) => {
      const appends = new Appends(world, world.log.producer());
      const rule = world.script.add({ api: 'Metadata', does: { kind: 'close' } });
      const first = appends.append([[0, 'a']]);
      await world.until(() => rule.hits === 1, 'the first question');
      await world.clock.sleep(10);
      await Promise.all([first, appends.append([[0, 'b']]), appends.append([[0, 'c']])]);
      expect(world.committed(world.place(0)).map(({ value }) => value)).toEqual(['a', 'b', 'c']);
    }));

  it.concurrent('an append to a topic that no broker knows rejects with topic_missing', () =>
    inWorld({}, async (world) => {
      world.script.add({
        api: 'Metadata',
        times: 2,
        does: { kind: 'error', at: 'topic', code: Code.UNKNOWN_TOPIC_OR_PARTITION },
      });
      const settled = await new Appends(world, world.log.producer()).append([[0, 'a']]);
      expect(settled).toMatchObject({ kind: 'rejected', code: 'topic_missing' });
    }));
});

describe('the range of a partition', () => {
  const cases = withoutThose(possibleErrors.ListOffsets.partition);

  it.concurrent.each(cases)(
    'a partition is assigned once its range is known, and named until then: %s',
    (_, code) =>
      inWorld({ nodeIds: [1] }, async (world) => {
        const rule = world.script.add({
          api: 'ListOffsets',
          on: world.place(0),
          times: 6,
          does: { kind: 'error', at: 'partition', code },
        });
        for (const place of world.places) world.cluster.write(place, values(0, 2));
        const reader = await world.reader().start();
        await world.allRead([world.place(1)]);
        await world.allRead();
        expect(rule.hits).toBe(6);
        expect([...reader.reasons].join('\n')).toMatch(
          new RegExp(`orders/0 has no range yet: Kafka answered .*\\(${code}\\)`),
        );
        await world.until(() => reader.consumer.health().ok, 'all is well');
        expect(reader.told.map(([, ...names]) => names)).toEqual([['orders/1'], ['orders/0']]);
      }),
  );

  it.concurrent.each(cases)('describe leaves a partition out whose range is answered with %s', (_, code) =>
    inWorld({}, async (world) => {
      world.script.add({
        api: 'ListOffsets',
        on: world.place(0),
        does: { kind: 'error', at: 'partition', code },
      });
      expect(await world.log.describe([world.topic])).toMatchObject([
        { partitionCount: 2, partitions: [{ partition: 1 }] },
      ]);
      expect(await world.log.describe([world.topic])).toMatchObject([
        { partitions: [{ partition: 0 }, { partition: 1 }] },
      ]);
    }),
  );
});

describe('the id of a producer', () => {
  it.concurrent.each(withoutThose(possibleErrors.InitProducerId.top))(
    'an append waits while it is answered with %s',
    (_, code) =>
      inWorld({}, async (world) => {
        const rule = world.script.add({
          api: 'InitProducerId',
          times: 4,
          does: { kind: 'error', at: 'top', code },
        });
        const appends = new Appends(world, world.log.producer());
        expect(await appends.append([[0, 'a']])).toMatchObject({ kind: 'resolved' });
        expect(rule.hits).toBe(4);
        appends.expectKept();
      }),
  );

  it.concurrent.each(withoutThose(possibleErrors.InitProducerId.top))(
    'an append rejects at the delivery timeout, and appends nothing, where it is always %s',
    (_, code) =>
      inWorld({ log: { deliveryTimeoutMs: 500 } }, async (world) => {
        const rule = world.script.add({
          api: 'InitProducerId',
          times: Number.POSITIVE_INFINITY,
          does: { kind: 'error', at: 'top', code },
        });
        const appends = new Appends(world, world.log.producer());
        const settled = await appends.append([[0, 'a']]);
        expect(settled).toMatchObject({ kind: 'rejected', code: 'log_append_failed' });
        rule.end();
        expect(await appends.append([[0, 'b']])).toMatchObject({ kind: 'resolved' });
        expect(appends.placesOf('a')).toEqual([]);
      }),
  );
});

describe('a look without a group', () => {
  const special = ['OFFSET_OUT_OF_RANGE'] as const;
  const ofPartition = withoutThose(possibleErrors.Fetch.partition, special).map(([name, code]) => ({
    at: 'partition' as const,
    name,
    code,
  }));
  const ofAll = withoutThose(possibleErrors.Fetch.top).map(([name, code]) => ({
    at: 'top' as const,
    name,
    code,
  }));

  it.concurrent.each([...ofPartition, ...ofAll])(
    'peek says that a partition cannot be looked at: $name at the $at',
    ({ at, code }) =>
      inWorld({}, async (world) => {
        for (const place of world.places) world.cluster.write(place, values(0, 2));
        world.script.add({ api: 'Fetch', on: world.place(0), does: { kind: 'error', at, code } });
        const from = world.places.map((place) => ({ ...place, offset: 0n }));
        const peeks = await world.log.peek(from);
        expect(peeks).toMatchObject([
          { kind: 'unreadable', ...world.place(0), problem: expect.stringContaining(`(${code})`) },
          { kind: 'peeked', ...world.place(1), first: { kind: 'record', offset: 0n } },
        ]);
        expect(await world.log.peek(from)).toMatchObject([{ kind: 'peeked' }, { kind: 'peeked' }]);
      }),
  );

  it.concurrent.each([...ofPartition, ...ofAll])(
    'readRecords says that a partition cannot be read: $name at the $at',
    ({ at, code }) =>
      inWorld({}, async (world) => {
        world.cluster.write(world.place(0), values(0, 2));
        world.script.add({ api: 'Fetch', on: world.place(0), does: { kind: 'error', at, code } });
        const range = { ...world.place(0), offset: 0n, maxRecords: 10, maxBytes: 1 << 20 };
        expect(await world.log.readRecords(range)).toEqual({
          kind: 'unreadable',
          problem: expect.stringContaining(`(${code})`),
        });
        expect(await world.log.readRecords(range)).toMatchObject({ kind: 'read', nextOffset: 2n });
      }),
  );

  it.concurrent.each(withoutThose(possibleErrors.ListOffsets.partition))(
    'a range that is answered with %s leaves an offset out of range unreadable',
    (_, code) =>
      inWorld({}, async (world) => {
        world.cluster.write(world.place(0), values(0, 2));
        world.script.add({
          api: 'ListOffsets',
          times: 2,
          does: { kind: 'error', at: 'partition', code },
        });
        const beyond = { ...world.place(0), offset: 9n };
        expect(await world.log.peek([beyond])).toMatchObject([
          { kind: 'unreadable', problem: expect.stringContaining(`(${code})`) },
        ]);
        world.script.clear();
        world.script.add({ api: 'ListOffsets', times: 2, does: { kind: 'error', at: 'partition', code } });
        expect(await world.log.readRecords({ ...beyond, maxRecords: 1, maxBytes: 1 })).toMatchObject({
          kind: 'unreadable',
          problem: expect.stringContaining(`(${code})`),
        });
      }),
  );

  it.concurrent.each(withoutThose(possibleErrors.ListTransactions.top))(
    'peek names no transaction where the brokers answer %s',
    (_, code) =>
      inWorld({}, async (world) => {
        const { cluster, script } = world;
        cluster.transactionalIds.set(7n, 'payments');
        cluster.write(world.place(0), ['a'], 7n);
        const from = [{ ...world.place(0), offset: 0n }];
        script.add({ api: 'ListTransactions', times: 2, does: { kind: 'error', at: 'top', code } });
        expect(await world.log.peek(from)).toMatchObject([
          { first: { kind: 'none' }, openTransaction: { producerId: 7n, transactionalId: null } },
        ]);
        expect(await world.log.peek(from)).toMatchObject([
          { first: { kind: 'none' }, openTransaction: { producerId: 7n, transactionalId: 'payments' } },
        ]);
      }),
  );
});

describe('the creation of a topic', () => {
  /** Kafka creates the topic all the same, or another client has. Else the next try may succeed. */
  const passing: readonly CodeName[] = [
    'TOPIC_ALREADY_EXISTS',
    'REQUEST_TIMED_OUT',
    'NOT_CONTROLLER',
    'THROTTLING_QUOTA_EXCEEDED',
  ];
  const cases = withoutThose(possibleErrors.CreateTopics.topic);

  it.concurrent.each(cases.filter(([name]) => passing.includes(name)))(
    'createTopics asks again after %s',
    (_, code) =>
      inWorld({}, async (world) => {
        world.script.add({ api: 'CreateTopics', times: 2, does: { kind: 'error', at: 'topic', code } });
        await world.log.createTopics([{ topic: 'new', partitions: 3 }]);
        expect(await world.log.partitionCounts(['new'])).toEqual(new Map([['new', 3]]));
      }),
  );

  it.concurrent.each(cases.filter(([name]) => !passing.includes(name)))(
    'createTopics rejects with topic_missing after %s',
    (_, code) =>
      inWorld({}, async (world) => {
        world.script.add({ api: 'CreateTopics', does: { kind: 'error', at: 'topic', code } });
        await expect(world.log.createTopics([{ topic: 'new', partitions: 3 }])).rejects.toMatchObject({
          code: 'topic_missing',
          message: expect.stringContaining('Kafka did not create the topic new'),
        });
        expect(world.cluster.topics.has('new')).toBe(false);
        await world.log.createTopics([{ topic: 'new', partitions: 3 }]);
        expect(world.cluster.topics.get('new')?.partitions.length).toBe(3);
      }),
  );
});
