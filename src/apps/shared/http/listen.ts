import { type AddressInfo, createServer } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { messageOf, TributaryError } from '../../../core/errors.ts';

/** Connections that are still busy this long after the stop began are cut. */
const STOP_GRACE_MS = 5_000;

/** The address to listen on, and the settings that name it, for messages. */
export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly program: string;
  readonly hostSetting: string;
  readonly portSetting: string;
  readonly portFlag: string;
}

/** Listens, and resolves with the address. Rejects with `address_in_use` or `setting_invalid`. */
export async function listen(app: FastifyInstance, options: ListenOptions): Promise<string> {
  const { host, port, program, hostSetting, portSetting, portFlag } = options;
  try {
    await app.listen({ host, port });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EADDRINUSE') {
      throw new TributaryError(
        'address_in_use',
        `Port ${port} on ${host}, which ${program} wants, is in use by another program: stop that one, or give ${program} ` +
          `another port by ${portSetting} or --${portFlag}${await freePortSentence(host, port)}.`,
        { cause: error },
      );
    }
    throw new TributaryError(
      'setting_invalid',
      `${program} cannot listen on ${host}, port ${port} (${messageOf(error)}): correct ${hostSetting} or ${portSetting}.`,
      { cause: error },
    );
  }
  const { address, family, port: actual } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`;
}

/** The next 20 ports after the one in use are tried. */
const PORTS_TRIED = 20;

/** A few words that name a port which was free a moment ago. Empty if none was found. */
async function freePortSentence(host: string, port: number): Promise<string> {
  for (let candidate = port + 1; candidate <= Math.min(port + PORTS_TRIED, 65_535); candidate++) {
    // 3001 is order-mgt's default port, so it is not offered.
    if (candidate !== 3001 && (await isFree(host, candidate))) return ` (${candidate} is free)`;
  }
  return '';
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port }, () => server.close(() => resolve(true)));
  });
}

/**
 * Closes the server. Connections that become idle after the stop began are closed too, since each would hold the server open
 * until it times out. Busy connections are cut after 5 s.
 */
export async function closeServer(app: FastifyInstance): Promise<void> {
  const closeIdle = setInterval(() => app.server.closeIdleConnections(), 20);
  const cut = setTimeout(() => app.server.closeAllConnections(), STOP_GRACE_MS);
  try {
    await app.close();
  } finally {
    clearInterval(closeIdle);
    clearTimeout(cut);
  }
}
