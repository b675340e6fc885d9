import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { EventLogConsumer } from '../../../../src/ports/event-log.ts';
import { generousLimits, valueText } from '../../../contract/event-log-harness.ts';
import { Appends } from './appends.ts';
import type { ApiName } from './messages.ts';
import type { ActiveRule, Rule } from './script.ts';
import { inWorld, values, type World } from './world.ts';

vi.setConfig({ maxConcurrency: 8, testTimeout: 90_000 });

/** The next answers to these requests come when `release` is called, as they would have been at their time. */
function hold<Name extends ApiName>(
  { script }: World,
  rule: Omit<Rule<Name>, 'does'>,
): { rule: ActiveRule; release(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    rule: script.add({ ...rule, does: { kind: 'hold', until: promise, effect: 'done' } }),
    release: resolve,
  };
}

/** A consumer that holds both partitions and follows what it is told to. */
async function follower(world: World): Promise<EventLogConsumer> {
  const consumer = world.log.consumer({
    group: 'follower',
    topics: [world.topic],
    maxBufferedBytes: 1 << 20,
  });
  let held = 0;
  await consumer.start({
    assigned: async (partitions) => {
      held += partitions.length;
    },
    revoked: async () => {},
    lost: async () => {},
    halted: async () => {},
  });
  await world.until(() => held === 2, 'both partitions are held');
  return consumer;
}

async function takeValues(world: World, consumer: EventLogConsumer, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) {
    const fetched = await consumer.take([world.place(0)], generousLimits, AbortSignal.timeout(10_000));
    if (fetched.length === 0) break;
    taken.push(...fetched.flatMap(({ records }) => records.map(valueText)));
  }
  return taken;
}

describe('an answer to a fetch that comes late', () => {
  it.concurrent('a partition that was let go gets none of its records', () =>
    inWorld({}, async (world) => {
      const [first] = world.places;
      if (first === undefined) return;
      const consumer = await follower(world);
      const held = hold(world, { api: 'Fetch', on: first });
      world.cluster.write(first, values(0, 3));
      consumer.follow([{ ...first, offset: 0n, leaderEpoch: -1 }]);
      await world.until(() => held.rule.hits === 1, 'the fetch');
      consumer.unfollow([first]);
      held.release();
      await pause(50);
      expect(await takeValues(world, consumer, 1)).toEqual([]);
      expect(consumer.ends()).toEqual([]);
      consumer.follow([{ ...first, offset: 1n, leaderEpoch: -1 }]);
      expect(await takeValues(world, consumer, 2)).toEqual(['1', '2']);
    }));

  it.concurrent.each([
    ['before', 1n],
    ['behind', 4n],
  ])(
    'a partition that is followed anew from an offset %s its own gets only what is asked for then',
    (_, offset) =>
      inWorld({}, async (world) => {
        const first = world.place(0);
        const consumer = await follower(world);
        for (const value of values(0, 6)) world.cluster.write(first, [value]);
        const held = hold(world, { api: 'Fetch', on: first });
        consumer.follow([{ ...first, offset: 2n, leaderEpoch: -1 }]);
        await world.until(() => held.rule.hits === 1, 'the fetch');
        consumer.follow([{ ...first, offset, leaderEpoch: -1 }]);
        const rest = values(Number(offset), 6 - Number(offset));
        expect(await takeValues(world, consumer, rest.length)).toEqual(rest);
        held.release();
        await pause(50);
        world.cluster.write(first, ['6']);
        expect(await takeValues(world, consumer, 1)).toEqual(['6']);
      }),
  );

  it.concurrent('an error of a fetch from before does not hold up a partition that is followed anew', () =>
    inWorld({}, async (world) => {
      const first = world.place(0);
      const consumer = await follower(world);
      world.cluster.write(first, values(0, 3));
      const held = hold(world, { api: 'Fetch', on: first });
      world.script.add({ api: 'Fetch', on: first, does: { kind: 'error', at: 'partition', code: 2 } });
      consumer.follow([{ ...first, offset: 1n, leaderEpoch: -1 }]);
      await world.until(() => held.rule.hits === 1, 'the fetch');
      consumer.follow([{ ...first, offset: 0n, leaderEpoch: -1 }]);
      expect(await takeValues(world, consumer, 3)).toEqual(values(0, 3));
      held.release();
      await pause(50);
      expect(consumer.health()).toEqual({ ok: true });
    }));

  it.concurrent('a partition that came back to its member gets none of the records of the time before', () =>
    inWorld({ nodeIds: [1] }, async (world) => {
      const first = await world.onlyReader();
      const held = hold(world, { api: 'Fetch', times: 2 });
      await world.until(() => held.rule.hits === 1, 'a fetch');
      for (const place of world.places) world.cluster.write(place, values(0, 3));
      const second = await world.reader().start();
      await world.until(() => first.held.size === 1 && second.held.size === 1, 'each member holds one');
      await world.until(
        () => [...second.held.values()].every(({ next }) => next === 3n),
        'the second one reads',
      );
      await second.close();
      await world.until(() => first.held.size === 2, 'the first member holds all');
      held.release();
      for (const place of world.places) world.cluster.write(place, values(3, 2));
      await world.allRead();
    }));
});

describe('a heartbeat whose answer comes late', () => {
  it.concurrent('a member that has given up its session does not go on because of it', () =>
    inWorld({}, async (world) => {
      const reader = await world.onlyReader();
      const held = hold(world, { api: 'Heartbeat', times: Number.POSITIVE_INFINITY });
      await world.until(() => reader.kinds.includes('lost'), 'the loss');
      held.rule.end();
      held.release();
      await world.until(() => reader.held.size === 2, 'both partitions are held again');
      for (const place of world.places) world.cluster.write(place, values(0, 2));
      await world.allRead();
      expect(reader.kinds.filter((kind) => kind !== 'assigned')).toEqual(['lost']);
    }));

  it.concurrent('a member that slept past its session takes nothing before it knows of its loss', () =>
    inWorld({}, async (world) => {
      let aheadMs = 0;
      const { clock } = world;
      const own = {
        now: () => clock.now(),
        monotonicMs: () => clock.monotonicMs() + aheadMs,
        sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms, signal),
        random: () => clock.random(),
        uuid: () => clock.uuid(),
      };
      const log = world.openAnother({ clock: own });
      const consumer = log.consumer({ group: world.group, topics: [world.topic], maxBufferedBytes: 1 << 20 });
      const told: string[] = [];
      const tell = (kind: string) => async () => void told.push(kind);
      await consumer.start({
        assigned: async (partitions) => {
          told.push('assigned');
          consumer.follow(partitions.map((each) => ({ ...each, offset: 0n, leaderEpoch: -1 })));
        },
        revoked: tell('revoked'),
        lost: tell('lost'),
        halted: tell('halted'),
      });
      for (const place of world.places) world.cluster.write(place, values(0, 2));
      await world.until(() => consumer.ends().length === 2, 'the records are in memory');
      await world.until(() => consumer.ends().every(({ offset }) => offset === 2n), 'all of them');
      aheadMs = 60_000;
      const taken = await consumer.take(world.places, generousLimits, AbortSignal.timeout(5_000));
      aheadMs = 0;
      expect(taken).toEqual([]);
      await world.until(() => told.includes('lost'), 'the loss');
      await world.until(() => told.at(-1) === 'assigned', 'the partitions once more');
    }));
});

describe('a join whose answer comes late', () => {
  it.concurrent('a member reads on while its join lasts longer than a session', () =>
    inWorld({ log: { rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 2_000 } }, async (world) => {
      const first = await world.onlyReader();
      const held = hold(world, { api: 'JoinGroup', times: 1 });
      world.cluster.group(world.group).rebalance();
      await world.until(() => held.rule.hits === 1, 'the join');
      const startedAtMs = world.clock.monotonicMs();
      while (world.clock.monotonicMs() - startedAtMs < 3_000) {
        for (const place of world.places) world.cluster.write(place, values(0, 1));
        await world.allRead();
        await world.clock.sleep(50);
      }
      held.release();
      await world.until(() => first.consumer.health().ok, 'all is well');
      expect(first.kinds).toEqual(first.kinds.map(() => 'assigned'));
    }));

  it.concurrent('a member that closes does not wait for it', () =>
    inWorld({ log: { rebalanceTimeoutMs: 20_000 } }, async (world) => {
      const first = await world.onlyReader();
      hold(world, { api: 'JoinGroup', times: 1 });
      world.cluster.group(world.group).rebalance();
      await world.until(() => world.script.requests('JoinGroup').length > 2, 'the join');
      const startedAtMs = world.clock.monotonicMs();
      await first.close();
      expect(world.clock.monotonicMs() - startedAtMs).toBeLessThan(1_500);
      expect(first.kinds).toContain('revoked');
    }));

  it.concurrent('a member keeps its place while it revokes for longer than a session', () =>
    inWorld({ log: { rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 1_500 } }, async (world) => {
      const slow = await world.onlyReader({ pause: () => world.clock.sleep(3_000) });
      const second = await world.reader().start();
      await world.until(() => second.held.size === 1, 'the second member holds one');
      expect(slow.kinds).not.toContain('lost');
      expect(slow.held.size).toBe(1);
    }));
});

describe('a range whose answer comes late', () => {
  it.concurrent('a partition that has gone to another member is not assigned by it', () =>
    inWorld({ nodeIds: [1] }, async (world) => {
      const held = hold(world, { api: 'ListOffsets', times: 1 });
      const first = await world.reader().start();
      await world.until(() => held.rule.hits === 1, 'the question');
      const second = await world.reader().start();
      await world.until(() => second.held.size === 1, 'the second member holds one');
      held.release();
      await world.until(() => first.held.size === 1, 'the first member holds one');
      for (const place of world.places) world.cluster.write(place, values(0, 2));
      await world.allRead();
      expect([...first.held.keys(), ...second.held.keys()].sort()).toEqual(['orders/0', 'orders/1']);
      expect(first.told.flatMap(([, ...names]) => names)).toEqual([...first.held.keys()]);
    }));
});

describe('metadata that come late', () => {
  it.concurrent('a reader goes on although the last answer names an old leader', () =>
    inWorld({}, async (world) => {
      const first = world.place(0);
      const reader = await world.onlyReader();
      const held = hold(world, { api: 'Metadata', times: 1 });
      await world.until(() => held.rule.hits === 1, 'the question');
      world.cluster.elect(first, 2);
      world.cluster.write(first, values(0, 2));
      await world.allRead();
      held.release();
      world.cluster.write(first, values(2, 2));
      await world.allRead();
      expect(reader.faults).toEqual([]);
    }));
});

describe('an append whose answer comes late', () => {
  it.concurrent('an append that is taken after its deadline resolves, and is in the log once', () =>
    inWorld({ log: { deliveryTimeoutMs: 300 } }, async (world) => {
      const appends = new Appends(world, world.log.producer());
      await appends.append([[0, 'before']]);
      const held = hold(world, { api: 'Produce', on: world.place(0) });
      const appending = appends.append([[0, 'a']]);
      await world.until(() => held.rule.hits === 1, 'the request');
      const startedAtMs = world.clock.monotonicMs();
      await world.until(() => world.clock.monotonicMs() - startedAtMs > 600, 'the deadline');
      held.release();
      expect(await appending).toMatchObject({ kind: 'resolved' });
      await appends.append([[0, 'b']]);
      appends.expectKept();
      expect(world.committed(world.place(0)).map(({ value }) => value)).toEqual(['before', 'a', 'b']);
    }));

  it.concurrent('an append without an answer rejects soon after its deadline, and lands at most once', () =>
    inWorld({ log: { deliveryTimeoutMs: 300, requestTimeoutMs: 300 } }, async (world) => {
      const appends = new Appends(world, world.log.producer());
      await appends.append([[0, 'before']]);
      const held = hold(world, { api: 'Produce', on: world.place(0), times: Number.POSITIVE_INFINITY });
      const startedAt = performance.now();
      const settled = await appends.append([[0, 'a']]);
      expect(settled).toMatchObject({
        kind: 'rejected',
        code: 'log_append_failed',
        message: expect.stringContaining('may or may not be in the log'),
      });
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      held.rule.end();
      held.release();
      expect(await appends.append([[0, 'b']])).toMatchObject({ kind: 'resolved' });
      appends.expectKept();
    }));

  it.concurrent('the append that follows a late one is not lost among its answers', () =>
    inWorld({ log: { requestTimeoutMs: 300 } }, async (world) => {
      const appends = new Appends(world, world.log.producer());
      await appends.append([[0, 'before']]);
      const held = hold(world, { api: 'Produce', on: world.place(0), times: 2 });
      const first = appends.append([[0, 'a']]);
      const second = appends.append([
        [0, 'b'],
        [1, 'c'],
      ]);
      await world.until(() => held.rule.hits === 2, 'two tries');
      held.release();
      expect(await first).toMatchObject({ kind: 'resolved' });
      expect(await second).toMatchObject({ kind: 'resolved' });
      appends.expectKept();
      expect(world.committed(world.place(0)).map(({ value }) => value)).toEqual(['before', 'a', 'b']);
    }));
});
