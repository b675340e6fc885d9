// A TCP proxy that can swallow what passes, cut connections, and change over to another server.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * `pass`: bytes go through. `swallow`: connections stay open, or are accepted, and every byte is lost, as where packets
 * are dropped without a reset; a connection that was open meanwhile has lost bytes, so it ends when bytes pass again.
 * `cut`: connections are reset, and new ones at once.
 */
export type TcpProxyMode = 'pass' | 'swallow' | 'cut';

export interface TcpProxy {
  /** `127.0.0.1:port`, where clients connect. */
  readonly address: string;
  readonly port: number;
  /** How many connections clients have open. */
  readonly connections: number;
  setMode(mode: TcpProxyMode): void;
  /** From now on new connections go to this server; those that are open stay where they are, or are cut. */
  switchTo(upstream: string, options?: { readonly cut?: boolean }): void;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Whether bytes of it were swallowed. */
  hasLost: boolean;
}

/** Starts a proxy before the server at `upstream`, which is `host:port`. */
export async function startTcpProxy(upstream: string, listenPort = 0): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let mode: TcpProxyMode = 'pass';
  let target = upstream;

  const cut = ({ client, server }: Pair): void => {
    client.resetAndDestroy();
    server.destroy();
  };
  const listener: Server = createServer((client) => {
    if (mode === 'cut') {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const separator = target.lastIndexOf(':');
    const server = connect({
      host: target.slice(0, separator),
      port: Number(target.slice(separator + 1)),
    });
    const pair: Pair = { client, server, hasLost: false };
    pairs.add(pair);
    const join = (from: Socket, to: Socket): void => {
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        if (mode === 'swallow') pair.hasLost = true;
        else if (!to.write(bytes)) from.pause();
      });
      to.on('drain', () => from.resume());
      from.on('error', () => {});
      from.on('end', () => {
        // The end of a connection is a packet too.
        if (mode === 'swallow') pair.hasLost = true;
        else to.end();
      });
      from.on('close', () => {
        if (mode === 'swallow') return;
        pairs.delete(pair);
        to.destroy();
      });
    };
    join(client, server);
    join(server, client);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(listenPort, '127.0.0.1', resolve);
  });
  const { port } = listener.address() as AddressInfo;

  return {
    address: `127.0.0.1:${port}`,
    port,
    get connections() {
      return [...pairs].filter(({ client }) => !client.destroyed).length;
    },
    setMode(next) {
      mode = next;
      for (const pair of [...pairs]) {
        const isOver = pair.hasLost || pair.client.destroyed || pair.server.destroyed;
        if (next === 'cut' || (next === 'pass' && isOver)) {
          pairs.delete(pair);
          cut(pair);
        }
      }
    },
    switchTo(next, { cut: isCut = false } = {}) {
      target = next;
      if (!isCut) return;
      for (const pair of [...pairs]) cut(pair);
      pairs.clear();
    },
    close() {
      for (const pair of pairs) cut(pair);
      pairs.clear();
      return new Promise((resolve) => {
        listener.close(() => resolve());
      });
    },
  };
}
