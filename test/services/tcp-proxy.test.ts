import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { addressOf, TcpProxy, through } from './tcp-proxy.ts';

describe('a TCP proxy', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of cleanups.splice(0).reverse()) await close();
  });

  /** Starts a server that answers each chunk with its name and the chunk, and the end of a connection with `bye`. */
  async function startServer(name: string): Promise<{ readonly address: string; readonly heard: string[] }> {
    const sockets = new Set<Socket>();
    const heard: string[] = [];
    const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => heard.push('reset'));
      socket.on('end', () => socket.end('bye'));
      socket.on('data', (bytes) => {
        heard.push(String(bytes));
        socket.write(`${name} ${bytes}`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, heard };
  }

  async function startProxy(upstream: string): Promise<TcpProxy> {
    const proxy = await TcpProxy.start(upstream);
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

  /** Resolves when the socket has closed. Unlike `once` it does not reject when a reset causes an error. */
  function closing(socket: Socket): Promise<void> {
    return new Promise((resolve) => socket.once('close', () => resolve()));
  }

  async function ask(socket: Socket, text: string): Promise<string> {
    socket.write(text);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return String(answer);
  }

  it('passes bytes in both directions', async () => {
    const proxy = await startProxy((await startServer('one')).address);
    expect(await ask(await open(proxy), 'hello')).toBe('one hello');
  });

  it('passes 4 MB, which is more than its buffers hold', async () => {
    const proxy = await startProxy((await startServer('one')).address);
    const socket = await open(proxy);
    let length = 0;
    const isBack = new Promise<void>((resolve) => {
      socket.on('data', (bytes: Buffer) => {
        length += bytes.toString().replaceAll('one ', '').length;
        if (length === 4_000_000) resolve();
      });
    });
    socket.write(Buffer.alloc(4_000_000, 'x'));
    await isBack;
  });

  it('passes the end of a connection, and the bytes that the server sends after it', async () => {
    const proxy = await startProxy((await startServer('one')).address);
    const socket = await open(proxy);
    const closed = closing(socket);
    const answer = once(socket, 'data');
    socket.end();
    expect(String((await answer)[0])).toBe('bye');
    await closed;
    expect(proxy.connections).toBe(0);
  });

  it('passes a reset', async () => {
    const server = await startServer('one');
    const proxy = await startProxy(server.address);
    const socket = await open(proxy);
    await ask(socket, 'hello');
    socket.resetAndDestroy();
    await vi.waitFor(() => expect(server.heard).toEqual(['hello', 'reset']));
    expect(proxy.connections).toBe(0);
  });

  describe('a TCP proxy that swallows bytes', () => {
    /** Opens an idle connection, one that sends bytes while they are swallowed, and one that is opened meanwhile. */
    async function swallowed() {
      const server = await startServer('one');
      const proxy = await startProxy(server.address);
      const idle = await open(proxy);
      const asking = await open(proxy);
      expect(await ask(idle, 'before')).toBe('one before');
      expect(await ask(asking, 'before')).toBe('one before');
      proxy.swallow();
      const late = await open(proxy);
      const heard: string[] = [];
      for (const socket of [asking, late]) {
        socket.on('data', (bytes) => heard.push(String(bytes)));
        socket.write('lost');
      }
      await pause(100);
      expect(heard).toEqual([]);
      expect(server.heard).toEqual(['before', 'before']);
      expect([asking.destroyed, late.destroyed]).toEqual([false, false]);
      return { server, proxy, idle, asking, late, heard };
    }

    it('keeps old connections dead after heal(), and passes new ones', async () => {
      const { server, proxy, idle, asking, late, heard } = await swallowed();
      proxy.heal();
      expect(await ask(await open(proxy), 'new')).toBe('one new');
      idle.on('data', (bytes) => heard.push(String(bytes)));
      for (const socket of [idle, asking, late]) socket.write('lost again');
      asking.end();
      await pause(100);
      expect(heard).toEqual([]);
      expect(server.heard).toEqual(['before', 'before', 'new']);
      expect([idle, asking, late].map((socket) => socket.destroyed)).toEqual([false, false, false]);
    });

    it('resets connections that lost bytes after heal({ isReset: true }), and passes the others', async () => {
      const { proxy, idle, asking, late } = await swallowed();
      const closed = Promise.all([closing(asking), closing(late)]);
      proxy.heal({ isReset: true });
      await closed;
      expect(await ask(idle, 'after')).toBe('one after');
    });

    it('swallows from the chunk on for which onSent calls swallow()', async () => {
      const server = await startServer('one');
      const proxy = await startProxy(server.address);
      const socket = await open(proxy);
      proxy.onSent = (bytes) => {
        if (bytes.includes('COMMIT')) proxy.swallow();
      };
      expect(await ask(socket, 'INSERT')).toBe('one INSERT');
      socket.write('COMMIT');
      await pause(100);
      expect(server.heard).toEqual(['INSERT']);
    });

    it('swallows the end of a connection', async () => {
      const server = await startServer('one');
      const proxy = await startProxy(server.address);
      const socket = await open(proxy);
      await ask(socket, 'before');
      proxy.swallow();
      const received: unknown[] = [];
      socket.on('data', (bytes) => received.push(bytes)).on('end', () => received.push('end'));
      socket.end();
      await pause(100);
      expect(received).toEqual([]);
    });
  });

  it('resets open and new connections while it refuses them', async () => {
    const proxy = await startProxy((await startServer('one')).address);
    const socket = await open(proxy);
    expect(await ask(socket, 'before')).toBe('one before');
    const closed = closing(socket);
    proxy.refuse();
    await closed;
    const late = connect({ host: '127.0.0.1', port: proxy.port });
    late.on('error', () => {});
    await closing(late);
    expect(proxy.connections).toBe(0);
    proxy.heal();
    expect(await ask(await open(proxy), 'after')).toBe('one after');
    expect(proxy.accepted).toBe(3);
  });

  it('connects new clients to another server, and open connections only after cut()', async () => {
    const proxy = await startProxy((await startServer('one')).address);
    const socket = await open(proxy);
    expect(await ask(socket, 'before')).toBe('one before');
    proxy.upstream = (await startServer('two')).address;
    expect(await ask(await open(proxy), 'new')).toBe('two new');
    expect(await ask(socket, 'still')).toBe('one still');
    const closed = closing(socket);
    proxy.cut();
    await closed;
    expect(await ask(await open(proxy), 'after')).toBe('two after');
  });

  describe('a TCP proxy that holds bytes back', () => {
    async function held() {
      const server = await startServer('one');
      const proxy = await startProxy(server.address);
      const socket = await open(proxy);
      const holding = proxy.holdNext((bytes) => bytes.indexOf('COMMIT'));
      expect(await ask(socket, 'INSERT')).toBe('one INSERT');
      socket.write('UPDATE COMMIT');
      const connection = await holding;
      socket.write(' SELECT');
      await pause(100);
      expect(server.heard).toEqual(['INSERT', 'UPDATE ']);
      return { server, proxy, socket, connection };
    }

    it('holds one connection from the chosen byte on, and sends the held bytes after release()', async () => {
      const { server, proxy, socket, connection } = await held();
      expect(await ask(await open(proxy), 'COMMIT of another')).toBe('one COMMIT of another');
      connection.release();
      await vi.waitFor(() => expect(server.heard.join('')).toContain('COMMIT SELECT'));
      socket.removeAllListeners('data');
      expect(await ask(socket, 'after')).toContain('after');
    });

    it('sends the held bytes of a client that has disconnected, and then the end of the connection', async () => {
      const { server, proxy, socket, connection } = await held();
      const closed = closing(socket);
      socket.resetAndDestroy();
      await closed;
      await pause(100);
      expect(server.heard).toEqual(['INSERT', 'UPDATE ']);
      connection.release();
      await vi.waitFor(() => expect(server.heard.join('')).toContain('COMMIT SELECT'));
      await vi.waitFor(() => expect(proxy.connections).toBe(0));
    });

    it('holds back the end of a connection', async () => {
      const { server, socket, connection } = await held();
      const closed = closing(socket);
      const heard: string[] = [];
      socket.on('data', (bytes) => heard.push(String(bytes)));
      socket.end();
      await pause(100);
      expect(heard.join('')).not.toContain('bye');
      connection.release();
      await closed;
      expect(server.heard.join('')).toContain('COMMIT SELECT');
      expect(heard.join('')).toContain('bye');
    });
  });

  it('takes the place of its server in a URL', async () => {
    const { address } = await startServer('one');
    const url = `mysql://root:secret@${address}/orders?ssl=false`;
    expect(addressOf(url)).toBe(address);
    const proxy = await startProxy(addressOf(url));
    expect(through(proxy, url)).toBe(`mysql://root:secret@127.0.0.1:${proxy.port}/orders?ssl=false`);
    expect(addressOf('mysql://[::1]:3306/')).toBe('[::1]:3306');
  });
});
