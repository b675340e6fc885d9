import { Connection } from '@platformatic/kafka';
import { TributaryError } from '../../../core/errors.ts';
import type { ResolvedOptions } from '../options.ts';
import { closedFault, connectionFault, type Destination } from './connection-faults.ts';
import { saslOptionsOf, showsSecret } from './login.ts';

/** A connection is replaced after this part of its login's lifetime. */
const REPLACE_AFTER = 0.7;

/** Facts about a connection that the library's own object does not keep. */
export interface ConnectionLife {
  readonly destination: Destination;
  /** The time on the monotonic clock at which a new connection takes its place. */
  readonly replaceAtMs: number;
  /** The last failure of the socket, such as a TLS alert after the handshake. */
  lastError: unknown;
  hasAnswered: boolean;
}

const lives = new WeakMap<Connection, ConnectionLife>();

/** The facts about a connection. Undefined if `openBrokerConnection` did not open it. */
export function lifeOf(connection: Connection): ConnectionLife | undefined {
  return lives.get(connection);
}

/**
 * Opens a connection to one broker. If the options have TLS or a login, never connects without. Rejects with
 * `log_unreachable`, with a message that names the setting to correct. Calls `ended` when the connection is no longer
 * usable.
 */
export async function openBrokerConnection(
  destination: Destination,
  options: ResolvedOptions,
  requestTimeoutMs: number,
  ended: () => void,
): Promise<Connection> {
  const { tls, login, clientId, clock } = options;
  const { host, port } = destination;
  refuseOpenSecret(destination, options);
  let lastsMs = Number.POSITIVE_INFINITY;
  const connection = new Connection(clientId, {
    requestTimeout: requestTimeoutMs,
    maxInflights: 5,
    ...(tls === undefined ? {} : { tls, tlsServerName: true }),
    ...(login === undefined
      ? {}
      : {
          sasl: saslOptionsOf(login, (milliseconds) => {
            lastsMs = milliseconds;
          }),
        }),
  });
  // A failure also rejects the open requests. Without this listener it would end the process.
  let lastError: unknown;
  connection.on('error', (error) => {
    lastError = error;
    const life = lives.get(connection);
    if (life !== undefined) life.lastError = error;
    ended();
  });
  connection.on('close', ended);
  const openedAtMs = clock.monotonicMs();
  try {
    await connection.connect(host, port);
    const replaceAtMs = openedAtMs + lastsMs * REPLACE_AFTER;
    // A broker that has accepted a login has answered.
    lives.set(connection, { destination, replaceAtMs, lastError, hasAnswered: login !== undefined });
    return connection;
  } catch (error) {
    ended();
    connection.socket?.destroy();
    throw connectionFault(destination, error, options);
  }
}

/**
 * Replaces the error of the first request on a connection by one that says what it mostly means. Keeps other errors.
 */
export function explainFirst(connection: Connection, error: unknown, options: ResolvedOptions): unknown {
  const life = lives.get(connection);
  if (life === undefined || life.hasAnswered || /timed out/.test(String(error))) return error;
  return life.lastError === undefined
    ? closedFault(life.destination, error, options)
    : connectionFault(life.destination, life.lastError, options);
}

/** Refuses to send a password or a token to another machine without TLS, also to addresses that the cluster names. */
function refuseOpenSecret(
  { host, port }: Destination,
  { tls, login, allowsOpenLogin }: ResolvedOptions,
): void {
  if (login === undefined || tls !== undefined || allowsOpenLogin || !showsSecret(login) || isLoopback(host))
    return;
  throw new TributaryError(
    'setting_invalid',
    `The login by ${login.mechanism} would be sent to ${host}:${port} in plain text: set KAFKA_TLS=true, or take ` +
      'scram-sha-512, or set KAFKA_ALLOW_LOGIN_WITHOUT_TLS=true if everybody on the way may read it.',
  );
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
