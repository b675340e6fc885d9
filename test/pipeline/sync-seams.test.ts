import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, vi } from 'vitest';
import { TributaryError } from '../../src/core/errors.ts';
import type { Store } from '../../src/ports/store.ts';
import { WAITING, wrap } from './ingest/harness.ts';
import { created, paid, SyncPlace, TARGET } from './sync-place.ts';

/** The store of the place, with some methods replaced once it is migrated. */
function storeWith(place: SyncPlace, replaced: (store: Store) => Partial<Store>) {
  return wrap(place.opened, {
    async migrate(options) {
      const { store, report } = await place.opened.migrate(options);
      return { store: wrap<Store>(store, replaced(store)), report };
    },
  });
}

describe('the health of a running pipeline', () => {
  it('tells that reading stands still while the store works', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const store = storeWith(place, () => ({
      acquire: () => Promise.reject(new TributaryError('store_busy', 'The lock wait was given up.')),
    }));
    const sync = place.sync({ store });
    await sync.start();
    await vi.waitFor(
      async () =>
        expect(await sync.health()).toMatchObject({
          ok: false,
          reason: expect.stringContaining('The lock wait was given up.'),
          summary: 'reading: stands still',
        }),
      WAITING,
    );
  });

  it('tells that claims of deliveries are not answered while the store works', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const answered = Promise.withResolvers<never[]>();
    const sync = place.sync({ store: storeWith(place, () => ({ claimDeliveries: () => answered.promise })) });
    await sync.start();
    await vi.waitFor(
      async () =>
        expect(await sync.health()).toMatchObject({
          ok: false,
          reason: expect.stringContaining('Deliveries to order-mgt stand still'),
          summary: 'delivery: stands still',
        }),
      WAITING,
    );
    answered.resolve([]);
    await vi.waitFor(async () => expect(await sync.health()).toMatchObject({ ok: true }), WAITING);
  });
});

describe('the start of a pipeline', () => {
  it('waits until every topic is there, and names those that are missing', async () => {
    const place = await SyncPlace.make();
    await place.log.createTopics([{ topic: 'order_events', partitions: 2 }]);
    const sync = place.sync();
    let hasStarted = false;
    const started = sync.start().then(() => {
      hasStarted = true;
    });
    await vi.waitFor(
      async () =>
        expect(await sync.health()).toMatchObject({
          ok: false,
          reason: expect.stringContaining('There is no topic payment_events'),
        }),
      WAITING,
    );
    expect(hasStarted).toBe(false);
    await place.log.createTopics([{ topic: 'payment_events', partitions: 2 }]);
    await started;
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
  });

  it('closes the consumer of a try that failed before the next try', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const calls: string[] = [];
    let made = 0;
    const log = wrap(place.log, {
      consumer(options) {
        const consumer = place.log.consumer(options);
        const number = ++made;
        return wrap(consumer, {
          async start(listener) {
            calls.push(`start ${number}`);
            if (number === 1) throw new TributaryError('log_unreachable', 'The log does not answer.');
            await consumer.start(listener);
          },
          async close() {
            calls.push(`close ${number}`);
            await consumer.close();
          },
        });
      },
    });
    await place.sync({ log }).start();
    expect(calls).toEqual(['start 1', 'close 1', 'start 2']);
  });

  it('fills a view that was made anew from the journal at once', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    await place.append(created('order-1'), paid('order-1', 'PAYMENT_AUTHORIZED', 1));
    const first = place.sync({ delivery: { enabled: false } });
    await first.start();
    await vi.waitFor(async () => expect((await place.store.counts()).journaledEvents).toBe(2), WAITING);
    await first.stop();
    const database = new DatabaseSync(place.file, { timeout: 1_000 });
    database.exec('DROP TABLE orders');
    database.close();
    await place.sync({ delivery: { enabled: false } }).start();
    await vi.waitFor(
      () =>
        expect(place.logged).toContain(
          'info: The view is complete again: its rows were made from the journal.',
        ),
      WAITING,
    );
    expect(await place.store.readView(['order-1'])).toMatchObject(
      new Map([['order-1', { row: ['CREATED', 'PAYMENT_AUTHORIZED', null, true], version: 2 }]]),
    );
  });
});

describe('a state that a commit makes due', () => {
  it('reaches the target at once, even if it is the only one', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const sync = place.sync({ delivery: { enabled: true, pollMs: 3_600_000 } });
    await sync.start();
    await place.append(created('order-1'));
    await vi.waitFor(async () => expect((await place.store.counts()).journaledEvents).toBe(1), WAITING);
    await place.append(paid('order-1', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(() => expect(place.newest('order-1')).toMatchObject({ version: 2 }), WAITING);
  });
});

describe('a sweep of a running pipeline', () => {
  it('makes nothing due under another record of the view than the one it knows', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const epochs: (number | undefined)[] = [];
    const store = storeWith(place, (migrated) => ({
      makeDueAgain: (again) => {
        epochs.push(again.viewEpoch);
        return migrated.makeDueAgain(again);
      },
    }));
    const sync = place.sync({
      store,
      sweep: { holdings: place.holdings(), everyMs: 1_000, perSecond: 100 },
    });
    await sync.start();
    await place.append(created('order-1'), paid('order-1', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(() => expect(place.newest('order-1')).toMatchObject({ version: 2 }), WAITING);
    await vi.waitFor(
      () => expect(sync.status().sweeps[TARGET]?.last).toMatchObject({ compared: 1, inFlight: 0 }),
      WAITING,
    );
    place.received.length = 0;
    await vi.waitFor(() => expect(place.newest('order-1')).toMatchObject({ version: 2 }), WAITING);
    const { epoch } = await place.store.viewState();
    expect(epochs).toEqual([epoch]);
  });
});
