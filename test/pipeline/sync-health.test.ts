import { describe, expect, it, vi } from 'vitest';
import { TributaryError } from '../../src/core/errors.ts';
import type { EventLogConsumer } from '../../src/ports/event-log.ts';
import type { OpenedStore, Store } from '../../src/ports/store.ts';
import { WAITING, wrap } from './ingest/harness.ts';
import { created, paid, SyncPlace } from './sync-place.ts';

/** An opened store whose migrated store has some of its methods replaced. */
function withMigrated(opened: OpenedStore, replaced: Partial<Store>): OpenedStore {
  return wrap(opened, {
    migrate: async (options) => {
      const { store, report } = await opened.migrate(options);
      return { store: wrap(store, replaced), report };
    },
  });
}

describe('the whole pipeline, while a part of it does not answer', () => {
  it('the health says what the start waits for until the topics are there', async () => {
    const place = await SyncPlace.make();
    const sync = place.sync();
    expect(await sync.health()).toMatchObject({ ok: false, reason: 'not started' });
    const started = sync.start();
    await vi.waitFor(
      async () =>
        expect(await sync.health()).toMatchObject({
          reason: expect.stringContaining('no topic order_events'),
        }),
      WAITING,
    );
    await place.makeTopics();
    await started;
    await place.append(created('a'), paid('a', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(() => expect(place.newest('a')).toMatchObject({ ready_to_send: true }), WAITING);
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
  });

  it('due states are delivered while the log does not answer, and records are read when it answers again', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const silent = place.sync({ delivery: { enabled: false } });
    await silent.start();
    await place.append(created('a'), paid('a', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(
      async () => expect(await place.store.counts()).toMatchObject({ deliveriesPending: 1 }),
      WAITING,
    );
    await silent.stop();
    let isDown = true;
    const mayAnswer = () => {
      if (isDown) throw new TributaryError('log_unreachable', 'The log does not answer.');
    };
    const log = wrap(place.log, {
      describe: async (topics) => {
        mayAnswer();
        return place.log.describe(topics);
      },
      partitionCounts: async (topics) => {
        mayAnswer();
        return place.log.partitionCounts(topics);
      },
    });
    let isStoreReady = false;
    const sync = place.sync({
      log,
      onStoreReady: () => {
        isStoreReady = true;
      },
    });
    const started = sync.start();
    await vi.waitFor(() => expect(place.newest('a')).toMatchObject({ ready_to_send: true }), WAITING);
    expect(isStoreReady).toBe(true);
    expect(await sync.health()).toMatchObject({
      reason: 'The log does not answer.',
      summary: 'event log: not reachable',
    });
    isDown = false;
    await started;
    await place.append(created('b'), paid('b', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(() => expect(place.newest('b')).toMatchObject({ ready_to_send: true }), WAITING);
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
  });

  it('the pipeline tries to make its topics until that works', async () => {
    const place = await SyncPlace.make();
    let attempts = 0;
    const sync = place.sync({
      makeTopics: async () => {
        if (++attempts <= 2) throw new TributaryError('log_unreachable', 'The log does not answer.');
        await place.makeTopics();
      },
    });
    await sync.start();
    expect(attempts).toBe(3);
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
  });

  it('the pipeline tries to join its group until that works', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    let attempts = 0;
    const log = wrap(place.log, {
      consumer(options) {
        const consumer: EventLogConsumer = place.log.consumer(options);
        const start = consumer.start.bind(consumer);
        consumer.start = async (listener) => {
          await start(listener);
          // The group answers too late: the consumer has been started, and the call fails.
          if (++attempts <= 2) throw new TributaryError('log_unreachable', 'The log does not answer.');
        };
        return consumer;
      },
    });
    const sync = place.sync({ log });
    await sync.start();
    await place.append(created('a'), paid('a', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(() => expect(place.newest('a')).toMatchObject({ ready_to_send: true }), WAITING);
    expect(attempts).toBe(3);
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
  });

  it('the health is bad once the target wants no more deliveries, and says what the target answered', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const sync = place.sync();
    await sync.start();
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
    place.status = 410;
    await place.append(created('a'), paid('a', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(
      async () =>
        expect(await sync.health()).toMatchObject({
          ok: false,
          reason: expect.stringMatching(/order-mgt wants no more deliveries.* answered 410 Gone/),
        }),
      WAITING,
    );
  });

  it('the health is answered within 5 s when the store does not answer, and says so', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    let isHanging = false;
    let asked = 0;
    const store = withMigrated(place.opened, {
      health: async () => {
        if (!isHanging) return { ok: true };
        asked++;
        return new Promise<never>(() => {});
      },
    });
    const sync = place.sync({ store });
    await sync.start();
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
    isHanging = true;
    const late = {
      ok: false,
      reason: 'The store has not answered for 5 s.',
      summary: 'database: not reachable',
    };
    expect(await sync.health()).toEqual(late);
    expect(await sync.health()).toEqual(late);
    expect(asked).toBe(1);
  });

  it('the health says that claims of deliveries are not answered', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    let release = () => {};
    const isReleased = new Promise<void>((resolve) => {
      release = resolve;
    });
    const store = withMigrated(place.opened, { claimDeliveries: () => isReleased.then(() => []) });
    const sync = place.sync({ store });
    await sync.start();
    await vi.waitFor(
      async () =>
        expect(await sync.health()).toMatchObject({
          reason: expect.stringMatching(
            /^Deliveries to order-mgt stand still: the store has not answered a claim/,
          ),
        }),
      WAITING,
    );
    release();
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
  });

  it('a start gives up on what waiting cannot mend', async () => {
    const place = await SyncPlace.make();
    const refusal = new TributaryError('schema_too_new', 'The database is newer than this program.');
    const store = wrap(place.opened, { migrate: () => Promise.reject(refusal) });
    await expect(place.sync({ store }).start()).rejects.toBe(refusal);
  });

  it('the pipeline can be stopped while it waits, before it was started, and twice', async () => {
    const place = await SyncPlace.make();
    const waiting = place.sync();
    const started = waiting.start();
    await vi.waitFor(async () => expect(place.logged.join('\n')).toContain('Waiting'), WAITING);
    await Promise.all([waiting.stop(), waiting.stop()]);
    await started;
    await place.sync().stop();
  });
});
