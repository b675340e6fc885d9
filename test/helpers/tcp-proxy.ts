import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** Stands between a program and a server, and can behave as a network does on a bad day. */
export class TcpProxy {
  /** Where new connections lead to. */
  target: { host: string; port: number };
  /**
   * Called with what a client sends, before it goes on. It may call `swallow`, from which on neither this nor anything
   * later reaches the other side.
   */
  onSent: (bytes: Buffer) => void = () => {};
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #isSwallowing = false;
  #accepted = 0;

  private constructor(target: { host: string; port: number }) {
    this.target = target;
    this.#server = createServer((client) => this.#accept(client));
  }

  static async start(target: { host: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many connections were made since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Drops all bytes, both ways, without a reset: on all connections that there are and that will be. */
  swallow(): void {
    this.#isSwallowing = true;
  }

  /** New connections work again; on those of the time before, nothing ever comes again. */
  heal(): void {
    this.#isSwallowing = false;
    for (const pair of this.#pairs) this.#lost.add(pair);
  }

  readonly #lost = new WeakSet<Pair>();

  /** Resets every connection. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    this.#pairs.clear();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    this.#accepted++;
    const pair: Pair = { client, server: connect(this.target) };
    this.#pairs.add(pair);
    const pass = (from: Socket, to: Socket) => {
      from.on('data', (bytes: Buffer) => {
        if (from === client && !this.#isSwallowing) this.onSent(bytes);
        if (!this.#isSwallowing && !this.#lost.has(pair)) to.write(bytes);
      });
      from.on('end', () => {
        if (!this.#isSwallowing && !this.#lost.has(pair)) to.end();
      });
      from.on('error', () => to.destroy());
    };
    pass(client, pair.server);
    pass(pair.server, client);
    client.on('close', () => this.#pairs.delete(pair));
  }
}

/** The host and port of a URL. */
export function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** The same URL, through the proxy. */
export function through(proxy: TcpProxy, url: string): string {
  const changed = new URL(url);
  changed.hostname = '127.0.0.1';
  changed.port = String(proxy.port);
  return changed.href;
}
