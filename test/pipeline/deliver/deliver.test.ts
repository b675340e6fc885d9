import { describe, expect, it, vi } from 'vitest';
import type { ViewRow } from '../../../src/core/domain.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { deliveryIdOf } from '../../../src/pipeline/delivery-id.ts';
import type { EntityChange } from '../../../src/ports/commit.ts';
import { change, DUE, letOthersRun, NOT_READY } from '../../contract/store/fixtures.ts';
import { wrap } from '../ingest/harness.ts';
import { commitChanges, DeliveryPlace, type Request, WAITING } from './harness.ts';

const row = (weight: number): ViewRow => ['Oslo', true, weight];
const due = (entityId: string, fromVersion = 0, facts: Partial<EntityChange> = {}) =>
  change(entityId, fromVersion, { delivery: DUE, row: row(fromVersion + 1), ...facts });

describe('the delivery loop', () => {
  it('the row is sent with its key first, and the id gives the key and the version', async () => {
    const place = await DeliveryPlace.make();
    await commitChanges(place.store, due('a'));
    place.start();
    await vi.waitFor(
      async () => expect(await place.read('a')).toMatchObject({ status: 'delivered' }),
      WAITING,
    );
    expect(place.target.requests).toMatchObject([
      {
        id: deliveryIdOf('a', 1),
        body: { parcel_id: 'a', place: 'Oslo', is_fragile: true, weight_grams: 1 },
      },
    ]);
    expect(Object.keys(place.target.requests[0]?.body ?? {})).toEqual([
      'parcel_id',
      'place',
      'is_fragile',
      'weight_grams',
      'version',
    ]);
    expect(await place.read('a')).toMatchObject({ dueVersion: 1, deliveredVersion: 1, attempts: 1 });
    expect(place.attempts('a')).toEqual([[1, 1, 'delivered']]);
  });

  it('one entity has one request under way, with its newest state, while the others go on', async () => {
    const place = await DeliveryPlace.make();
    const held: Request[] = [];
    place.target.onRequest = (request) => {
      if (request.entityId === 'slow') held.push(request);
      else request.answer(200);
    };
    await commitChanges(place.store, due('slow'), due('z'));
    const deliver = place.start();
    await vi.waitFor(() => expect(held).toHaveLength(1), WAITING);
    for (let version = 1; version < 5; version++) {
      await commitChanges(place.store, due('slow', version), due('z', version));
      deliver.wake();
      const delivered = { status: 'delivered', deliveredVersion: version + 1 };
      await vi.waitFor(async () => expect(await place.read('z')).toMatchObject(delivered), WAITING);
    }
    expect(held).toHaveLength(1);
    held[0]?.answer(200);
    await vi.waitFor(() => expect(held).toHaveLength(2), WAITING);
    held[1]?.answer(200);
    await vi.waitFor(
      async () => expect(await place.read('slow')).toMatchObject({ status: 'delivered' }),
      WAITING,
    );
    expect(place.target.versionsOf('slow')).toEqual([1, 5]);
    expect(place.target.versionsOf('z')).toEqual([1, 2, 3, 4, 5]);
    expect(place.target.mostOpenOfOneEntity).toBe(1);
    expect(held[1]?.body).toMatchObject({ weight_grams: 5, version: 5 });
  });

  it('no more requests are under way than the limit, and none when all are answered', async () => {
    const place = await DeliveryPlace.make();
    const held: Request[] = [];
    place.target.onRequest = (request) => {
      held.push(request);
      if (held.length >= 4) for (const one of held.splice(0)) one.answer(held.length % 2 === 0 ? 200 : 500);
    };
    const ids = Array.from({ length: 40 }, (_, index) => `parcel-${index}`);
    await commitChanges(place.store, ...ids.map((id) => due(id)).sort(byId));
    const deliver = place.start({ concurrency: 4 });
    await vi.waitFor(() => expect(deliver.status()).toMatchObject({ delivered: 40, inFlight: 0 }), WAITING);
    expect(place.target.mostOpenAtOnce).toBe(4);
    expect(place.target.requests).toHaveLength(40);
  });

  it('the waits grow with each failure, with full jitter, and the last attempt parks the state', async () => {
    const place = await DeliveryPlace.make();
    place.target.onRequest = (request) => request.answer(request.entityId === 'bad' ? 500 : 200);
    await commitChanges(place.store, due('bad'), due('good'));
    const deliver = place.start();
    const begunMs = place.clock.nowMs;
    await vi.waitFor(
      async () => expect(await place.read('good')).toMatchObject({ status: 'delivered' }),
      WAITING,
    );
    // One half of 1 s, 2 s and 4 s, since the clock's random numbers are one half.
    for (const [attempt, waitMs] of [
      [1, 500],
      [2, 1_000],
      [3, 2_000],
    ] as const) {
      const nextAttemptAtMs = place.clock.nowMs + waitMs;
      await vi.waitFor(
        async () =>
          expect(await place.read('bad')).toMatchObject({
            status: 'pending',
            attempts: attempt,
            nextAttemptAtMs,
          }),
        WAITING,
      );
      expect(place.target.versionsOf('bad')).toHaveLength(attempt);
      place.clock.nowMs = nextAttemptAtMs;
    }
    await vi.waitFor(
      async () => expect(await place.read('bad')).toMatchObject({ status: 'dead', attempts: 4 }),
      WAITING,
    );
    expect(place.clock.nowMs - begunMs).toBe(3_500);
    expect(await place.read('bad')).toMatchObject({
      nextAttemptAtMs: null,
      lastError: expect.stringContaining('500'),
    });
    expect(place.attempts('bad')).toEqual([1, 2, 3, 4].map((attempt) => [1, attempt, 'retry']));
    expect(
      new Set(place.target.requests.filter(({ entityId }) => entityId === 'bad').map(({ id }) => id)).size,
    ).toBe(1);
    await vi.waitFor(
      () => expect(deliver.status()).toMatchObject({ delivered: 1, retried: 3, dead: 1, inFlight: 0 }),
      WAITING,
    );
  });

  it.each([400, 413, 422])(
    'a state that is refused twice with %s while another is accepted is parked, and the next state of its entity is sent',
    async (status) => {
      const place = await DeliveryPlace.make();
      place.target.onRequest = (request) =>
        request.answer(request.entityId === 'a' && request.version === 1 ? status : 200);
      await commitChanges(place.store, due('a'));
      place.start();
      await vi.waitFor(
        async () => expect(await place.read('a')).toMatchObject({ lastStatus: status, attempts: 1 }),
        WAITING,
      );
      place.clock.nowMs += 60_000;
      await vi.waitFor(() => expect(place.attempts('a')).toHaveLength(2), WAITING);
      expect(await place.read('a')).toMatchObject({ status: 'pending', attempts: 2 });
      await commitChanges(place.store, due('b'));
      await vi.waitFor(
        async () => expect(await place.read('b')).toMatchObject({ status: 'delivered' }),
        WAITING,
      );
      place.clock.nowMs += 60_000;
      await vi.waitFor(
        async () => expect(await place.read('a')).toMatchObject({ status: 'dead', attempts: 3 }),
        WAITING,
      );
      place.clock.nowMs += 24 * 60 * 60_000;
      await commitChanges(place.store, due('a', 1));
      await vi.waitFor(
        async () => expect(await place.read('a')).toMatchObject({ status: 'delivered' }),
        WAITING,
      );
      expect(place.target.versionsOf('a')).toEqual([1, 1, 1, 2]);
    },
  );

  it.each([
    ['longer than its own wait', '120', 120_000],
    ['shorter than its own wait', '0', 500],
    ['longer than 15 minutes', '3600', 15 * 60_000],
  ])('a Retry-After that is %s decides the wait', async (_, header, waitMs) => {
    const place = await DeliveryPlace.make();
    place.target.onRequest = (request) => request.answer(429, { 'retry-after': header });
    await commitChanges(place.store, due('a'));
    place.start();
    const nextAttemptAtMs = place.clock.nowMs + waitMs;
    await vi.waitFor(
      async () =>
        expect(await place.read('a')).toMatchObject({ status: 'pending', attempts: 1, nextAttemptAtMs }),
      WAITING,
    );
  });

  it('a state that a dead process had claimed is sent again with the same id once the lease is over', async () => {
    const place = await DeliveryPlace.make();
    await commitChanges(place.store, due('a'));
    const never = Promise.withResolvers<void>();
    let claims = 0;
    const died = place.start({
      store: wrap(place.store, {
        claimDeliveries: async (request) => (++claims > 1 ? [] : place.store.claimDeliveries(request)),
        settleDeliveries: () => never.promise,
      }),
    });
    await vi.waitFor(() => expect(place.target.requests).toHaveLength(1), WAITING);
    const alive = place.start();
    place.clock.nowMs += 29_999;
    await commitChanges(place.store, due('b'));
    await vi.waitFor(
      async () => expect(await place.read('b')).toMatchObject({ status: 'delivered' }),
      WAITING,
    );
    expect(place.target.versionsOf('a')).toEqual([1]);
    place.clock.nowMs += 1;
    await vi.waitFor(
      async () => expect(await place.read('a')).toMatchObject({ status: 'delivered' }),
      WAITING,
    );
    const ids = place.target.requests.filter(({ entityId }) => entityId === 'a').map(({ id }) => id);
    expect(ids).toEqual([deliveryIdOf('a', 1), deliveryIdOf('a', 1)]);
    expect(place.attempts('a')).toEqual([[1, 2, 'delivered']]);
    await alive.stop();
    never.resolve();
    await died.stop();
  });

  it('a state that no longer qualifies is sent if the target has or may have an earlier state', async () => {
    const place = await DeliveryPlace.make();
    place.target.onRequest = (request) => request.answer(request.entityId === 'seen' ? 200 : 500);
    await commitChanges(place.store, due('maybe'), due('seen'));
    place.start();
    await vi.waitFor(
      async () => expect(await place.read('seen')).toMatchObject({ status: 'delivered' }),
      WAITING,
    );
    await vi.waitFor(() => expect(place.target.versionsOf('maybe')).toEqual([1]), WAITING);
    place.target.onRequest = (request) => request.answer(200);
    const withdrawn = { delivery: NOT_READY, row: ['Oslo', false, 0] } as const;
    await commitChanges(place.store, change('maybe', 1, withdrawn), change('seen', 1, withdrawn));
    for (const id of ['maybe', 'seen']) {
      await vi.waitFor(
        async () => expect(await place.read(id)).toMatchObject({ deliveredVersion: 2 }),
        WAITING,
      );
      expect(place.target.requests.findLast(({ entityId }) => entityId === id)?.body).toMatchObject({
        is_fragile: false,
        version: 2,
      });
    }
  });

  it('a state that stopped qualifying before its first attempt is sent as it is now', async () => {
    const place = await DeliveryPlace.make();
    await commitChanges(place.store, due('a'), due('b'));
    await commitChanges(place.store, change('a', 1, { delivery: NOT_READY, row: ['Oslo', false, 0] }));
    place.start();
    await vi.waitFor(
      async () => expect(await place.read('b')).toMatchObject({ status: 'delivered' }),
      WAITING,
    );
    await vi.waitFor(() => expect(place.target.versionsOf('a')).toEqual([2]), WAITING);
  });

  it('nothing is lost and nothing is sent twice while claims and settlements fail', async () => {
    const place = await DeliveryPlace.make();
    let calls = 0;
    const failing = () => {
      if (++calls % 3 !== 0) throw new TributaryError('store_unreachable', 'The database does not answer.');
    };
    const { store } = place;
    const flaky = wrap(store, {
      async claimDeliveries(request) {
        failing();
        return store.claimDeliveries(request);
      },
      async settleDeliveries(settlements) {
        failing();
        return store.settleDeliveries(settlements);
      },
    });
    const ids = Array.from({ length: 20 }, (_, index) => `parcel-${index}`);
    await commitChanges(store, ...ids.map((id) => due(id)).sort(byId));
    const deliver = place.start({ store: flaky });
    await vi.waitFor(() => expect(deliver.status()).toMatchObject({ delivered: 20, inFlight: 0 }), WAITING);
    expect(await store.counts()).toMatchObject({ deliveriesDelivered: 20, deliveriesPending: 0 });
    expect(place.target.requests).toHaveLength(20);
    expect(place.logged.join('\n')).toContain('does not answer');
  });

  it('two loops share what is due, and send nothing twice', async () => {
    const place = await DeliveryPlace.make();
    const ids = Array.from({ length: 60 }, (_, index) => `parcel-${index}`);
    await commitChanges(place.store, ...ids.map((id) => due(id)).sort(byId));
    const loops = [place.start({ concurrency: 4 }), place.start({ concurrency: 4 })];
    await vi.waitFor(
      async () => expect(await place.store.counts()).toMatchObject({ deliveriesDelivered: 60 }),
      WAITING,
    );
    expect(place.target.requests).toHaveLength(60);
    await Promise.all(loops.map((loop) => loop.stop()));
    expect(loops.map((loop) => loop.status().inFlight)).toEqual([0, 0]);
  });
});

describe('a delivery loop that is stopped', () => {
  it('a stopped loop finishes and records what is under way, and claims nothing more', async () => {
    const place = await DeliveryPlace.make();
    const held: Request[] = [];
    place.target.onRequest = (request) => held.push(request);
    await commitChanges(place.store, due('a'));
    const deliver = place.start();
    await vi.waitFor(() => expect(held).toHaveLength(1), WAITING);
    const stopped = deliver.stop();
    expect(deliver.stop()).toBe(stopped);
    held[0]?.answer(200);
    await stopped;
    expect(await place.read('a')).toMatchObject({ status: 'delivered' });
    expect(place.attempts('a')).toEqual([[1, 1, 'delivered']]);
    expect(deliver.status().inFlight).toBe(0);
    await commitChanges(place.store, due('b'));
    deliver.wake();
    await letOthersRun();
    expect(await place.read('b')).toMatchObject({ status: 'pending', attempts: 0 });
  });

  it('a stopped loop also sends and records what a claim under way brings', async () => {
    const place = await DeliveryPlace.make();
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const store = wrap(place.store, {
      async claimDeliveries(request) {
        const claimed = await place.store.claimDeliveries(request);
        reached.resolve();
        await released.promise;
        return claimed;
      },
    });
    await commitChanges(place.store, due('a'), due('b'));
    const deliver = place.start({ store });
    await reached.promise;
    const stopped = deliver.stop();
    released.resolve();
    await stopped;
    expect(await place.read('a')).toMatchObject({ status: 'delivered' });
    expect(await place.read('b')).toMatchObject({ status: 'delivered' });
    expect(deliver.status()).toMatchObject({ delivered: 2, inFlight: 0 });
  });

  it('a stopped loop cuts hanging calls when its patience ends, and records that the outcome is unknown', async () => {
    const place = await DeliveryPlace.make();
    place.target.onRequest = () => undefined;
    await commitChanges(place.store, due('a'));
    const deliver = place.start({ stopGraceMs: 30 });
    await vi.waitFor(() => expect(place.target.requests).toHaveLength(1), WAITING);
    await deliver.stop();
    expect(await place.read('a')).toMatchObject({ status: 'pending', attempts: 1 });
    expect(place.attempts('a')).toEqual([[1, 1, 'retry']]);
  });

  it('a stopped loop does not wait for a store that is gone for good', async () => {
    const place = await DeliveryPlace.make();
    let isGone = false;
    const store = wrap(place.store, {
      async settleDeliveries(settlements) {
        if (isGone) throw new TributaryError('store_unreachable', 'The database does not answer.');
        return place.store.settleDeliveries(settlements);
      },
    });
    place.target.onRequest = (request) => {
      isGone = true;
      request.answer(200);
    };
    await commitChanges(place.store, due('a'));
    const deliver = place.start({ store });
    await vi.waitFor(() => expect(place.target.requests).toHaveLength(1), WAITING);
    await deliver.stop();
    expect(await place.read('a')).toMatchObject({ status: 'pending', attempts: 1 });
    place.clock.nowMs += 30_000;
    place.start();
    await vi.waitFor(
      async () => expect(await place.read('a')).toMatchObject({ status: 'delivered' }),
      WAITING,
    );
    expect(new Set(place.target.requests.map(({ id }) => id)).size).toBe(1);
  });

  it('a loop can be stopped before it was started, and twice', async () => {
    const place = await DeliveryPlace.make();
    const deliver = place.deliver();
    await deliver.stop();
    await deliver.stop();
    expect(place.target.requests).toEqual([]);
  });
});

function byId(left: EntityChange, right: EntityChange): number {
  return left.entityId < right.entityId ? -1 : 1;
}
