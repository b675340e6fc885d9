import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../src/core/errors.ts';
import { Defects } from '../../src/pipeline/defects.ts';
import { Sync } from '../../src/pipeline/sync.ts';
import { wrap } from './ingest/harness.ts';
import { created } from './sync-place.ts';
import { ready, SyncTwins, TARGET } from './sync-twins.ts';

const MISTAKE = new TypeError('x is not a function');
const DECISION = { decidedBy: 'ops', reason: 'a test', decidedAtMs: 0 };

describe('a pipeline that starts or stops', () => {
  it('starts and stops once, however often it is told to', async () => {
    const twins = new SyncTwins();
    const sync = twins.sync();
    expect(sync.start()).toBe(sync.start());
    await twins.settled(sync.start());
    expect(sync.stop()).toBe(sync.stop());
    await twins.settled(sync.stop());
    twins.append(created('a'));
    await twins.clock.advance(10_000);
    expect((await twins.store.counts()).journaledEvents).toBe(0);
    expect(twins.clock.sleepers).toBe(0);
  });

  it('shows an empty status and a start that has not begun before it is started', async () => {
    const twins = new SyncTwins();
    const sync = twins.sync();
    expect(sync.status()).toEqual({
      ingest: null,
      deliveries: {},
      sweeps: {},
      refused: null,
      stuck: null,
      verification: {
        compared: 0,
        repaired: 0,
        unfoldable: 0,
        passes: 0,
        differences: {},
        lastPass: null,
      },
      view: null,
      holds: [],
      meters: sync.status().meters,
      defects: { count: 0, latest: [] },
    });
    expect(await sync.health()).toEqual({ ok: false, reason: 'not started', summary: 'not started' });
    await sync.holdsChanged();
    await sync.stop();
  });

  it('stops without an error after a start that failed', async () => {
    const twins = new SyncTwins();
    const sync = twins.sync({ store: wrap(twins.opened, { migrate: () => Promise.reject(MISTAKE) }) });
    await expect(sync.start()).rejects.toBe(MISTAKE);
    await expect(sync.stop()).resolves.toBeUndefined();
  });

  it('stops without an error while its start waits for the store', async () => {
    const twins = new SyncTwins();
    const down = new TributaryError('store_unreachable', 'The store does not answer.');
    const sync = twins.sync({ store: wrap(twins.opened, { migrate: () => Promise.reject(down) }) });
    const started = sync.start();
    await twins.clock.advance(5_000);
    expect(await sync.health()).toMatchObject({ ok: false, summary: 'database: not reachable' });
    await twins.settled(sync.stop());
    await expect(started).resolves.toBeUndefined();
  });

  it('runs where nobody asks for its migrated store', async () => {
    const twins = new SyncTwins();
    const { onStoreReady: _, ...options } = twins.options();
    const sync = new Sync(options);
    await twins.settled(sync.start());
    expect(await sync.health()).toEqual({ ok: true });
    await twins.settled(sync.stop());
  });

  it('names its targets to the migration', async () => {
    const twins = new SyncTwins();
    const named: unknown[] = [];
    const store = wrap(twins.opened, {
      migrate: (options) => {
        named.push(options.targets);
        return twins.opened.migrate(options);
      },
    });
    await twins.settled(twins.sync({ store }).start());
    expect(named).toEqual([[TARGET]]);
  });

  it('fails where the holds or the view meet a defect, since nothing runs yet', async () => {
    for (const method of ['listHolds', 'viewState'] as const) {
      const twins = new SyncTwins();
      let calls = 0;
      const store = twins.storeWith((migrated) => ({
        [method]: () =>
          // The migration reads the view's record first.
          ++calls > (method === 'viewState' ? 1 : 0) ? Promise.reject(MISTAKE) : migrated[method](),
      }));
      await expect(twins.settled(twins.sync({ store }).start())).rejects.toBe(MISTAKE);
    }
  });

  it('goes on where reading meets a defect at its start, since the other parts run', async () => {
    const twins = new SyncTwins();
    let tries = 0;
    const store = twins.storeWith((migrated) => ({
      storeId: () => (++tries === 1 ? Promise.reject(MISTAKE) : migrated.storeId()),
    }));
    const sync = twins.sync({ store });
    await twins.settled(sync.start());
    expect(tries).toBe(2);
    expect(sync.status().defects).toMatchObject({ count: 1, latest: [{ place: 'the start' }] });
  });

  it('begins nothing more after a stop, whichever step of the start was under way', async () => {
    for (const method of ['migrate', 'listHolds', 'viewState'] as const) {
      const twins = new SyncTwins();
      const answered = Promise.withResolvers<void>();
      const calls: string[] = [];
      let wasAsked = false;
      let views = 0;
      const late = async () => {
        wasAsked = true;
        await answered.promise;
      };
      const migrating = twins.storeWith((migrated) => ({
        listHolds: async () => {
          calls.push('listHolds');
          if (method === 'listHolds') await late();
          return migrated.listHolds();
        },
        viewState: async () => {
          // The migration reads the view's record too.
          if (views++ > 0) calls.push('viewState');
          if (method === 'viewState' && views > 1) await late();
          return migrated.viewState();
        },
        claimDeliveries: async (request) => {
          calls.push('claimDeliveries');
          return migrated.claimDeliveries(request);
        },
      }));
      const store = wrap(migrating, {
        migrate: async (options) => {
          calls.push('migrate');
          if (method === 'migrate') await late();
          return migrating.migrate(options);
        },
      });
      const sync = twins.sync({ store, onStoreReady: () => calls.push('ready') });
      const started = sync.start();
      await twins.until(() => wasAsked);
      const stopped = sync.stop();
      answered.resolve();
      await twins.settled(Promise.all([started, stopped]));
      await twins.clock.advance(30_000);
      expect(calls.at(-1)).toBe(method);
      expect(calls).not.toContain('ready');
      expect(twins.clock.sleepers).toBe(0);
    }
  });

  it('a pipeline reports the consumer that cannot start, and reads once it can', async () => {
    const twins = new SyncTwins();
    let isDown = true;
    const log = wrap(twins.log, {
      consumer(options) {
        const consumer = twins.log.consumer(options);
        return wrap(consumer, {
          start: (listener) =>
            isDown
              ? Promise.reject(new TributaryError('log_unreachable', 'The log does not answer.'))
              : consumer.start(listener),
        });
      },
    });
    const sync = twins.sync({ log });
    const started = sync.start();
    await twins.clock.advance(1_000);
    expect(sync.status().ingest).toBeNull();
    expect(await sync.health()).toEqual({
      ok: false,
      reason: 'The log does not answer.',
      summary: 'event log: not reachable',
    });
    isDown = false;
    await twins.settled(started);
    await twins.clock.advance(1_000);
    expect(await sync.health()).toEqual({ ok: true });
  });

  it('counts its defects where the program counts those of other parts', async () => {
    const twins = new SyncTwins();
    const defects = new Defects(twins.clock, () => {});
    const store = twins.storeWith(() => ({ refusedCounts: () => Promise.reject(MISTAKE) }));
    await twins.settled(twins.sync({ store, defects }).start());
    await twins.clock.advance(1_000);
    expect(defects.status().latest).toMatchObject([{ place: 'the count of what was refused' }]);
  });

  it('hands its migrated store to the program once', async () => {
    const twins = new SyncTwins();
    const stores: object[] = [];
    await twins.settled(twins.sync({ onStoreReady: (store) => stores.push(store) }).start());
    expect(stores).toEqual([twins.store]);
  });
});

describe('the holds of a pipeline', () => {
  it('holds show in health and status at once when somebody says that they have changed', async () => {
    const twins = new SyncTwins();
    const sync = twins.sync();
    await twins.settled(sync.start());
    await twins.store.hold({ kind: 'target', target: TARGET }, DECISION);
    await sync.holdsChanged();
    expect(sync.status().holds).toMatchObject([{ heldBy: 'ops' }]);
    expect(await sync.health()).toEqual({
      ok: true,
      notes: [`Paused: target ${TARGET}, since 1970-01-01T00:00:00.000Z by ops: a test`],
    });
    expect(sync.status().deliveries[TARGET]).toMatchObject({ isPaused: true });
    await twins.store.release({ kind: 'target', target: TARGET }, DECISION);
    await twins.clock.advance(2_000);
    expect(await sync.health()).toEqual({ ok: true });
    expect(sync.status().deliveries[TARGET]).toMatchObject({ isPaused: false });
  });

  it('holds keep partitions from being read', async () => {
    const twins = new SyncTwins();
    const sync = twins.sync();
    await twins.settled(sync.start());
    await twins.store.hold({ kind: 'topic', topic: 'order_events' }, DECISION);
    await sync.holdsChanged();
    await twins.clock.advance(1_000);
    twins.append(...ready('a'));
    await twins.clock.advance(5_000);
    expect((await twins.store.counts()).journaledEvents).toBe(1);
  });
});
