import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Waiters } from '../../../src/apps/order-mgt/waiters.ts';
import { orderState } from '../../contract/order-states.ts';
import { sqliteStates } from '../../helpers/order-states.ts';

describe('a reader that waits', () => {
  it('gets the error of a store that fails, and never an answer without the order', async () => {
    const states = await sqliteStates(':memory:');
    let reads = 0;
    const read = states.read.bind(states);
    states.read = async (orderId) => {
      if (++reads > 1) throw new Error('the disk is gone');
      return read(orderId);
    };
    const waiters = new Waiters(states, 10);
    await expect(waiters.wait('order123', 1, 20, new AbortController().signal)).rejects.toThrow(
      'the disk is gone',
    );
    await states.close();
  });

  it('goes on waiting when one look fails, and gets the state that comes after it', async () => {
    const states = await sqliteStates(':memory:');
    onTestFinished(() => states.close());
    let reads = 0;
    const read = states.read.bind(states);
    states.read = async (orderId) => {
      if (++reads === 2) throw new Error('the disk was busy');
      return read(orderId);
    };
    const waiters = new Waiters(states, 10);
    const waiting = waiters.wait('order123', 1, 60_000, new AbortController().signal);
    await vi.waitFor(() => expect(reads).toBe(2));
    const state = orderState({ order_id: 'order123', version: 1 });
    const delivery = { deliveryId: 'a', state, receivedAtMs: 0 };
    await states.receive([delivery]);
    waiters.notify([delivery]);
    expect(await waiting).toMatchObject({ version: 1 });
  });

  it('gets a state that comes between its first look and its wait, without a notice', async () => {
    const state = {
      order_id: 'order123',
      order_status: 'CREATED',
      payment_status: null,
      review_status: null,
      ready_to_send: false,
      version: 1,
    };
    // No timer fires, so that neither the end of the wait nor a regular look helps.
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let reads = 0;
    const states = { read: async () => (++reads === 1 ? null : state) };
    const waiters = new Waiters(states as never, 10);
    expect(await waiters.wait('order123', 1, 60_000, new AbortController().signal)).toEqual(state);
    expect(reads).toBe(2);
    expect(waiters.count).toBe(0);
  });
});
