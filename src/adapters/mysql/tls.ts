import { connect, isIP, type Socket } from 'node:net';
import type { PoolOptions } from 'mysql2/promise';
import type { ServerAddress, ServerTls } from './server-address.ts';

const KEEP_ALIVE_DELAY_MS = 0;

/**
 * The driver's options for TLS. It refuses a server that speaks none before it sends the user's name.
 *
 * The driver verifies the name that it takes for the host, and connects by a stream of ours, so that both may differ.
 * For an address it would verify no name, and Node would compare the certificate with `localhost` instead; with a dot
 * behind it the driver takes the address for a name, and Node, which drops the dot, for an address.
 */
export function tlsOptions({ host, port }: ServerAddress, tls: ServerTls): PoolOptions {
  const name = tls.serverName ?? host;
  return {
    host: isIP(name) === 0 ? name : `${name}.`,
    stream: (): Socket => {
      const socket = connect(port, host);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
      return socket;
    },
    ssl: {
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
      minVersion: tls.onlyTls13 === true ? 'TLSv1.3' : 'TLSv1.2',
      rejectUnauthorized: tls.check !== 'nothing',
      verifyIdentity: tls.check === 'name',
    },
  };
}
