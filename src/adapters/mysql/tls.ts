import { connect, isIP, type Socket } from 'node:net';
import type { PoolOptions } from 'mysql2/promise';
import type { ServerAddress, ServerTls } from './server-address.ts';

const KEEP_ALIVE_DELAY_MS = 0;

/**
 * The driver's options for TLS. The driver refuses a server without TLS before it sends the user's name.
 *
 * It verifies the name that it takes for the host. We connect through a stream of our own, so that this name may differ
 * from the address. If it is given an IP address, the driver verifies no name, and Node compares the certificate with
 * `localhost`. A dot behind the address avoids both: the driver takes it for a name, and Node drops the dot.
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
