import { describe, expect, it, vi } from 'vitest';
import { Appends, newFamily } from './appends.ts';
import { Code, type CodeName } from './codes.ts';
import { possibleErrors, withoutThose } from './possible-errors.ts';
import type { Action, Effect } from './script.ts';
import { inWorld, type World } from './world.ts';

vi.setConfig({ maxConcurrency: 8, testTimeout: 90_000 });

/** These pass, or another broker answers otherwise. */
const passing = [
  'UNKNOWN_SERVER_ERROR',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_LEADER_OR_FOLLOWER',
  'REQUEST_TIMED_OUT',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'KAFKA_STORAGE_ERROR',
] as const satisfies readonly CodeName[];
/** After these the leader may have appended the record batch: it waited for the other replicas when the error came. */
const unclear = [
  'UNKNOWN_SERVER_ERROR',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_LEADER_OR_FOLLOWER',
  'REQUEST_TIMED_OUT',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'KAFKA_STORAGE_ERROR',
] as const satisfies readonly CodeName[];
/** The broker does not know the producer as it is. */
const ofIdentity = [
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
  'UNKNOWN_PRODUCER_ID',
] as const satisfies readonly CodeName[];
const tooLarge = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'] as const satisfies readonly CodeName[];
const failing = withoutThose(possibleErrors.Produce.partition, [...passing, ...ofIdentity, ...tooLarge]);

const refusal = (code: number, effect: Effect = 'none'): Action<'Produce'> => ({
  kind: 'error',
  at: 'partition',
  code,
  effect,
});

function refuse(world: World, times: number, code: number, effect: Effect = 'none') {
  return world.script.add({ api: 'Produce', on: world.place(0), times, does: refusal(code, effect) });
}

/** Appends after an append that failed: the producer goes on. */
async function expectGoesOn(appends: Appends): Promise<void> {
  const settled = await appends.append([
    [0, 'after 0'],
    [1, 'after 1'],
  ]);
  expect(settled).toMatchObject({ kind: 'resolved' });
  appends.expectKept();
}

describe('an append that a broker refuses for a while', () => {
  const cases = [
    ...passing.map((name) => ({ name, code: Code[name], effect: 'none' as const })),
    ...unclear.map((name) => ({ name, code: Code[name], effect: 'done' as const })),
  ];

  it.concurrent.each(cases)(
    'an append resolves once the broker takes it: $name, effect $effect',
    ({ code, effect }) =>
      inWorld({}, async (world) => {
        const appends = new Appends(world, world.log.producer());
        await appends.append([[0, 'before']]);
        const rule = refuse(world, 4, code, effect);
        const settled = await appends.append([
          [0, 'a'],
          [1, 'b'],
          [0, 'c'],
        ]);
        expect(settled).toMatchObject({ kind: 'resolved' });
        expect(rule.hits).toBe(4);
        appends.expectKept();
        await expectGoesOn(appends);
      }),
  );

  it.concurrent.each(cases)(
    'an append rejects at the delivery timeout: $name, effect $effect',
    ({ name, code, effect }) =>
      inWorld({ log: { deliveryTimeoutMs: 1_500 } }, async (world) => {
        const appends = new Appends(world, world.log.producer());
        await appends.append([[0, 'before']]);
        const rule = refuse(world, Number.POSITIVE_INFINITY, code, effect);
        const startedAtMs = world.clock.monotonicMs();
        const settled = await appends.append([[0, 'a']]);
        const tookMs = world.clock.monotonicMs() - startedAtMs;
        expect(settled).toMatchObject({ kind: 'rejected', code: 'log_append_failed' });
        expect(settled).toMatchObject({ message: expect.stringContaining(`(${code})`) });
        expect(tookMs, name).toBeGreaterThanOrEqual(1_400);
        expect(tookMs, name).toBeLessThan(4_000);
        appends.expectKept();
        rule.end();
        await expectGoesOn(appends);
      }),
  );

  it.concurrent.each(withoutThose(unclear))(
    'an append of a family stays open until its outcome is known: %s',
    (_, code) =>
      inWorld({ log: { deliveryTimeoutMs: 500 } }, async (world) => {
        const appends = new Appends(world, world.log.producer({ family: newFamily() }));
        await appends.append([[0, 'before']]);
        const rule = refuse(world, Number.POSITIVE_INFINITY, code, 'done');
        const appending = appends.append([[0, 'a']]);
        await world.until(() => rule.hits >= 3, 'three tries');
        const onceMs = world.clock.monotonicMs();
        await world.until(() => world.clock.monotonicMs() - onceMs > 1_000, 'twice the delivery timeout');
        expect(appends.all[1]?.settled).toEqual({ kind: 'open' });
        rule.end();
        expect(await appending).toMatchObject({ kind: 'resolved' });
        await expectGoesOn(appends);
      }),
  );

  it.concurrent.each(
    withoutThose(unclear).flatMap(([name, code]) =>
      failing.slice(0, 4).map((then) => [name, code, ...then] as const),
    ),
  )('an append of a family stays open after %s (%i) although %s follows', (_, code, __, then) =>
    inWorld({}, async (world) => {
      const appends = new Appends(world, world.log.producer({ family: newFamily() }));
      await appends.append([[0, 'before']]);
      refuse(world, 1, code, 'done');
      const second = world.script.add({
        api: 'Produce',
        on: world.place(0),
        skip: 1,
        times: 2,
        does: refusal(then),
      });
      expect(await appends.append([[0, 'a']])).toMatchObject({ kind: 'resolved' });
      expect(second.hits).toBe(2);
      await expectGoesOn(appends);
    }),
  );
});

describe('an append that a broker refuses once', () => {
  it.concurrent('an append after many that were refused once is tried again as soon as the first one', () =>
    inWorld({}, async (world) => {
      const appends = new Appends(world, world.log.producer());
      await appends.append([[0, 'before']]);
      for (let round = 0; round < 10; round++) {
        refuse(world, 1, Code.NOT_ENOUGH_REPLICAS);
        const startedAtMs = world.clock.monotonicMs();
        await appends.append([[0, `${round}`]]);
        expect(world.clock.monotonicMs() - startedAtMs).toBeLessThan(150);
      }
      appends.expectKept();
    }));
});

describe('an append whose producer the broker does not know', () => {
  it.concurrent.each(withoutThose(ofIdentity))(
    'an append resolves under another producer id: %s',
    (_, code) =>
      inWorld({}, async (world) => {
        const appends = new Appends(world, world.log.producer());
        await appends.append([
          [0, 'before 0'],
          [1, 'before 1'],
        ]);
        const rule = refuse(world, 2, code);
        const settled = await Promise.all([
          appends.append([[0, 'a']]),
          appends.append([[1, 'b']]),
          appends.append([
            [0, 'c'],
            [1, 'd'],
          ]),
        ]);
        expect(settled.map(({ kind }) => kind)).toEqual(['resolved', 'resolved', 'resolved']);
        expect(rule.hits).toBe(2);
        expect(world.script.requests('InitProducerId').length).toBeGreaterThan(1);
        await expectGoesOn(appends);
      }),
  );

  it.concurrent.each(
    withoutThose(unclear).flatMap(([name, code]) =>
      withoutThose([...ofIdentity, ...tooLarge]).map((then) => [name, code, ...then] as const),
    ),
  )('no record is in the log twice after %s (%i) and then %s', (_, code, __, then) =>
    inWorld({}, async (world) => {
      const appends = new Appends(world, world.log.producer());
      await appends.append([[0, 'before']]);
      refuse(world, 1, code, 'done');
      const second = world.script.add({ api: 'Produce', on: world.place(0), skip: 1, does: refusal(then) });
      const records = [
        [0, 'a'],
        [0, 'b'],
      ] as const;
      const settled = await appends.append(records);
      expect(second.hits).toBe(1);
      if (settled.kind === 'rejected') expect(settled.message).toContain('may or may not be in the log');
      await expectGoesOn(appends);
    }),
  );

  it.concurrent('appends of a family are refused for a moment after another member has taken over', () =>
    inWorld({}, async (world) => {
      const appends = new Appends(world, world.log.producer({ family: newFamily() }));
      await appends.append([[0, 'before']]);
      refuse(world, 1, Code.INVALID_PRODUCER_EPOCH);
      expect(await appends.append([[0, 'a']])).toMatchObject({ kind: 'rejected', code: 'log_shut_out' });
      expect(await appends.append([[1, 'b']])).toMatchObject({ kind: 'rejected', code: 'log_shut_out' });
      expect(appends.placesOf('a')).toEqual([]);
      await world.clock.sleep(300);
      await expectGoesOn(appends);
    }));
});

describe('an append that a broker finds too large', () => {
  it.concurrent.each(withoutThose(tooLarge))('an append is sent in pieces: %s', (_, code) =>
    inWorld({}, async (world) => {
      const appends = new Appends(world, world.log.producer());
      await appends.append([[0, 'before']]);
      refuse(world, 2, code);
      const records = Array.from({ length: 9 }, (_each, index) => [0, `record ${index}`] as const);
      const settled = await appends.append(records);
      expect(settled).toMatchObject({ kind: 'resolved' });
      expect(settled.kind === 'resolved' && settled.offsets.map(({ offset }) => Number(offset))).toEqual([
        1, 2, 3, 4, 5, 6, 7, 8, 9,
      ]);
      await expectGoesOn(appends);
    }),
  );

  it.concurrent('an append with one such record rejects with log_record_too_large, and later ones land', () =>
    inWorld({}, async (world) => {
      world.cluster.log(world.place(0)).maxMessageBytes = 400;
      const appends = new Appends(world, world.log.producer());
      await appends.append([[0, 'before']]);
      const settled = await appends.append([
        [0, 'a'],
        [0, 'b'.padEnd(500, '.')],
        [0, 'c'],
      ]);
      expect(settled).toMatchObject({ kind: 'rejected', code: 'log_record_too_large' });
      await expectGoesOn(appends);
    }));
});

describe('an append that a broker refuses for good', () => {
  it.concurrent.each(failing)('an append rejects at once, and the producer goes on: %s', (_, code) =>
    inWorld({}, async (world) => {
      const appends = new Appends(world, world.log.producer());
      await appends.append([[0, 'before']]);
      const rule = refuse(world, 1, code);
      const settled = await appends.append([[0, 'a']]);
      expect(settled).toMatchObject({ kind: 'rejected', code: 'log_append_failed' });
      expect(settled).toMatchObject({ message: expect.stringContaining(`(${code})`) });
      expect(rule.hits).toBe(1);
      expect(appends.placesOf('a')).toEqual([]);
      await expectGoesOn(appends);
    }),
  );

  it.concurrent('an append whose records the broker calls duplicates does not call them missing', () =>
    inWorld({}, async (world) => {
      const appends = new Appends(world, world.log.producer());
      refuse(world, 1, Code.DUPLICATE_SEQUENCE_NUMBER, 'done');
      await appends.append([[0, 'a']]);
      await expectGoesOn(appends);
    }));

  it.concurrent('an append of two partitions rejects although one of them has its record', () =>
    inWorld({}, async (world) => {
      const appends = new Appends(world, world.log.producer());
      refuse(world, 1, Code.TOPIC_AUTHORIZATION_FAILED);
      const settled = await appends.append([
        [0, 'a'],
        [1, 'b'],
        [0, 'c'],
      ]);
      expect(settled).toMatchObject({ kind: 'rejected', code: 'log_append_failed' });
      await expectGoesOn(appends);
    }));

  it.concurrent('an append to a topic that is gone rejects with topic_missing', () =>
    inWorld({}, async (world) => {
      const { cluster, topic } = world;
      const appends = new Appends(world, world.log.producer());
      await appends.append([[0, 'before']]);
      const record = world.record('a', world.keyOf(0));
      cluster.deleteTopic(topic);
      await expect(appends.producer.append([record])).rejects.toMatchObject({ code: 'topic_missing' });
      cluster.createTopic(topic, 2);
      const again = new Appends(world, appends.producer);
      await expectGoesOn(again);
    }));
});
