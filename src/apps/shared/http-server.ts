import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { messageOf, TributaryError } from '../../core/errors.ts';

export { isLoopback } from './loopback.ts';

/** Connections that are still busy so long after a stop was asked for are cut. */
const STOP_GRACE_MS = 5_000;

/** Where to listen, and the settings that say so, for messages. */
export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly program: string;
  readonly hostSetting: string;
  readonly portSetting: string;
}

/** Starts to listen and resolves with the address. Rejects with `address_in_use` or `setting_invalid`. */
export async function listen(app: FastifyInstance, options: ListenOptions): Promise<string> {
  const { host, port, program, hostSetting, portSetting } = options;
  try {
    await app.listen({ host, port });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EADDRINUSE') {
      throw new TributaryError(
        'address_in_use',
        `Port ${port} on ${host} is in use: stop the program that has it, or set ${portSetting} to another port.`,
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

/** A connection that becomes idle only after the stop began would hold the server open until it times out. */
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
