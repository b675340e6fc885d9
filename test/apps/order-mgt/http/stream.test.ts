import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ChangeStream } from '../../../../src/apps/order-mgt/change-stream.ts';
import { StreamReader } from '../../../helpers/event-stream.ts';
import { sqliteStates } from '../../../helpers/order-states.ts';
import { newState, send, TestOrderMgt } from '../fixture.ts';

/** Resolves once the client has the id that comes before the first event. */
async function listenTo(url: string, lastEventId?: string): Promise<StreamReader> {
  const reader = await StreamReader.open(`${url}/api/orders/stream`, lastEventId);
  await reader.until(() => reader.lastId !== '');
  return reader;
}

describe('GET /api/orders/stream', () => {
  it('sends each applied change with row and version, and nothing else', async () => {
    const target = await new TestOrderMgt().start();
    await target.post(newState({ order_id: 'before' }));
    const listener = await listenTo(target.url);
    await target.post(newState({ version: 3 }), { 'webhook-id': 'a' });
    await target.post(newState({ version: 3 }), { 'webhook-id': 'a' });
    await target.post(newState({ version: 2 }), { 'webhook-id': 'b' });
    await target.post(newState({ order_id: 'line\nend 🛒' }));
    await listener.until(() => listener.events.length === 2);
    expect(listener.events).toEqual([
      { event: 'order', id: expect.stringMatching(/^\d+$/), data: newState({ version: 3 }) },
      { event: 'order', id: expect.stringMatching(/^\d+$/), data: newState({ order_id: 'line\nend 🛒' }) },
    ]);
  });

  it('resumes after Last-Event-ID without a gap, also after a restart, and begins with the first change for 0', async () => {
    const target = await new TestOrderMgt().start();
    const listener = await listenTo(target.url);
    await target.post(newState({ order_id: 'a' }));
    await listener.until(() => listener.events.length === 1);
    listener.leave();
    await target.post(newState({ order_id: 'b' }));
    await target.post(newState({ order_id: 'c' }));
    await target.post(newState({ order_id: 'c', version: 7 }));
    await target.orderMgt?.close();
    await target.start();
    const orders = ({ events }: StreamReader) =>
      events.map(({ data }) => (data as { order_id: string }).order_id);
    const resumed = await listenTo(target.url, listener.lastId);
    await resumed.until(() => resumed.events.length === 2);
    expect(orders(resumed)).toEqual(['b', 'c']);
    expect(resumed.events[1]?.data).toEqual(newState({ order_id: 'c', version: 7 }));
    const whole = await listenTo(target.url, '0');
    await whole.until(() => whole.events.length === 3);
    expect(orders(whole)).toEqual(['a', 'b', 'c']);
  });

  it('sends an id before the first change, so that the client misses none', async () => {
    const target = await new TestOrderMgt().start();
    const listener = await listenTo(target.url);
    listener.leave();
    await target.post(newState());
    const resumed = await listenTo(target.url, listener.lastId);
    await resumed.until(() => resumed.events.length === 1);
  });

  it('begins with the first change for an id from before a restore of the database', async () => {
    const target = await new TestOrderMgt().start();
    await target.post(newState());
    const listener = await listenTo(target.url, '999');
    await listener.until(() => listener.events.length === 1);
  });

  it('sends changes that another process commits to the same file, also many at once', async () => {
    const reader = await new TestOrderMgt().start();
    const listener = await listenTo(reader.url);
    const writer = await new TestOrderMgt().on(reader.file);
    const deliveries = Array.from({ length: 500 }, (_, index) => ({
      id: `msg_${index}`,
      state: newState({ order_id: `order-${index}` }),
    }));
    for (let round = 0; round < 3; round++) {
      await writer.postDeliveryBatch({
        deliveries: deliveries.map(({ id, state }) => ({
          id: `${id}_${round}`,
          state: { ...state, version: round + 1 },
        })),
      });
    }
    const latest = new Map<string, number>();
    await listener.until(() => {
      for (const { data } of listener.events.splice(0)) {
        const { order_id, version } = data as { order_id: string; version: number };
        latest.set(order_id, version);
      }
      return latest.size === 500 && [...latest.values()].every((version) => version === 3);
    });
  });

  it('refuses an invalid id and a HEAD request', async () => {
    const target = await new TestOrderMgt().start();
    for (const id of ['x', '-1', '1.5', '9'.repeat(17)]) {
      const answer = await send(target.url, 'GET', '/api/orders/stream', { 'last-event-id': id });
      expect(answer, id).toMatchObject({ status: 400, body: { code: 'last_event_id_invalid' } });
    }
  });

  it('takes at most its limit of listeners, and has room again when one leaves', async () => {
    const target = await new TestOrderMgt().start();
    const listeners = await Promise.all(Array.from({ length: 64 }, () => listenTo(target.url)));
    expect(await target.get('/api/orders/stream')).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      body: { code: 'too_many_listening' },
    });
    listeners[0]?.leave();
    await vi.waitFor(() => listenTo(target.url));
  });

  it('ends its responses when the program stops', async () => {
    const target = await new TestOrderMgt().start();
    const listener = await listenTo(target.url);
    await target.orderMgt?.close();
    await listener.until(() => listener.isEnded);
  });
});

/** A response whose client takes bytes only when the test says so. */
class SlowResponse extends EventEmitter {
  readonly written: string[] = [];
  destroyed = false;
  writableNeedDrain = false;
  isFull = false;

  writeHead(): void {}

  write(text: string): boolean {
    this.written.push(text);
    this.writableNeedDrain = this.isFull;
    return !this.isFull;
  }

  end(): void {
    this.emit('close');
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }

  get asResponse(): ServerResponse {
    return this as unknown as ServerResponse;
  }
}

describe('a listener that is slow or silent', () => {
  async function filledStates(count: number) {
    const states = await sqliteStates(':memory:');
    await states.receive(
      Array.from({ length: count }, (_, index) => ({
        deliveryId: `msg_${index}`,
        state: newState({ order_id: `order-${index}` }),
        receivedAtMs: 0,
      })),
    );
    onTestFinished(() => states.close());
    return states;
  }
  const eventsOf = ({ written }: SlowResponse) => written.join('').split('event: order').length - 1;

  it('gets one page, and the next one only after it has taken the first', async () => {
    const states = await filledStates(1_000);
    const stream = new ChangeStream(states, () => {});
    const response = new SlowResponse();
    response.isFull = true;
    stream.open(response.asResponse, 0, 1_000);
    await vi.waitFor(() => expect(eventsOf(response)).toBe(250));
    stream.wake();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(eventsOf(response)).toBe(250);
    response.isFull = false;
    response.emit('drain');
    await vi.waitFor(() => expect(eventsOf(response)).toBe(1_000));
    response.end();
  });

  it('gets cut off when it does not take its page in time', async () => {
    const states = await filledStates(10);
    const stream = new ChangeStream(states, () => {}, { drainWithinMs: 20, listenersMax: 1 });
    const response = new SlowResponse();
    response.isFull = true;
    stream.open(response.asResponse, 0, 10);
    expect(stream.isFull).toBe(true);
    await vi.waitFor(() => expect(response.destroyed).toBe(true));
    expect(stream.isFull).toBe(false);
  });

  it('gets a comment at the given interval', async () => {
    const stream = new ChangeStream(await filledStates(0), () => {}, { commentEveryMs: 10 });
    const response = new SlowResponse();
    stream.open(response.asResponse, null, 0);
    await vi.waitFor(() =>
      expect(response.written.filter((text) => text === ':\n\n').length).toBeGreaterThan(2),
    );
    response.end();
    const count = response.written.length;
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(response.written).toHaveLength(count);
  });
});
