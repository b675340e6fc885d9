import { describe, expect, it } from 'vitest';
import { named } from '../../console/src/api/order-ids.ts';
import { said, WORDS, wordsIn } from '../../console/src/text/words.ts';

describe('the words of the pages', () => {
  const articles = wordsIn({ noun: 'article', plural: 'articles', invocation: 'node sync.ts' });

  it('say order in a page that says nothing else', () => {
    expect(WORDS).toEqual({ noun: 'order', plural: 'orders', invocation: 'order-sync' });
    expect(said('Orders, and an order')).toBe('Orders, and an order');
  });

  it('name the entities of another domain, and the words that start its program', () => {
    expect(said('Orders that are ready, an order, and each Order.', articles)).toBe(
      'Articles that are ready, an article, and each Article.',
    );
    expect(said('order-sync parked', articles)).toBe('node sync.ts parked');
    expect(said('order-sync does not answer; order_events, ORDER_SYNC_TRY', articles)).toBe(
      'order-sync does not answer; order_events, ORDER_SYNC_TRY',
    );
    expect(said('an order', wordsIn({ noun: 'box', plural: 'boxes' }))).toBe('a box');
  });
});

describe('an answer about another domain', () => {
  it('gets the names that the pages read, and keeps the values of rows', () => {
    const row = { entityId: 'x', entities: 1 };
    expect(named({ data: [{ entityId: 'a', row }], entities: [{ entityId: 'b' }], more: 0 })).toEqual({
      data: [{ entityId: 'a', orderId: 'a', row }],
      entities: [{ entityId: 'b', orderId: 'b' }],
      orders: [{ entityId: 'b', orderId: 'b' }],
      more: 0,
    });
    expect(named(null)).toBeNull();
  });
});
