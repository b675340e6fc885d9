import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../../../src/core/errors.ts';
import { reportOf } from '../../../../src/pipeline/status/report.ts';
import type { StoredDelivery } from '../../../../src/ports/ledger.ts';
import { QUIET, shared } from '../../status/fake-parts.ts';
import { Feed, type Partition } from './feed.ts';

const ids = (...names: string[]) => new Set(names);

function deliveryOf(entityId: string, facts: Partial<StoredDelivery> = {}): StoredDelivery {
  return {
    target: 'order-mgt',
    entityId,
    status: 'pending',
    dueVersion: 1,
    deliveredVersion: null,
    attempts: 0,
    nextAttemptAtMs: 10_000,
    dueSinceMs: 0,
    lastStatus: null,
    lastError: null,
    lastAnswer: null,
    ...facts,
  };
}

describe('the loops of the stream', () => {
  it('nothing runs without a listener, and everything begins anew with the next one', async () => {
    const feed = new Feed();
    await feed.settle();
    expect([feed.looks, feed.reports, feed.rests]).toEqual([0, 0, []]);
    const first = await feed.listen();
    first.leave();
    first.leave();
    await feed.settle();
    expect(feed.rests).toEqual([]);
    const { looks } = feed;
    feed.first.journal('a');
    await feed.look();
    expect(feed.looks).toBe(looks);
    const second = await feed.listen();
    expect(second.of('changes')).toEqual([]);
    expect(second.of('status')).toHaveLength(1);
    feed.first.journal('b');
    await feed.look();
    expect(second.orders).toEqual(['b']);
    expect(first.orders).toEqual([]);
  });

  it('say once that store or log do not answer and once that they do again, and miss nothing', async () => {
    const feed = new Feed();
    const listener = await feed.listen();
    feed.first.journal('a');
    const gone = () => new TributaryError('store_unreachable', 'It is gone.');
    feed.faults.push(gone(), gone());
    await feed.look();
    expect(feed.rests).toContain(2_000);
    await feed.look();
    const late = await feed.listen();
    await feed.look();
    expect(listener.of('note').map(({ problem }) => problem)).toEqual(['It is gone.', null]);
    expect(late.of('note').map(({ problem }) => problem)).toEqual(['It is gone.', null]);
    expect(listener.orders).toEqual(['a']);
  });

  it('tell the first listener of a new run that store or log do not answer, as they told those before', async () => {
    const feed = new Feed();
    const gone = () => new TributaryError('store_unreachable', 'It is gone.');
    const first = await feed.listen();
    feed.faults.push(gone(), gone());
    await feed.look();
    first.leave();
    await feed.settle();
    const second = await feed.listen();
    for (const listener of [first, second])
      expect(listener.of('note').map(({ problem }) => problem)).toEqual(['It is gone.']);
  });

  it('name a partition that cannot be read, follow the others, and tell its records later', async () => {
    const feed = new Feed(2);
    const listener = await feed.listen();
    const [first, second] = feed.partitions as [Partition, Partition];
    first.journal('a');
    second.journal('b');
    first.problem = 'has no leader';
    await feed.look();
    expect(listener.of('note').map(({ problem }) => problem)).toEqual(['order_events/0 has no leader.']);
    expect(listener.orders).toEqual(['b']);
    first.problem = null;
    await feed.look();
    expect(listener.of('note').at(-1)?.problem).toBeNull();
    expect(listener.orders).toEqual(['b', 'a']);
  });

  it('log a mistake of the program, go on, and do not tell its details', async () => {
    const feed = new Feed();
    const listener = await feed.listen();
    feed.faults.push(new TypeError('x is not a function'));
    await feed.look();
    feed.first.journal('a');
    await feed.look();
    expect(feed.defects).toHaveLength(1);
    expect(listener.of('note')[0]?.problem).toBe('The program failed, and has logged the reason.');
    expect(listener.orders).toEqual(['a']);
  });

  it('read 1,000 quiet partitions by their checkpoints alone', async () => {
    const feed = new Feed(1_000);
    const listener = await feed.listen();
    feed.first.journal('a');
    await feed.look();
    expect(listener.orders).toEqual(['a']);
    expect(feed.reads).toBe(1);
  });
});

describe('the status in the stream', () => {
  it('comes at most once a second, only if more than its time has changed, and at once for a new listener', async () => {
    const feed = new Feed();
    const listener = await feed.listen();
    expect(listener.of('status')).toHaveLength(1);
    feed.report = async () => ({ ...reportOf(shared(), QUIET), at: '2030-01-01T00:00:00.000Z' });
    await feed.status();
    expect([listener.of('status').length, feed.reports]).toEqual([1, 2]);
    feed.report = async () => ({ ...reportOf(shared(), QUIET), verdict: 'unreachable' });
    await feed.status();
    expect(listener.of('status').map(({ report }) => report.verdict)).toEqual(['ok', 'unreachable']);
    const other = await feed.listen();
    expect(other.of('status')[0]).toBe(listener.of('status')[1]);
    expect(feed.rests).toContain(1_000);
  });

  it('rests longer after a report that took long, and gets over one that fails', async () => {
    const feed = new Feed();
    feed.report = async () => {
      feed.nowMs += 800;
      throw new TypeError('x is not a function');
    };
    const listener = await feed.listen();
    expect(feed.rests).toContain(3_200);
    expect(feed.defects).toHaveLength(1);
    feed.report = async () => reportOf(shared(), QUIET);
    await feed.status();
    expect(listener.of('status')).toHaveLength(1);
  });
});

describe('the deliveries in the stream', () => {
  it('come once at the beginning and then whenever they have changed, to those who listen to the order', async () => {
    const feed = new Feed();
    feed.deliveries.set('order-mgt a', deliveryOf('a'));
    const listener = await feed.listen({ entityIds: ids('a', 'b') });
    const other = await feed.listen();
    expect(listener.of('delivery').map(({ delivery }) => delivery.status)).toEqual(['pending']);
    await feed.look();
    feed.deliveries.set('order-mgt a', deliveryOf('a', { status: 'delivered', nextAttemptAtMs: null }));
    feed.deliveries.set('archive b', deliveryOf('b', { target: 'archive' }));
    await feed.look();
    await feed.look();
    expect(listener.of('delivery').map(({ delivery }) => [delivery.entityId, delivery.status])).toEqual([
      ['a', 'pending'],
      ['a', 'delivered'],
      ['b', 'pending'],
    ]);
    expect(other.of('delivery')).toEqual([]);
    const late = await feed.listen({ entityIds: ids('a') });
    expect(late.of('delivery')).toEqual([listener.of('delivery')[1]]);
  });

  it('come no second time for the end of a lease that moved by milliseconds', async () => {
    const feed = new Feed();
    feed.deliveries.set('order-mgt a', deliveryOf('a'));
    const listener = await feed.listen({ entityIds: ids('a') });
    feed.deliveries.set('order-mgt a', deliveryOf('a', { nextAttemptAtMs: 10_003 }));
    await feed.look();
    feed.deliveries.set('order-mgt a', deliveryOf('a', { nextAttemptAtMs: 14_000 }));
    await feed.look();
    expect(listener.of('delivery').map(({ delivery }) => delivery.nextAttemptAtMs)).toEqual([10_000, 14_000]);
  });

  it('take turns, so that a look makes no more than 200 reads', async () => {
    const feed = new Feed();
    const listeners = await Promise.all(
      Array.from({ length: 15 }, (_, group) =>
        feed.listen({ entityIds: ids(...Array.from({ length: 20 }, (_, n) => `${group}-${n}`)) }),
      ),
    );
    for (const { entityIds } of listeners)
      for (const id of entityIds) feed.deliveries.set(`order-mgt ${id}`, deliveryOf(id));
    for (let turn = 0; turn < 3; turn++) {
      const { deliveryReads } = feed;
      await feed.look();
      expect(feed.deliveryReads - deliveryReads).toBe(200);
    }
    for (const listener of listeners) expect(listener.of('delivery')).toHaveLength(20);
  });

  it('cost no read for a listener that has left', async () => {
    const feed = new Feed();
    await feed.listen();
    const listener = await feed.listen({ entityIds: ids('a') });
    listener.leave();
    const { deliveryReads } = feed;
    await feed.look();
    expect(feed.deliveryReads).toBe(deliveryReads);
  });
});
