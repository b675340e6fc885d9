import { describe, expect, it } from 'vitest';
import { orders } from '../../../src/orders/index.ts';
import { listRows, type RowsQuery } from '../../../src/pipeline/ask/list-rows.ts';
import type { DeliveryKindListing, DeliveryKindPage } from '../../../src/ports/view-rows.ts';
import {
  AUTHORIZED,
  created,
  DECLINED,
  inspectionOf,
  OrderStore,
  PENDING,
  paid,
} from '../../helpers/order-store.ts';

const ALL: RowsQuery = {
  conditions: [],
  delivery: null,
  isStuck: false,
  olderThanMs: null,
  after: null,
  limit: 100,
};
const HOUR_MS = 3_600_000;

async function idsOf(place: OrderStore, query: Partial<RowsQuery>): Promise<string[]> {
  return (await listRows(place.parts(), { ...ALL, ...query })).rows.map(({ entityId }) => entityId);
}

/** One order of each kind. */
async function kinds(targets?: readonly string[]): Promise<OrderStore> {
  const place = await OrderStore.open(targets);
  await place.journal(
    [created('no payment', '10:00')],
    [created('pending', '10:00'), paid('pending', PENDING, '10:01')],
    [created('declined', '10:00'), paid('declined', DECLINED, '10:01')],
    [created('ready', '10:00'), paid('ready', AUTHORIZED, '10:01')],
    [paid('no order', AUTHORIZED, '10:01')],
  );
  return place;
}

describe('the list of orders', () => {
  it('lists all rows, sorted by the bytes of their ids, with what they wait for', async () => {
    const { rows, next } = await listRows((await kinds()).parts(), ALL);
    expect(rows.map(({ entityId, waitsFor }) => [entityId, waitsFor])).toEqual([
      ['declined', null],
      ['no order', 'order'],
      ['no payment', 'payment'],
      ['pending', 'review'],
      ['ready', null],
    ]);
    expect(next).toBeNull();
  });

  it('begins each page behind the one before', async () => {
    const place = await kinds();
    const seen: string[] = [];
    for (let after: string | null = null; ; ) {
      const page = await listRows(place.parts(), { ...ALL, after, limit: 2 });
      seen.push(...page.rows.map(({ entityId }) => entityId));
      after = page.next;
      if (after === null) break;
    }
    expect(seen).toEqual(['declined', 'no order', 'no payment', 'pending', 'ready']);
  });

  it('lists the rows that meet all conditions', async () => {
    const place = await kinds();
    const pending = { columns: ['order_status', 'payment_status', 'review_status'], value: 'PENDING' };
    expect(await idsOf(place, { conditions: [pending] })).toEqual(['pending']);
    const ready = { columns: ['ready_to_send'], value: true };
    expect(await idsOf(place, { conditions: [ready] })).toEqual(['ready']);
    expect(await idsOf(place, { conditions: [ready, pending] })).toEqual([]);
  });

  it('lists the stuck orders only: those that wait for an event and whose last event is old enough', async () => {
    const place = await kinds();
    expect(await idsOf(place, { isStuck: true })).toEqual([]);
    place.clock.nowMs += HOUR_MS;
    await place.journal([created('fresh', '10:00')]);
    expect(await idsOf(place, { isStuck: true })).toEqual(['no order', 'no payment', 'pending']);
    expect(await idsOf(place, { isStuck: true, olderThanMs: 2 * HOUR_MS })).toEqual([]);
  });

  it('lists the orders whose last event is old enough, ready or not', async () => {
    const place = await kinds();
    place.clock.nowMs += HOUR_MS;
    await place.journal([paid('pending', PENDING, '10:30')]);
    expect(await idsOf(place, { olderThanMs: HOUR_MS })).toEqual([
      'declined',
      'no order',
      'no payment',
      'ready',
    ]);
  });

  it('lists the undelivered orders of all targets once, in pages of any size, with the other conditions', async () => {
    const place = await OrderStore.open(['order-mgt', 'archive']);
    for (const id of ['a', 'b', 'c', 'd'])
      await place.journal([created(id, '10:00'), paid(id, AUTHORIZED, '10:01')]);
    await place.settle('delivered', {}, 'archive');
    await place.settle('delivered');
    await place.journal([paid('b', DECLINED, '10:02')], [paid('d', PENDING, '10:02')]);
    await place.settle('delivered', {}, 'archive');
    await place.journal([paid('c', PENDING, '10:02')]);
    await place.settle('dead', { status: 422 }, 'archive');
    for (const limit of [1, 2, 100]) {
      const seen: string[] = [];
      for (let after: string | null = null; ; ) {
        const page = await listRows(place.parts(), { ...ALL, delivery: 'owed', after, limit });
        expect(page.rows.length).toBeLessThanOrEqual(limit);
        seen.push(...page.rows.map(({ entityId }) => entityId));
        after = page.next;
        if (after === null) break;
      }
      expect(seen, `in pages of ${limit}`).toEqual(['b', 'c', 'd']);
    }
    expect(await idsOf(place, { delivery: 'dead' })).toEqual(['c']);
    const declined = { columns: ['payment_status'], value: DECLINED };
    expect(await idsOf(place, { delivery: 'owed', conditions: [declined] })).toEqual(['b']);
  });

  it('lists the orders in flight of any target, and those of which every target has got what was due', async () => {
    const place = await OrderStore.open(['order-mgt', 'archive']);
    for (const id of ['both', 'dead', 'late', 'one'])
      await place.journal([created(id, '10:00'), paid(id, AUTHORIZED, '10:01')]);
    await place.journal([created('never due', '10:00')]);
    await place.settle('delivered', {}, 'archive');
    await place.settle('delivered');
    await place.journal([paid('one', PENDING, '10:02')]);
    await place.settle('delivered');
    await place.journal([paid('dead', PENDING, '10:02')]);
    await place.settle('dead', { status: 422 });
    await place.settle('delivered', {}, 'archive');
    await place.journal([paid('late', PENDING, '10:02'), paid('one', DECLINED, '10:03')]);
    await place.settle('delivered');
    for (const limit of [1, 2, 100]) {
      const seen = async (delivery: RowsQuery['delivery']) => {
        const ids: string[] = [];
        for (let after: string | null = null; ; ) {
          const page = await listRows(place.parts(), { ...ALL, delivery, after, limit });
          ids.push(...page.rows.map(({ entityId }) => entityId));
          after = page.next;
          if (after === null) return ids;
        }
      };
      expect(await seen('in_flight'), `in pages of ${limit}`).toEqual(['late', 'one']);
      expect(await seen('delivered'), `in pages of ${limit}`).toEqual(['both']);
    }
    const ready = { columns: ['ready_to_send'], value: true };
    expect(await idsOf(place, { delivery: 'in_flight', conditions: [ready] })).toEqual([]);
    expect(await idsOf(place, { delivery: 'delivered', conditions: [ready] })).toEqual(['both']);
  });

  it('lists an order once where one target answers short and another one knows later orders already', async () => {
    const place = await kinds();
    const owed: Record<string, DeliveryKindListing[]> = {
      // The first target may look at no more rows, and has found none of the two it is owed.
      'order-mgt': [
        { entityIds: [], next: 'no order' },
        { entityIds: ['no payment', 'ready'], next: null },
      ],
      archive: [
        { entityIds: ['declined', 'ready'], next: null },
        { entityIds: ['ready'], next: null },
      ],
    };
    const store = {
      ...inspectionOf(place.store),
      listByDelivery: async ({ target, after }: DeliveryKindPage) =>
        owed[target]?.[after === null ? 0 : 1] ?? { entityIds: [], next: null },
    };
    const parts = place.parts({ store, targets: ['order-mgt', 'archive'] });
    const first = await listRows(parts, { ...ALL, delivery: 'owed' });
    const second = await listRows(parts, { ...ALL, delivery: 'owed', after: first.next });
    expect([first, second].map(({ rows, next }) => [rows.map(({ entityId }) => entityId), next])).toEqual([
      [['declined'], 'no order'],
      [['no payment', 'ready'], null],
    ]);
  });

  it('lists no order as delivered that a target is owed which answers short', async () => {
    const place = await kinds();
    // The archive may look at no more rows, and has not come to the order that it is owed.
    const owedToArchive: DeliveryKindListing[] = [
      { entityIds: [], next: 'no order' },
      { entityIds: ['ready'], next: null },
    ];
    const store = {
      ...inspectionOf(place.store),
      async listByDelivery({ target, kind, after }: DeliveryKindPage): Promise<DeliveryKindListing> {
        if (kind === 'owed' && target === 'archive')
          return owedToArchive[after === null ? 0 : 1] ?? { entityIds: [], next: null };
        const entityIds = ['declined', 'ready'].filter((id) => after === null || id > after);
        return { entityIds: kind === 'delivered' && target === 'order-mgt' ? entityIds : [], next: null };
      },
    };
    const parts = place.parts({ store, targets: ['order-mgt', 'archive'] });
    const first = await listRows(parts, { ...ALL, delivery: 'delivered' });
    const second = await listRows(parts, { ...ALL, delivery: 'delivered', after: first.next });
    expect([first, second].map(({ rows, next }) => [rows.map(({ entityId }) => entityId), next])).toEqual([
      [['declined'], 'no order'],
      [[], null],
    ]);
  });

  it('lists no stuck orders for a domain that does not say what its rows wait for', async () => {
    const place = await kinds();
    place.clock.nowMs += HOUR_MS;
    const { whyNotReady: _, ...view } = orders.view;
    const parts = place.parts({ domain: { ...orders, view } });
    expect((await listRows(parts, { ...ALL, isStuck: true })).rows).toEqual([]);
    expect((await listRows(parts, ALL)).rows).toHaveLength(5);
  });
});
