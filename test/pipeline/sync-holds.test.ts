import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/adapters/system-clock.ts';
import type { HoldPart } from '../../src/ports/holds.ts';
import { WAITING, wrap } from './ingest/harness.ts';
import { created, paid, SyncPlace, TARGET } from './sync-place.ts';

const ORDERS: HoldPart = { kind: 'topic', topic: 'order_events' };
const TARGET_PART: HoldPart = { kind: 'target', target: TARGET };
const DECISION = { decidedBy: 'ops', reason: 'a test', decidedAtMs: 0 };

describe('the whole pipeline with parts on hold', () => {
  it('a pause that another process decides is followed, shown, and survives a restart', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const first = place.sync();
    await first.start();
    await place.append(created('a'), paid('a', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(() => expect(place.newest('a')).toMatchObject({ version: 2 }), WAITING);
    // As a command does: nobody tells the pipeline.
    await place.store.hold(ORDERS, DECISION);
    await place.store.hold(TARGET_PART, { ...DECISION, decidedAtMs: 1 });
    await vi.waitFor(() => expect(first.status().holds).toHaveLength(2), WAITING);
    await vi.waitFor(() => expect(first.status().ingest?.owned).toHaveLength(2), WAITING);
    const shown = {
      ok: true,
      notes: [
        'Paused: topic order_events, since 1970-01-01T00:00:00.000Z by ops: a test',
        `Paused: target ${TARGET}, since 1970-01-01T00:00:00.001Z by ops: a test`,
      ],
    };
    expect(await first.health()).toEqual(shown);
    expect(first.status().deliveries[TARGET]).toMatchObject({ isPaused: true });

    place.received.length = 0;
    await place.append(
      created('b'),
      paid('b', 'PAYMENT_AUTHORIZED', 1),
      paid('a', 'AUTHORIZATION_REVIEW_DECLINED', 2),
    );
    await vi.waitFor(
      async () =>
        expect(await place.store.counts()).toMatchObject({ journaledEvents: 4, deliveriesPending: 1 }),
      WAITING,
    );
    await first.stop();

    const second = place.sync();
    await second.start();
    await vi.waitFor(async () => expect(await second.health()).toEqual(shown), WAITING);
    await systemClock.sleep(300);
    expect(await place.store.counts()).toMatchObject({ journaledEvents: 4, deliveriesPending: 1 });
    expect(place.received).toEqual([]);

    await place.store.release(ORDERS, DECISION);
    await second.holdsChanged();
    await vi.waitFor(
      async () =>
        expect(await place.store.counts()).toMatchObject({ journaledEvents: 5, deliveriesPending: 2 }),
      WAITING,
    );
    expect(place.received).toEqual([]);
    await place.store.release(TARGET_PART, DECISION);
    await second.holdsChanged();
    await vi.waitFor(() => expect(place.received).toHaveLength(2), WAITING);
    expect(place.newest('a')).toMatchObject({ ready_to_send: false, version: 3 });
    expect(place.newest('b')).toMatchObject({ ready_to_send: true, version: 2 });
    await vi.waitFor(async () => expect(await second.health()).toEqual({ ok: true }), WAITING);
  });

  it('nothing is claimed or acquired before the holds are read', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const answered = Promise.withResolvers<void>();
    let asked = 0;
    const calls: string[] = [];
    const opened = wrap(place.opened, {
      migrate: async (options) => {
        const { store, report } = await place.opened.migrate(options);
        await store.hold(ORDERS, DECISION);
        const slow = wrap(store, {
          listHolds: async () => {
            asked++;
            await answered.promise;
            return store.listHolds();
          },
          acquire: async (requests) => {
            calls.push(...requests.map(({ topic }) => topic));
            return store.acquire(requests);
          },
          claimDeliveries: async (request) => {
            calls.push(request.target);
            return store.claimDeliveries(request);
          },
        });
        return { store: slow, report };
      },
    });
    const sync = place.sync({ store: opened });
    const started = sync.start();
    await vi.waitFor(() => expect(asked).toBe(1), WAITING);
    await systemClock.sleep(200);
    expect(calls).toEqual([]);
    answered.resolve();
    await started;
    await vi.waitFor(() => expect(new Set(calls)).toEqual(new Set([TARGET, 'payment_events'])), WAITING);
  });

  it('a target that is paused is not swept', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const sync = place.sync({ sweep: { holdings: place.holdings(), everyMs: 1_000, perSecond: 100 } });
    await sync.start();
    await place.append(created('a'), paid('a', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(
      () => expect(sync.status().sweeps[TARGET]?.last).toMatchObject({ compared: 1, inFlight: 0 }),
      WAITING,
    );
    await place.store.hold(TARGET_PART, DECISION);
    await sync.holdsChanged();
    await vi.waitFor(
      () => expect(sync.status().sweeps[TARGET]).toMatchObject({ isUnderWay: false }),
      WAITING,
    );
    const { last } = sync.status().sweeps[TARGET] ?? {};
    place.received.length = 0;
    // A sweep comes every second, and would find that the target lacks the order.
    await systemClock.sleep(1_300);
    expect(sync.status().sweeps[TARGET]?.last).toEqual(last);
    expect(place.received).toEqual([]);
  });
});
