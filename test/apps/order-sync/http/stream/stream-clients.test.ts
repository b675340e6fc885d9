import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  StreamClients,
  type StreamClientsOptions,
} from '../../../../../src/apps/order-sync/http/stream/stream-clients.ts';
import { frameOf } from '../../../../../src/apps/order-sync/http/stream/stream-frames.ts';
import { entityWords } from '../../../../../src/core/entity-words.ts';
import { orders } from '../../../../../src/orders/index.ts';
import type { StreamListener, StreamMessage } from '../../../../../src/pipeline/ask/stream/messages.ts';
import { StreamReader } from '../../../../helpers/event-stream.ts';

const NOTE: StreamMessage = { kind: 'note', atMs: 0, problem: 'It is gone.' };

/** A server whose only route is the stream, with a stream that the test speaks for. */
async function server(options: StreamClientsOptions = {}) {
  const listeners = new Set<StreamListener>();
  const stream = {
    add: (listener: StreamListener) => void listeners.add(listener),
    remove: (listener: StreamListener) => void listeners.delete(listener),
  };
  const clients = new StreamClients(stream, options);
  const http = createServer((request, response) => {
    const position = request.headers['last-event-id'];
    clients.open(response, new Set(), typeof position === 'string' ? position : null);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  return {
    clients,
    listeners,
    http,
    port,
    url: `http://127.0.0.1:${port}/`,
    say(message: StreamMessage) {
      for (const listener of [...listeners]) listener.send(message);
    },
  };
}

/** A client that takes nothing of its response, and a stream that notes its listeners. One client at most may come. */
function silentClient() {
  const listeners: StreamListener[] = [];
  const stream = { add: (listener: StreamListener) => void listeners.push(listener), remove: () => {} };
  const response = Object.assign(new EventEmitter(), {
    destroyed: false,
    writableEnded: false,
    writableLength: 0,
    written: 0,
    writeHead: () => response,
    write(chunk: Buffer | string) {
      response.writableLength += chunk.length;
      response.written++;
    },
    end() {
      response.writableEnded = true;
    },
    destroy() {
      response.destroyed = true;
    },
  });
  const clients = new StreamClients(stream, { unreadBytesMax: 1_000, clientsMax: 1 });
  return { clients, response, listeners };
}

describe('the clients of the stream', () => {
  it('get each message, and a comment at the given interval', async () => {
    const { url, say, listeners } = await server({ commentEveryMs: 10 });
    const reader = await StreamReader.open(url, 'abc');
    await reader.until(() => reader.comments.length > 1);
    expect(reader.comments[0]).toBe(': still here');
    expect([...listeners][0]?.position).toBe('abc');
    say(NOTE);
    say({ kind: 'position', position: 'xyz' });
    await reader.until(() => reader.lastId === 'xyz');
    expect(reader.events).toEqual([
      { event: 'note', id: '', data: { at: '1970-01-01T00:00:00.000Z', problem: 'It is gone.' } },
    ]);
  });

  it('leave no trace when they go', async () => {
    const { url, listeners, clients } = await server({ clientsMax: 1 });
    const reader = await StreamReader.open(url);
    expect([listeners.size, clients.isFull]).toEqual([1, true]);
    reader.leave();
    await vi.waitFor(() => expect([listeners.size, clients.isFull]).toEqual([0, false]));
  });

  it('get comments on while others leave, and none of them keeps the last comments', async () => {
    const { url, listeners } = await server({ commentEveryMs: 10 });
    const [one, other] = [await StreamReader.open(url), await StreamReader.open(url)];
    one.leave();
    await vi.waitFor(() => expect(listeners.size).toBe(1));
    const before = other.comments.length;
    const more = other.until(() => other.comments.length > before + 2).then(() => 'more');
    expect(await Promise.race([more, setTimeout(5_000, 'none')])).toBe('more');
  });

  it('lose their connection by what they leave unread, however small each message is', () => {
    const { clients, response, listeners } = silentClient();
    clients.open(response as never, new Set(), null);
    for (let said = 0; said < 100; said++) listeners[0]?.send(NOTE);
    expect(response.destroyed).toBe(true);
    expect(response.written).toBeLessThan(20);
  });

  it('get half a second to take the end of their responses', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { clients, response } = silentClient();
    clients.open(response as never, new Set(), null);
    clients.close();
    vi.advanceTimersByTime(499);
    expect([response.writableEnded, response.destroyed]).toEqual([true, false]);
    vi.advanceTimersByTime(1);
    expect(response.destroyed).toBe(true);
  });

  it('leave no listener behind if they go while their responses begin', () => {
    const { clients, response, listeners } = silentClient();
    response.write = () => response.destroy();
    clients.open(response as never, new Set(), null);
    expect([listeners, clients.isFull]).toEqual([[], false]);
  });

  it('lose their connection if they leave too much unread, and delay no other one', async () => {
    const { url, port, say, listeners } = await server({ unreadBytesMax: 100_000 });
    const silent = connect(port, '127.0.0.1');
    silent.on('error', () => {});
    onTestFinished(() => void silent.destroy());
    silent.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(silent, 'connect');
    silent.pause();
    const reader = await StreamReader.open(url);
    await vi.waitFor(() => expect(listeners.size).toBe(2));
    // What the silent client does not read fills the buffers of the system first.
    for (let said = 1; listeners.size === 2; said++) {
      say({ kind: 'note', atMs: 0, problem: 'x'.repeat(1_000_000) });
      await reader.until(() => reader.events.length === said);
    }
    expect(reader.isEnded).toBe(false);
  });

  it('get the end of their responses when the server stops, and those that do not take it are cut off', async () => {
    const { clients, http, url, port, say, listeners } = await server({ unreadBytesMax: 100_000_000 });
    const reader = await StreamReader.open(url);
    const silent = connect(port, '127.0.0.1');
    silent.on('error', () => {});
    silent.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(silent, 'connect');
    silent.pause();
    await vi.waitFor(() => expect(listeners.size).toBe(2));
    for (let n = 0; n < 40; n++) say({ kind: 'note', atMs: 0, problem: 'x'.repeat(1_000_000) });
    clients.close();
    expect(clients.isClosed).toBe(true);
    http.close();
    // The silent client keeps its connection open, and only a cut ends it.
    await once(http, 'close');
    await reader.until(() => reader.isEnded);
    silent.destroy();
  });
});

const ORDERS = entityWords(orders);

describe('a message as bytes', () => {
  it('takes its form once for all clients', () => {
    expect(frameOf(NOTE, ORDERS)).toBe(frameOf(NOTE, ORDERS));
    expect(frameOf(NOTE, ORDERS)).not.toBe(frameOf({ ...NOTE }, ORDERS));
  });

  it('shows the position as its id, and offsets as texts', () => {
    const event = {
      entityId: 'a\nb',
      eventType: 'ORDER',
      eventId: 'e',
      occurredAtMs: 0,
      topic: 't',
      partition: 1,
      offset: 2n ** 60n,
      timestampMs: 0,
    };
    const message = {
      kind: 'changes',
      position: 'p',
      atMs: 0,
      records: 1,
      events: [event],
      more: 0,
    };
    expect(frameOf(message as StreamMessage, ORDERS).toString()).toBe(
      'event: changes\nid: p\ndata: {"at":"1970-01-01T00:00:00.000Z","records":1,"orders":[{"orderId":"a\\nb","eventType":"ORDER","eventId":"e","occurredAt":"1970-01-01T00:00:00.000Z","topic":"t","partition":1,"offset":"1152921504606846976"}],"more":0}\n\n',
    );
    const others = frameOf({ ...message } as StreamMessage, entityWords({})).toString();
    expect(others).toContain('"entities":[{"entityId":"a\\nb"');
    expect(frameOf({ kind: 'reset', position: 'p', reason: 'too_far_back' }, ORDERS).toString()).toBe(
      'event: reset\nid: p\ndata: {"reason":"too_far_back"}\n\n',
    );
    expect(frameOf({ kind: 'position', position: 'p' }, ORDERS).toString()).toBe('id: p\n\n');
  });
});
