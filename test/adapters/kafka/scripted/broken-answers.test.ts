import { randomUUID } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { isRetryable } from '../../../../src/core/errors.ts';
import type { PartitionOffset } from '../../../../src/core/offset.ts';
import { Appends } from './appends.ts';
import { type ApiName, apiNames } from './messages.ts';
import type { Action } from './script.ts';
import { inWorld, type World } from './world.ts';

vi.setConfig({ maxConcurrency: 8, testTimeout: 120_000 });

const faults: readonly (readonly [name: string, does: Action<ApiName>])[] = [
  ['a closed connection in place of the effect', { kind: 'close', effect: 'none' }],
  ['a closed connection after the effect', { kind: 'close', effect: 'done' }],
  ['silence in place of the effect', { kind: 'silence', effect: 'none' }],
  ['silence after the effect', { kind: 'silence', effect: 'done' }],
  ['half of the answer and a closed connection', { kind: 'cut' }],
  ['an answer that ends too early', { kind: 'short' }],
  ['a late answer', { kind: 'delay', ms: 400 }],
  ['an answer that was held back by a quota', { kind: 'throttle', ms: 1_000 }],
];

/** Tries again after errors of the port that may pass. */
async function persistently<Result>(world: World, work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      expect(isRetryable(error), String(error)).toBe(true);
      if (attempt === 20) throw error;
      await world.clock.sleep(50);
    }
  }
}

async function appendAll(world: World, appends: Appends, name: string): Promise<void> {
  for (const value of ['a', 'b', 'c']) {
    const settled = await appends.append([
      [0, `${name} ${value} 0`],
      [1, `${name} ${value} 1`],
    ]);
    if (settled.kind === 'rejected') expect(settled.code).toBe('log_append_failed');
    await world.clock.sleep(20);
  }
}

/** Looks at both partitions until both can be looked at. One has an open transaction. */
async function lookAround(world: World): Promise<void> {
  const { log, topic, places } = world;
  const from: PartitionOffset[] = places.map((place) => ({ ...place, offset: 0n }));
  await persistently(world, async () => {
    const [description] = await log.describe([topic]);
    const peeks = await log.peek(from);
    const read = await log.readRecords({ ...world.place(0), offset: 0n, maxRecords: 1, maxBytes: 1 });
    const isAll =
      description?.partitions.length === 2 &&
      peeks.every(({ kind }) => kind === 'peeked') &&
      read.kind === 'read' &&
      read.records.length === 1;
    if (!isAll) throw Object.assign(new Error('Not all can be looked at.'), { code: 'AGAIN' });
  });
}

/** A day in the life of the adapter: every request is made at least once. */
async function liveThrough(world: World): Promise<void> {
  const { cluster, log } = world;
  const appends = new Appends(world, log.producer());
  const store = randomUUID();
  await persistently(world, () => log.createTopics([{ topic: 'another', partitions: 1 }]));
  await appendAll(world, appends, 'first');
  const first = world.reader({ store });
  await persistently(world, () => first.start());
  await world.until(() => first.held.size === 2, 'the first member holds all');
  await world.allRead();
  cluster.write(world.place(1), ['of a transaction'], 7n);
  await lookAround(world);
  cluster.endTransaction(world.place(1), 7n, 'commit');
  cluster.group(world.group).rebalance();
  await first.consumer.commit(world.places.map((place) => ({ ...place, offset: 1n })));
  const second = world.reader({ store });
  await persistently(world, () => second.start());
  await world.until(() => first.held.size === 1 && second.held.size === 1, 'each member holds one');
  await appendAll(world, appends, 'second');
  await world.allRead();
  await first.close();
  await world.until(() => second.held.size === 2, 'the second member holds all');
  await appendAll(world, appends, 'third');
  await world.allRead();
  await world.until(() => second.consumer.health().ok, 'all is well');
  appends.expectKept();
  expect(world.readers.flatMap((reader) => reader.faults)).toEqual([]);
}

/** Short ones, because a request without an answer takes them in real time. */
const times = { requestTimeoutMs: 1_000, sessionTimeoutMs: 2_000, rebalanceTimeoutMs: 2_500 } as const;

describe('answers that do not come as they should', () => {
  const cases = apiNames.flatMap((api) => faults.map(([fault, does]) => ({ api, fault, does })));

  it.concurrent.each(cases)('$api: $fault does no harm', ({ api, does }) =>
    inWorld({ log: times }, async (world) => {
      world.cluster.transactionalIds.set(7n, 'payments');
      const first = world.script.add({ api, does });
      const later = world.script.add({ api, does, skip: 3 });
      await liveThrough(world);
      expect(first.hits).toBe(1);
      expect(later.hits).toBeLessThanOrEqual(1);
    }),
  );
});
