import { describe, expect, it } from 'vitest';
import { changedQuery, orderHref, pathOf } from '../../console/src/api/paths.ts';
import type { Decision, Delivery, ListedOrder, Page } from '../../console/src/api/types.ts';
import { matchesDecision } from '../../console/src/pages/audit/matches.ts';
import { deliveryFilter, reasonsOf } from '../../console/src/pages/deliveries/filters.ts';
import { filtersFrom, isFiltered, queryOf, whereWith } from '../../console/src/pages/orders/filters.ts';
import { mergedPage, placesOf } from '../../console/src/pages/orders/merge-page.ts';
import { quarantineFilter, recordHref } from '../../console/src/pages/quarantine/filters.ts';

describe('the filters of orders', () => {
  it('come from the address, and go to the API unchanged', () => {
    const address =
      '?where=payment_status%3DPAYMENT_AUTHORIZED&where=review_status%3Dnull&ready=true&olderThan=1h';
    const filters = filtersFrom(new URLSearchParams(address));
    expect(isFiltered(filters)).toBe(true);
    expect(pathOf('/api/v1/orders', { ...queryOf(filters), limit: 100, after: null })).toBe(
      '/api/v1/orders?where=payment_status%3DPAYMENT_AUTHORIZED&where=review_status%3Dnull&olderThan=1h&ready=true&limit=100',
    );
  });

  it('leave out what is no condition, and what is not on', () => {
    const filters = filtersFrom(new URLSearchParams('?where=nothing&ready=false&other=1'));
    expect(isFiltered(filters)).toBe(false);
    expect(pathOf('/p', queryOf(filters))).toBe('/p');
  });

  it('exchange the condition of one column', () => {
    const { where } = filtersFrom(new URLSearchParams('?where=a%3D1&where=b%3Dx%3Dy'));
    expect(whereWith(where, 'a', '2')).toEqual(['b=x=y', 'a=2']);
    expect(whereWith(where, 'b', '')).toEqual(['a=1']);
  });
});

describe('changedQuery', () => {
  it('sets, repeats and takes away names, and keeps the others', () => {
    const changed = changedQuery(new URLSearchParams('?a=1&b=2&c=3'), { a: null, b: ['x', 'y'], d: '100%' });
    expect(changed.toString()).toBe('c=3&b=x&b=y&d=100%25');
  });
});

describe('the addresses of orders and records', () => {
  it('escape every character of an id', () => {
    expect(orderHref('a/b%2F ?#é')).toBe('/orders/a%2Fb%252F%20%3F%23%C3%A9');
    expect(recordHref({ topic: 'order_events', partition: 3, offset: '12' })).toBe(
      '/quarantine/order_events/3/12',
    );
  });
});

describe('mergedPage', () => {
  const order = (orderId: string, version = 1): ListedOrder => ({
    orderId,
    version,
    row: {},
    waitsFor: null,
    lastJournaledAt: null,
  });
  const page = (data: ListedOrder[], hasMore = false): Page<ListedOrder> => ({
    data,
    page: { next: hasMore ? 'next' : null, hasMore },
  });

  it('takes new values without moving a row', () => {
    const merged = mergedPage(page([order('a'), order('b')]), page([order('a'), order('aa'), order('b', 2)]));
    expect(merged.page.data).toEqual([order('a'), order('b', 2)]);
    expect(merged.changed).toEqual(['b']);
    expect(merged.gone).toEqual([]);
  });

  it('names rows that the filters do not ask for any more, and keeps them', () => {
    const merged = mergedPage(page([order('a'), order('b')]), page([order('b')]));
    expect(merged.page.data).toHaveLength(2);
    expect(merged.gone).toEqual(['a']);
  });

  it('calls no row gone that new ones may have pushed to the next page', () => {
    const merged = mergedPage(page([order('a'), order('c')], true), page([order('a'), order('b')], true));
    expect(merged.gone).toEqual([]);
  });
});

describe('placesOf', () => {
  const page = (...ids: readonly string[]): Page<ListedOrder> => ({
    data: ids.map((orderId) => ({ orderId, version: 1, row: {}, waitsFor: null, lastJournaledAt: null })),
    page: { next: null, hasMore: false },
  });

  it('names the pages with a changed row in sight, and the orders that no page has', () => {
    const pages = [page('a', 'b'), page('c', 'd')];
    const { places, missing } = placesOf(pages, new Set(['a', 'd', 'x']), new Set(['c', 'd']));
    expect(places).toEqual([1]);
    expect([...missing]).toEqual(['x']);
  });
});

describe('reasonsOf', () => {
  const delivery = (lastStatus: number | null, lastError: string | null): Delivery => ({
    target: 't',
    entityId: 'e',
    status: 'dead',
    dueVersion: 1,
    deliveredVersion: null,
    attempts: 1,
    dueSince: '',
    lastAnswer: null,
    nextAttemptAt: null,
    lastStatus,
    lastError,
  });

  it('groups by the answer, and by the error where there was no answer', () => {
    const rows = [delivery(422, 'no'), delivery(null, 'connect refused'), delivery(422, 'other')];
    expect(reasonsOf(rows)).toEqual([
      { words: 'answer 422', count: 2, filter: { lastStatus: '422', error: null } },
      { words: 'connect refused', count: 1, filter: { lastStatus: null, error: 'connect refused' } },
    ]);
  });
});

describe('the filters of deliveries and of the quarantine', () => {
  it('take only the parts that are given and known', () => {
    expect(deliveryFilter(new URLSearchParams('?status=dead&target=a&entityId=&x=1'))).toEqual({
      target: 'a',
    });
    expect(quarantineFilter(new URLSearchParams('?reason=json_invalid&state=all&job=1'))).toEqual({
      reason: 'json_invalid',
    });
  });
});

describe('matchesDecision', () => {
  const decision: Decision = {
    id: '1',
    action: 'partition_resumed',
    subject: 'order_events/1',
    details: { offset: '861' },
    decidedBy: 'HTTP API, key ops',
    reason: 'The batch is lost',
    decidedAt: '',
  };

  it('finds every word anywhere in the decision', () => {
    expect(matchesDecision(decision, 'order_events/1 RESUMED')).toBe(true);
    expect(matchesDecision(decision, '861 ops')).toBe(true);
    expect(matchesDecision(decision, 'order_events/2')).toBe(false);
  });
});
