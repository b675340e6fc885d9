import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import { orders } from '../../../src/orders/index.ts';
import { StuckWatch } from '../../../src/pipeline/ask/stuck-watch.ts';
import { created, inspectionOf, OrderStore, PENDING, paid } from '../../helpers/order-store.ts';

const HOUR_MS = 3_600_000;

/** A watch over the store, which stops after this number of rests. */
function watchOf(
  place: OrderStore,
  rests: number,
  facts: Partial<ConstructorParameters<typeof StuckWatch>[0]> = {},
) {
  const stopping = new AbortController();
  const slept: number[] = [];
  let monotonicMs = 0;
  const clock = {
    now: () => place.clock.nowMs,
    // Each look at the clock is 10 ms later, so a page takes 10 ms.
    monotonicMs: () => (monotonicMs += 10),
    random: () => 0.5,
    uuid: () => '',
    async sleep(ms: number) {
      slept.push(ms);
      if (slept.length >= rests) stopping.abort();
    },
  };
  const { store, domain, stuckAfterMs } = place.parts();
  const watch = new StuckWatch({ domain, store, stuckAfterMs, clock, logger: () => {}, ...facts });
  return { watch, slept, run: () => watch.run(stopping.signal) };
}

async function stuckPlace(): Promise<OrderStore> {
  const place = await OrderStore.open();
  await place.journal(
    [created('a', '10:00'), created('b', '10:00')],
    [created('c', '10:00'), paid('c', PENDING, '10:01')],
  );
  place.clock.nowMs += HOUR_MS;
  await place.journal([created('fresh', '10:00')]);
  return place;
}

describe('the watch of stuck orders', () => {
  it('counts them by the event that they wait for, and says when', async () => {
    const place = await stuckPlace();
    const { watch, run, slept } = watchOf(place, 1);
    expect(watch.status()).toBeNull();
    await run();
    expect(watch.status()).toEqual({
      total: 3,
      byEvent: [
        { waitsFor: 'payment', entities: 2 },
        { waitsFor: 'review', entities: 1 },
      ],
      stuckAfterMs: HOUR_MS,
      countedAt: new Date(place.clock.nowMs).toISOString(),
    });
    expect(slept).toEqual([60_000]);
  });

  it('counts anew in each pass', async () => {
    const place = await stuckPlace();
    const { watch, run } = watchOf(place, 2);
    await run();
    expect(watch.status()?.total).toBe(3);
  });

  it('rests 49 times as long as it works after each page, and keeps the last count meanwhile', async () => {
    const place = await stuckPlace();
    const { store } = place;
    const pages = ['a', 'b', null];
    const listView = async () => ({ rows: [], next: pages.shift() ?? null });
    const { watch, run, slept } = watchOf(place, 3, {
      store: { ...inspectionOf(store), listView },
    });
    await run();
    expect(slept).toEqual([490, 490, 60_000]);
    expect(watch.status()?.total).toBe(0);
  });

  it('reads a page again after a rest when the store does not answer', async () => {
    const place = await stuckPlace();
    const { store } = place;
    let calls = 0;
    const { watch, run, slept } = watchOf(place, 2, {
      store: {
        ...inspectionOf(store),
        listView(page) {
          if (++calls === 1) throw new TributaryError('store_unreachable', 'It is gone.');
          return store.listView(page);
        },
      },
    });
    await run();
    expect(slept[0]).toBeLessThan(500);
    expect(watch.status()?.total).toBe(3);
  });

  it('counts nothing for a domain that does not say what its rows wait for', async () => {
    const place = await stuckPlace();
    const { whyNotReady: _, ...view } = orders.view;
    const { watch, run, slept } = watchOf(place, 1, { domain: { ...orders, view } });
    await run();
    expect([watch.status(), slept]).toEqual([null, []]);
  });
});
