import { TcpProxy } from '../../services/tcp-proxy.ts';
import type { RunningCheck } from './command.ts';

/** Starts a proxy before a port of this machine. It is closed at the end of the check. */
export async function startProxy(check: RunningCheck, upstreamPort: number): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(localAddress(upstreamPort));
  check.defer(() => proxy.close());
  return proxy;
}

export function localAddress(port: number | string): string {
  return `127.0.0.1:${port}`;
}
