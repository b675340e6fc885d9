import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { WAITING } from './ingest/harness.ts';
import { created, paid, SyncPlace, TARGET } from './sync-place.ts';

describe('the whole pipeline', () => {
  it('an order that is declined after it was sent is sent again as not ready', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const sync = place.sync();
    await sync.start();
    await place.append(paid('a', 'PAYMENT_AUTHORIZED', 1), created('a'));
    await vi.waitFor(
      () => expect(place.newest('a')).toMatchObject({ ready_to_send: true, version: 2 }),
      WAITING,
    );
    await place.append(paid('a', 'AUTHORIZATION_REVIEW_DECLINED', 2));
    await vi.waitFor(
      () =>
        expect(place.newest('a')).toEqual({
          order_id: 'a',
          order_status: 'CREATED',
          payment_status: 'AUTHORIZATION_REVIEW_DECLINED',
          review_status: 'DECLINED',
          ready_to_send: false,
          version: 3,
        }),
      WAITING,
    );
    await vi.waitFor(
      async () => expect(await place.store.counts()).toMatchObject({ deliveriesPending: 0 }),
      WAITING,
    );
    await place.append(paid('a', 'PAYMENT_AUTHORIZED', 0), created('b'), paid('b', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(() => expect(place.newest('b')).toBeDefined(), WAITING);
    expect((await place.store.readView(['a'])).get('a')?.version).toBe(4);
    // The late event raised the version and changed nothing else, so nothing was due to the target.
    expect(place.newest('a')).toMatchObject({ version: 3 });
  });

  it('an order that was declined before its first attempt is sent as it is, since it was ready once', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const silent = place.sync({ delivery: { enabled: false } });
    await silent.start();
    await place.append(created('a'), paid('a', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(
      async () => expect(await place.store.counts()).toMatchObject({ deliveriesPending: 1 }),
      WAITING,
    );
    await place.append(
      paid('a', 'AUTHORIZATION_REVIEW_DECLINED', 2),
      created('b'),
      paid('b', 'PAYMENT_AUTHORIZED', 1),
    );
    await vi.waitFor(
      async () => expect(await place.store.counts()).toMatchObject({ journaledEvents: 5 }),
      WAITING,
    );
    await silent.stop();
    const sync = place.sync();
    await sync.start();
    await vi.waitFor(() => expect(place.newest('b')).toBeDefined(), WAITING);
    await vi.waitFor(
      () => expect(place.newest('a')).toMatchObject({ ready_to_send: false, version: 3 }),
      WAITING,
    );
  });

  it('a sweep delivers again what the target loses, and the status shows it', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const sync = place.sync({ sweep: { holdings: place.holdings(), everyMs: 1_000, perSecond: 100 } });
    expect(sync.status().sweeps).toEqual({});
    await sync.start();
    await place.append(created('a'), paid('a', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(() => expect(place.newest('a')).toMatchObject({ version: 2 }), WAITING);
    const before = place.newest('a');
    await vi.waitFor(
      () =>
        expect(sync.status().sweeps[TARGET]).toMatchObject({
          everyMs: 1_000,
          last: { outcome: 'complete', compared: 1, inFlight: 0 },
        }),
      WAITING,
    );
    place.received.length = 0;
    await vi.waitFor(() => expect(place.newest('a')).toEqual(before), WAITING);
    await vi.waitFor(() => expect(place.logged.join()).toContain('they are delivered again'), WAITING);
    await sync.stop();
    const { last } = sync.status().sweeps[TARGET] ?? {};
    place.received.length = 0;
    await systemClock.sleep(1_500);
    expect(place.received).toEqual([]);
    expect(sync.status().sweeps[TARGET]).toMatchObject({ isUnderWay: false, last });
  });

  it('a pipeline that delivers nothing sweeps nothing', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const sweep = { holdings: place.holdings(), everyMs: 1_000, perSecond: 100 };
    const sync = place.sync({ sweep, delivery: { enabled: false } });
    await sync.start();
    expect(sync.status().sweeps).toEqual({});
  });

  it('a view that was dropped is made again and filled from the journal, and deliveries go on', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const sync = place.sync();
    await sync.start();
    await place.append(created('order1'), paid('order1', 'PAYMENT_AUTHORIZED', 1), created('order2'));
    await vi.waitFor(() => expect(place.received).toHaveLength(1), WAITING);

    const database = new DatabaseSync(place.file, { timeout: 1_000 });
    database.exec('DROP TABLE orders');
    database.close();
    await place.append(paid('order2', 'PAYMENT_AUTHORIZED', 2));

    await vi.waitFor(() => expect(place.received).toHaveLength(2), WAITING);
    await vi.waitFor(
      async () =>
        expect(await place.store.readView(['order1', 'order2'])).toEqual(
          new Map(
            ['order1', 'order2'].map((id) => [
              id,
              { row: ['CREATED', 'PAYMENT_AUTHORIZED', null, true], version: 2 },
            ]),
          ),
        ),
      WAITING,
    );
    expect(place.received[1]).toMatchObject({ order_id: 'order2', version: 2 });
    expect(place.logged).toContain(
      'warn: The table orders was missing: it was made anew, and its rows are made from the journal.',
    );
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
    await sync.stop();
  });
});
