import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

describe('a TCP proxy', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of cleanups.splice(0).reverse()) await close();
  });

  /** A server that answers each chunk with its name and the chunk. */
  async function startServer(name: string): Promise<string> {
    const sockets = new Set<Socket>();
    const server: Server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (bytes) => socket.write(`${name} ${bytes}`));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function startProxy(upstream: string): Promise<TcpProxy> {
    const proxy = await startTcpProxy(upstream);
    cleanups.push(() => proxy.close());
    return proxy;
  }

  async function open(proxy: TcpProxy): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: proxy.port });
    socket.on('error', () => {});
    cleanups.push(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  /** Unlike `once`, does not reject at the error that a reset is. */
  function closing(socket: Socket): Promise<void> {
    return new Promise((resolve) => socket.once('close', () => resolve()));
  }

  async function ask(socket: Socket, text: string): Promise<string> {
    socket.write(text);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return String(answer);
  }

  it('passes bytes both ways', async () => {
    const proxy = await startProxy(await startServer('one'));
    expect(await ask(await open(proxy), 'hello')).toBe('one hello');
  });

  it('swallows bytes without a reset, and resets what lost bytes once bytes pass again', async () => {
    const proxy = await startProxy(await startServer('one'));
    const idle = await open(proxy);
    const asking = await open(proxy);
    expect(await ask(asking, 'before')).toBe('one before');
    proxy.setMode('swallow');
    const late = await open(proxy);
    let heard = 0;
    for (const socket of [asking, late]) {
      socket.on('data', () => heard++);
      socket.write('lost');
    }
    await pause(100);
    expect([heard, asking.destroyed, late.destroyed]).toEqual([0, false, false]);

    const closed = Promise.all([closing(asking), closing(late)]);
    proxy.setMode('pass');
    await closed;
    expect(await ask(idle, 'after')).toBe('one after');
  });

  it('resets what is open, and what is new, while it cuts', async () => {
    const proxy = await startProxy(await startServer('one'));
    const socket = await open(proxy);
    expect(await ask(socket, 'before')).toBe('one before');
    const closed = closing(socket);
    proxy.setMode('cut');
    await closed;
    const late = connect({ host: '127.0.0.1', port: proxy.port });
    late.on('error', () => {});
    await closing(late);
    expect(proxy.connections).toBe(0);
  });

  it('changes over to another server', async () => {
    const proxy = await startProxy(await startServer('one'));
    const socket = await open(proxy);
    expect(await ask(socket, 'before')).toBe('one before');
    const closed = closing(socket);
    proxy.switchTo(await startServer('two'), { cut: true });
    await closed;
    expect(await ask(await open(proxy), 'after')).toBe('two after');
  });
});
