// A TCP proxy that behaves as a network does on a bad day: it can lose bytes, cut connections, refuse them, hold bytes
// back, and lead to another server.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Where in the bytes of a client a held part begins, or -1 if this piece is to pass. */
export type HoldFrom = (bytes: Buffer) => number;

export interface HeldConnection {
  /** Sends what was held, and lets the connection pass again. */
  release(): void;
}

interface Connection {
  readonly client: Socket;
  /** None for a client that came while bytes were swallowed: its first packet was lost too. */
  readonly server: Socket | null;
  /** `dead` for ever: neither bytes nor the end of a connection get through. */
  state: 'passing' | 'held' | 'dead';
  /** Whether bytes of it were swallowed. */
  hasLost: boolean;
  readonly held: Buffer[];
}

export class TcpProxy {
  /** `host:port`, where new connections lead to; those that are open stay where they are. */
  upstream: string;
  /**
   * Called with what a client sends, before it goes on. It may call `swallow`, from which on neither this nor anything
   * later reaches the other side.
   */
  onSent: (bytes: Buffer) => void = () => {};
  readonly #listener: Server;
  readonly #connections = new Set<Connection>();
  #mode: 'passing' | 'swallowing' | 'refusing' = 'passing';
  #hold: { readonly from: HoldFrom; readonly caught: (held: HeldConnection) => void } | null = null;
  #accepted = 0;

  /** Starts a proxy before the server at `upstream`, which is `host:port`. */
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
    // An end is passed on like bytes, so that one that is swallowed is answered by nobody.
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** `127.0.0.1:port`, where clients connect. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** How many connections clients have open. */
  get connections(): number {
    return [...this.#connections].filter(({ client }) => !client.destroyed).length;
  }

  /** How many connections were made since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** From now on no byte gets through, and no end of a connection either. New connections get no answer. */
  swallow(): void {
    this.#mode = 'swallowing';
  }

  /** From now on connections are reset, open ones and new ones. */
  refuse(): void {
    this.#mode = 'refusing';
    this.cut();
  }

  /**
   * New connections pass again. What was open while bytes were swallowed stays dead for ever, as behind a firewall that
   * forgot it. `isReset`: connections that lost bytes are reset, and the others go on, as after a cable was pulled.
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

  /** Holds back the first piece of bytes that fits, and all that this client sends after it. */
  holdNext(from: HoldFrom): Promise<HeldConnection> {
    return new Promise((resolve) => {
      this.#hold = { from, caught: resolve };
    });
  }

  /** Resets every connection and takes no more. May be called twice. */
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

  /** The end of a connection is a packet too. */
  #passEnds(connection: Connection, from: Socket, to: Socket): void {
    // Only what the client sends is held.
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
    // What one side does now is no longer passed on to the other.
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
  // The client may have ended or gone while its bytes were held.
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
  // An IPv6 address stands in brackets before a port.
  const host = address.slice(0, separator).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(separator + 1)) };
}

/** The `host:port` of a URL. */
export function addressOf(url: string): string {
  return new URL(url).host;
}

/** The same URL, through the proxy. */
export function through(proxy: TcpProxy, url: string): string {
  const changed = new URL(url);
  changed.host = proxy.address;
  return changed.href;
}
