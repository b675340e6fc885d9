import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import { orders } from '../../../src/orders/index.ts';
import { type Stage, untilReached } from '../../../src/pipeline/ask/reached.ts';
import type { EventSearch } from '../../../src/ports/journal.ts';
import {
  ACCEPTED,
  AUTHORIZED,
  created,
  DECLINED,
  inspectionOf,
  OrderStore,
  paid,
} from '../../helpers/order-store.ts';
import { wrap } from '../ingest/harness.ts';

const NOBODY = new AbortController().signal;

/** What a reader finds at once. */
async function reached(place: OrderStore, eventId: string, stage: Stage, entityId = 'a') {
  const parts = { ...place.parts(), clock: place.clock };
  return untilReached(parts, { entityId, eventId, stage }, { waitMs: 0, signal: NOBODY });
}

const event = (eventId: string) => ({ eventId });

async function paidOrder(targets?: readonly string[]): Promise<OrderStore> {
  const place = await OrderStore.open(targets);
  await place.journal([created('a', '10:00', event('e1')), paid('a', AUTHORIZED, '10:01', event('e2'))]);
  return place;
}

/** A clock that goes on by what is slept, and does something before each sleep. */
function steppedClock(beforeSleep: (sleeps: number) => Promise<void> | void) {
  let nowMs = 0;
  let sleeps = 0;
  return {
    monotonicMs: () => nowMs,
    async sleep(ms: number) {
      nowMs += ms;
      await beforeSleep(++sleeps);
    },
  };
}

describe('how far an event has come', () => {
  it('an event is journaled and projected by the same transaction, with the version that the order had', async () => {
    const place = await paidOrder();
    for (const stage of ['journaled', 'projected'] as const)
      expect(await reached(place, 'e2', stage)).toMatchObject({ isReached: true, version: 2 });
    for (const stage of ['journaled', 'projected', 'delivered'] as const)
      expect(await reached(place, 'e3', stage)).toMatchObject({ isReached: false, version: null });
    expect(await reached(place, 'e1', 'journaled', 'b')).toMatchObject({ isReached: false, version: null });
  });

  it('an event is delivered once every target has accepted a state as new, or was owed none', async () => {
    const place = await paidOrder(['order-mgt', 'archive']);
    await place.settle('delivered');
    expect(await reached(place, 'e2', 'delivered')).toMatchObject({
      isReached: false,
      isProjected: true,
      owed: [{ target: 'archive', status: 'pending' }],
    });
    await place.settle('delivered', {}, 'archive');
    expect(await reached(place, 'e2', 'delivered')).toMatchObject({ isReached: true, owed: [] });
    await place.journal([created('b', '10:00', event('e9'))]);
    expect(await reached(place, 'e9', 'delivered', 'b')).toMatchObject({ isReached: true });
  });

  it('an event whose state was accepted stays delivered when a later state is due, and one that changed nothing waits for the state before', async () => {
    const place = await paidOrder();
    // It repeats what is known, so that the state stays as it is.
    await place.journal([created('a', '10:02', event('e3'))]);
    expect(await reached(place, 'e3', 'delivered')).toMatchObject({ isReached: false, version: 3 });
    await place.settle('delivered');
    expect(await reached(place, 'e3', 'delivered')).toMatchObject({ isReached: true });
    await place.journal([paid('a', ACCEPTED, '10:03', event('e4'))]);
    expect(await reached(place, 'e2', 'delivered')).toMatchObject({ isReached: true });
    expect(await reached(place, 'e4', 'delivered')).toMatchObject({ isReached: false });
  });

  it('an event of a dead delivery is not delivered', async () => {
    const place = await paidOrder();
    await place.settle('dead', { status: 422 });
    expect(await reached(place, 'e2', 'delivered')).toMatchObject({
      isReached: false,
      owed: [{ status: 'dead' }],
    });
  });

  it('an event is projected once the row has its version, and not while the row has the one before', async () => {
    const place = await paidOrder();
    const rowAt = async (version: number) => {
      const store = wrap(place.store, {
        readView: async (ids) => {
          const rows = await place.store.readView(ids);
          return new Map([...rows].map(([id, { row }]) => [id, { row, version }]));
        },
      });
      const parts = { ...place.parts(), store, clock: place.clock };
      const search = { entityId: 'a', eventId: 'e2', stage: 'projected' } as const;
      return untilReached(parts, search, { waitMs: 0, signal: NOBODY });
    };
    expect(await rowAt(1)).toMatchObject({ isReached: false, isProjected: false, obstacle: 'row_behind' });
    expect(await rowAt(2)).toMatchObject({ isReached: true, obstacle: null });
    expect(await rowAt(3)).toMatchObject({ isReached: true, obstacle: null });
  });

  it('an event whose state was given up is not delivered by the state before it', async () => {
    const place = await paidOrder();
    await place.settle('delivered');
    await place.journal([paid('a', DECLINED, '10:02', event('e3'))]);
    await place.settle('dead', { status: 422 });
    expect(await reached(place, 'e2', 'delivered')).toMatchObject({ isReached: true });
    expect(await reached(place, 'e3', 'delivered')).toMatchObject({
      isReached: false,
      owed: [{ status: 'dead', deliveredVersion: 2 }],
    });
  });

  it('an event of a parked order is journaled only', async () => {
    const place = await paidOrder();
    await place.park('a', [paid('a', ACCEPTED, '10:02', event('e3'))], 'It throws.');
    expect(await reached(place, 'e3', 'journaled')).toMatchObject({ isReached: true, version: 3 });
    for (const stage of ['projected', 'delivered'] as const)
      expect(await reached(place, 'e3', stage)).toMatchObject({ isReached: false, obstacle: 'parked' });
  });

  it('an event is journaled only while rows wait for a rebuild', async () => {
    const place = await paidOrder();
    const domain = { ...orders, foldVersion: (orders.foldVersion ?? 1) + 1 };
    const parts = { ...place.parts({ domain }), clock: place.clock };
    const search = { entityId: 'a', eventId: 'e2', stage: 'projected' } as const;
    expect(await untilReached(parts, search, { waitMs: 0, signal: NOBODY })).toMatchObject({
      isReached: false,
      version: 2,
      obstacle: 'awaits_rebuild',
    });
  });
});

describe('a reader that waits for an event', () => {
  it('gets the answer as soon as the event is there, and searches only what came since', async () => {
    const place = await paidOrder();
    const searches: number[] = [];
    const store = {
      ...inspectionOf(place.store),
      async findEvent(search: EventSearch) {
        searches.push(search.after);
        return place.store.findEvent(search);
      },
    };
    const clock = steppedClock(async (sleeps) => {
      if (sleeps === 2) await place.journal([paid('a', ACCEPTED, '10:02', event('e3'))]);
    });
    const search = { entityId: 'a', eventId: 'e3', stage: 'projected' } as const;
    const found = await untilReached({ ...place.parts({ store }), clock }, search, {
      waitMs: 5_000,
      signal: NOBODY,
    });
    expect(found).toMatchObject({ isReached: true, version: 3 });
    expect(searches).toEqual([0, 2, 2]);
  });

  it('looks every 100 ms, once more when the time is over, and at once when it leaves', async () => {
    const place = await paidOrder();
    let slept = 0;
    const clock = steppedClock((sleeps) => {
      slept = sleeps;
      if (sleeps === 4) leaving.abort();
    });
    const leaving = new AbortController();
    const parts = { ...place.parts(), clock };
    const search = { entityId: 'a', eventId: 'nobody', stage: 'journaled' } as const;
    expect(await untilReached(parts, search, { waitMs: 250, signal: NOBODY })).toMatchObject({
      isReached: false,
    });
    expect([slept, clock.monotonicMs()]).toEqual([3, 250]);
    await untilReached(parts, search, { waitMs: 5_000, signal: leaving.signal });
    expect(slept).toBe(4);
  });

  it('gets over looks that fail, unless the last one does, or the error does not pass', async () => {
    const place = await paidOrder();
    const errors = [new TributaryError('store_unreachable', 'It is gone.')];
    const store = {
      ...inspectionOf(place.store),
      async findEvent(search: EventSearch) {
        const error = errors.shift();
        if (error !== undefined) throw error;
        return place.store.findEvent(search);
      },
    };
    const parts = { ...place.parts({ store }), clock: steppedClock(() => {}) };
    const search = { entityId: 'a', eventId: 'e2', stage: 'journaled' } as const;
    expect(await untilReached(parts, search, { waitMs: 500, signal: NOBODY })).toMatchObject({
      isReached: true,
    });
    errors.push(new TributaryError('store_unreachable', 'It is gone.'));
    await expect(untilReached(parts, search, { waitMs: 0, signal: NOBODY })).rejects.toMatchObject({
      code: 'store_unreachable',
    });
    errors.push(new TributaryError('store_refused', 'No right.'));
    await expect(untilReached(parts, search, { waitMs: 500, signal: NOBODY })).rejects.toMatchObject({
      code: 'store_refused',
    });
  });
});
