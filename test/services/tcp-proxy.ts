// A TCP proxy that simulates faults of a network: it can lose bytes, reset connections, refuse them, hold bytes back, and
// connect to another server.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Returns the index of the first byte to hold back in a chunk of a client, or -1 to pass the whole chunk. */
export type HoldFrom = (bytes: Buffer) => number;

export interface HeldConnection {
  /** Sends the held bytes, and passes later bytes again. */
  release(): void;
}

interface Connection {
  readonly client: Socket;
  /** Null for a client that connected while bytes were swallowed: its connection request was lost too. */
  readonly server: Socket | null;
  /** A `dead` connection passes neither bytes nor its end, and stays dead. */
  state: 'passing' | 'held' | 'dead';
  /** True if bytes of this connection were swallowed. */
  hasLost: boolean;
  readonly held: Buffer[];
}

export class TcpProxy {
  /** The `host:port` for new connections. Open connections stay with their server. */
  upstream: string;
  /**
   * Called with each chunk of a client before the proxy passes it. If it calls `swallow`, this chunk and all later ones
   * are lost.
   */
  onSent: (bytes: Buffer) => void = () => {};
  readonly #listener: Server;
  readonly #connections = new Set<Connection>();
  #mode: 'passing' | 'swallowing' | 'refusing' = 'passing';
  #hold: { readonly from: HoldFrom; readonly caught: (held: HeldConnection) => void } | null = null;
  #accepted = 0;

  /** Starts a proxy for the server at `upstream`, a `host:port`. */
  static async start(upstream: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(upstream);
    await new Promise<void>((resolve, reject) => {
      proxy.#listener.once('error', reject);
      proxy.#listener.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  private constructor(upstream: string) {
    this.upstream = upstream;
    // `allowHalfOpen` lets the proxy pass the end of a connection itself. Otherwise Node would answer a swallowed end.
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** `127.0.0.1:port`, where clients connect. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The number of connections that clients have open. */
  get connections(): number {
    return [...this.#connections].filter(({ client }) => !client.destroyed).length;
  }

  /** The number of connections that clients opened since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** From now on the proxy passes neither bytes nor the end of a connection. New connections get no answer. */
  swallow(): void {
    this.#mode = 'swallowing';
  }

  /** Resets all open connections, and from now on every new one. */
  refuse(): void {
    this.#mode = 'refusing';
    this.cut();
  }

  /**
   * Passes new connections again. Connections that were open while bytes were swallowed stay dead, as behind a firewall
   * that forgot them. With `isReset` connections that lost bytes are reset and the others pass again, as after a cable
   * was pulled.
   */
  heal({ isReset = false }: { readonly isReset?: boolean } = {}): void {
    const wasSwallowing = this.#mode === 'swallowing';
    this.#mode = 'passing';
    if (!wasSwallowing) return;
    for (const connection of [...this.#connections]) {
      if (!isReset) connection.state = 'dead';
      else if (connection.hasLost) this.#cut(connection);
    }
  }

  /** Resets every open connection. */
  cut(): void {
    for (const connection of [...this.#connections]) this.#cut(connection);
  }

  /** Holds back bytes of the first client for which `from` finds a place, and all that this client sends after them. */
  holdNext(from: HoldFrom): Promise<HeldConnection> {
    return new Promise((resolve) => {
      this.#hold = { from, caught: resolve };
    });
  }

  /** Resets every connection, and accepts no more. May be called twice. */
  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#listener.close(resolve));
  }

  #accept(client: Socket): void {
    this.#accepted++;
    client.on('error', () => {});
    if (this.#mode === 'refusing') {
      client.resetAndDestroy();
      return;
    }
    const isLost = this.#mode === 'swallowing';
    const server = isLost
      ? null
      : connect({ ...hostAndPort(this.upstream), allowHalfOpen: true, noDelay: true });
    const connection: Connection = { client, server, state: 'passing', hasLost: isLost, held: [] };
    this.#connections.add(connection);
    client.on('data', (bytes: Buffer) => this.#fromClient(connection, bytes));
    if (server === null) {
      client.on('close', () => this.#connections.delete(connection));
      return;
    }
    server.on('error', () => {});
    server.on('data', (bytes: Buffer) => {
      if (this.#loses(connection)) connection.hasLost = true;
      else passOn(server, client, bytes);
    });
    this.#passEnds(connection, client, server);
    this.#passEnds(connection, server, client);
  }

  /** Passes the end or the reset of one side to the other, unless it is lost or held back. */
  #passEnds(connection: Connection, from: Socket, to: Socket): void {
    // The proxy holds back only bytes of the client.
    const isHeld = () => connection.state === 'held' && from === connection.client;
    from.on('end', () => {
      if (this.#loses(connection)) connection.hasLost = true;
      else if (!isHeld()) to.end();
    });
    from.on('close', (hadError) => {
      if (to.destroyed) this.#connections.delete(connection);
      if (this.#loses(connection) || isHeld()) return;
      if (hadError) to.resetAndDestroy();
      else to.destroySoon();
    });
  }

  #loses({ state }: Connection): boolean {
    return state === 'dead' || this.#mode === 'swallowing';
  }

  #fromClient(connection: Connection, bytes: Buffer): void {
    const { client, server, held } = connection;
    if (!this.#loses(connection)) this.onSent(bytes);
    if (server === null || this.#loses(connection)) {
      connection.hasLost = true;
      return;
    }
    if (connection.state === 'held') {
      held.push(bytes);
      return;
    }
    const hold = this.#hold;
    const at = hold?.from(bytes) ?? -1;
    if (hold === null || at < 0) {
      passOn(client, server, bytes);
      return;
    }
    this.#hold = null;
    connection.state = 'held';
    held.push(bytes.subarray(at));
    if (at > 0) server.write(bytes.subarray(0, at));
    hold.caught({ release: () => release(connection) });
  }

  #cut(connection: Connection): void {
    // A dead connection does not pass the reset of one side to the other, because both are reset here.
    connection.state = 'dead';
    connection.client.resetAndDestroy();
    connection.server?.resetAndDestroy();
    this.#connections.delete(connection);
  }
}

function release(connection: Connection): void {
  if (connection.state !== 'held') return;
  connection.state = 'passing';
  const { client, server, held } = connection;
  for (const bytes of held.splice(0)) server?.write(bytes);
  // The client may have ended its side or disconnected while its bytes were held.
  if (client.destroyed) server?.destroySoon();
  else if (client.readableEnded) server?.end();
}

function passOn(from: Socket, to: Socket, bytes: Buffer): void {
  if (to.write(bytes)) return;
  from.pause();
  to.once('drain', () => from.resume());
}

function hostAndPort(address: string): { host: string; port: number } {
  const separator = address.lastIndexOf(':');
  // In an address with a port, an IPv6 address stands in brackets.
  const host = address.slice(0, separator).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(separator + 1)) };
}

/** Returns the `host:port` of a URL. */
export function addressOf(url: string): string {
  return new URL(url).host;
}

/** Returns the same URL with the address of the proxy. */
export function through(proxy: TcpProxy, url: string): string {
  const changed = new URL(url);
  changed.host = proxy.address;
  return changed.href;
}
