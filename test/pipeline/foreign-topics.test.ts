import { describe, expect, it, vi } from 'vitest';
import { foreignTopics } from '../../src/pipeline/foreign-topics.ts';
import { created, SyncPlace } from './sync-place.ts';

describe('topics that a pipeline does not read', () => {
  const OURS = ['order_events', 'payment_events'];

  it('say nothing if the database has none of them', () => {
    expect(foreignTopics([], OURS)).toBeNull();
    expect(foreignTopics([{ topic: 'order_events' }], OURS)).toBeNull();
  });

  it('name the topics of the database once each, and those that are read', () => {
    const text = foreignTopics(
      [{ topic: 'eu_orders' }, { topic: 'order_events' }, { topic: 'eu_orders' }],
      OURS,
    );
    expect(text).toContain('records of the topics eu_orders, which');
    expect(text).toContain('it reads order_events, payment_events');
    expect(text).toMatch(
      /by ORDER_SYNC_TABLE_PREFIX and ORDER_SYNC_TABLE\. If the topics got other names, or are read no more, nothing is wrong\.$/,
    );
  });

  it('name five of many', () => {
    const many = Array.from({ length: 7 }, (_, index) => ({ topic: `t${index}` }));
    expect(foreignTopics(many, OURS)).toContain('t0, t1, t2, t3, t4 and 2 more');
    expect(foreignTopics(many.slice(0, 5), OURS)).toContain('t0, t1, t2, t3, t4, which');
  });

  it('warn at the start of a pipeline on the tables of another one', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    await place.append(created('a'));
    const first = place.sync();
    await first.start();
    await vi.waitFor(async () => expect(await place.store.checkpoints()).toHaveLength(5), 20_000);
    expect(place.logged.join()).not.toContain('does not read');
    await place.store.acquire([{ topic: 'eu_orders', partition: 0, topicId: 'eu', startOffset: 0n }]);
    await first.stop();
    await place.sync().start();
    await vi.waitFor(
      () =>
        expect(place.logged.join()).toContain(
          'records of the topics eu_orders, which this order-sync does not read',
        ),
      20_000,
    );
  });
});
