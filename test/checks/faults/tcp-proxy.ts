/** A TCP proxy that can change over to another server, swallow packets without a reset, refuse, and hold bytes back. */
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '../../services/index.ts';
import type { RunningCheck } from '../lib/command.ts';

/** Where in the bytes of a client a held part begins, or -1 if this piece is to pass. */
export type HoldFrom = (bytes: Buffer) => number;

export interface HeldConnection {
  /** Sends what was held, and lets the connection pass again. */
  release(): void;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** `dead` for ever: neither bytes nor the end of a connection get through. */
  state: 'passing' | 'held' | 'dead';
  readonly held: Buffer[];
}

export class TcpProxy {
  readonly port: number;
  readonly #pairs = new Set<Pair>();
  readonly #sleepers = new Set<Socket>();
  #upstreamPort: number;
  #mode: 'passing' | 'swallowing' | 'refusing' = 'passing';
  #hold: { readonly from: HoldFrom; readonly caught: (held: HeldConnection) => void } | null = null;

  static async start(check: RunningCheck, upstreamPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(await freePort(), upstreamPort);
    const server = createServer((client) => proxy.#accept(client));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(proxy.port, '127.0.0.1', resolve);
    });
    check.defer(() => {
      server.close();
      proxy.cutAll();
    });
    return proxy;
  }

  private constructor(port: number, upstreamPort: number) {
    this.port = port;
    this.#upstreamPort = upstreamPort;
  }

  /** New connections go there; those that are open stay where they are. */
  setUpstream(port: number): void {
    this.#upstreamPort = port;
  }

  /** Resets every open connection. */
  cutAll(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
    this.#pairs.clear();
    for (const sleeper of this.#sleepers) sleeper.destroy();
    this.#sleepers.clear();
  }

  /** From now on no byte gets through, and no end of a connection either. New connections get no answer. */
  swallow(): void {
    this.#mode = 'swallowing';
    for (const pair of this.#pairs) {
      pair.state = 'dead';
      pair.client.pause();
      pair.server.pause();
    }
  }

  /** From now on connections are reset, open ones and new ones. */
  refuse(): void {
    this.#mode = 'refusing';
    this.cutAll();
  }

  /** New connections pass again. Those whose packets were swallowed stay dead, as behind a firewall that forgot them. */
  heal(): void {
    this.#mode = 'passing';
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Holds back the first piece of bytes that fits, and all that this client sends after it. */
  holdNext(from: HoldFrom): Promise<HeldConnection> {
    return new Promise((resolve) => {
      this.#hold = { from, caught: resolve };
    });
  }

  #accept(client: Socket): void {
    client.on('error', () => {});
    if (this.#mode === 'refusing') {
      client.resetAndDestroy();
      return;
    }
    if (this.#mode === 'swallowing') {
      this.#sleepers.add(client);
      client.pause();
      return;
    }
    const server = connect({ host: '127.0.0.1', port: this.#upstreamPort, noDelay: true });
    client.setNoDelay(true);
    const pair: Pair = { client, server, state: 'passing', held: [] };
    this.#pairs.add(pair);
    client.on('data', (bytes) => this.#fromClient(pair, bytes));
    server.on('data', (bytes) => {
      if (pair.state !== 'dead' && !client.write(bytes)) {
        server.pause();
        client.once('drain', () => pair.state !== 'dead' && server.resume());
      }
    });
    const over = (other: Socket) => () => {
      if (pair.state === 'dead') return;
      this.#pairs.delete(pair);
      other.destroy();
    };
    server.on('error', () => {});
    client.on('close', over(server));
    server.on('close', over(client));
  }

  #fromClient(pair: Pair, bytes: Buffer): void {
    if (pair.state === 'dead') return;
    if (pair.state === 'held') {
      pair.held.push(bytes);
      return;
    }
    const hold = this.#hold;
    const at = hold?.from(bytes) ?? -1;
    if (hold !== null && at >= 0) {
      this.#hold = null;
      pair.state = 'held';
      pair.held.push(bytes.subarray(at));
      if (at > 0) pair.server.write(bytes.subarray(0, at));
      hold.caught({ release: () => this.#release(pair) });
      return;
    }
    if (!pair.server.write(bytes)) {
      pair.client.pause();
      pair.server.once('drain', () => pair.state !== 'dead' && pair.client.resume());
    }
  }

  #release(pair: Pair): void {
    if (pair.state !== 'held') return;
    pair.state = 'passing';
    for (const bytes of pair.held.splice(0)) pair.server.write(bytes);
  }
}
