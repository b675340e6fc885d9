import { describe, expect, it } from 'vitest';
import { ClaimedQueue } from '../../../src/pipeline/deliver/claimed-queue.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';

const claims = (ids: string) => [...ids].map((entityId) => ({ entityId }) as ClaimedDelivery);
const idsOf = (deliveries: readonly ClaimedDelivery[]) => deliveries.map(({ entityId }) => entityId).join('');

describe('the queue of claimed deliveries', () => {
  it('gives them in the sequence of their claims, across claims', () => {
    const queue = new ClaimedQueue();
    queue.add(claims('abc'), 10);
    queue.add([], 15);
    queue.add(claims('de'), 20);
    expect([queue.length, queue.oldestMs]).toEqual([5, 10]);
    expect(idsOf(queue.take(0))).toBe('');
    expect(idsOf(queue.take(2))).toBe('ab');
    expect([queue.length, queue.oldestMs]).toEqual([3, 10]);
    expect(idsOf(queue.take(2))).toBe('cd');
    expect([queue.length, queue.oldestMs]).toEqual([1, 20]);
    expect(idsOf(queue.take(9))).toBe('e');
    expect([queue.length, queue.oldestMs]).toEqual([0, null]);
  });

  it('begins the next claim where one was taken to its end', () => {
    const queue = new ClaimedQueue();
    queue.add(claims('ab'), 10);
    queue.add(claims('c'), 20);
    expect(idsOf(queue.take(2))).toBe('ab');
    expect(queue.oldestMs).toBe(20);
  });

  it('drops those that were claimed before a moment and are still there', () => {
    const queue = new ClaimedQueue();
    queue.add(claims('abc'), 10);
    queue.add(claims('d'), 20);
    queue.add(claims('e'), 30);
    expect(idsOf(queue.take(1))).toBe('a');
    expect(idsOf(queue.dropBefore(10))).toBe('');
    expect(idsOf(queue.dropBefore(30))).toBe('bcd');
    expect([queue.length, queue.oldestMs]).toEqual([1, 30]);
    expect(idsOf(queue.dropBefore(31))).toBe('e');
    expect(idsOf(queue.dropBefore(99))).toBe('');
    expect([queue.length, queue.oldestMs]).toEqual([0, null]);
  });
});
