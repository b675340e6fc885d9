import { Connection } from '@platformatic/kafka';
import { TributaryError } from '../../../core/errors.ts';
import type { ResolvedOptions } from '../options.ts';
import { closedFault, connectionFault, type Destination } from './connection-faults.ts';
import { saslOptionsOf, showsSecret } from './login.ts';

/** After this part of the time that its login lasts, a connection is replaced by a new one. */
const REPLACE_AFTER = 0.7;

/** What is known of a connection beside the library's own object. */
export interface ConnectionLife {
  readonly destination: Destination;
  /** On the monotonic clock: from then on a new connection takes its place. */
  readonly replaceAtMs: number;
  /** The last failure of the socket, such as an alert of TLS that came after the handshake. */
  lastError: unknown;
  hasAnswered: boolean;
}

const lives = new WeakMap<Connection, ConnectionLife>();

/** Of a connection that `openBrokerConnection` made. */
export function lifeOf(connection: Connection): ConnectionLife | undefined {
  return lives.get(connection);
}

/**
 * Opens a connection to one broker: with TLS and with a login, if the options have them, and never without. Rejects with
 * `log_unreachable`, in a sentence that names the setting that helps. `ended` is called once it can't be used any more.
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
  // Every failure also reaches whoever waits for an answer; without a listener it would end the process.
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
    // By a login that was taken the broker has answered.
    lives.set(connection, { destination, replaceAtMs, lastError, hasAnswered: login !== undefined });
    return connection;
  } catch (error) {
    ended();
    connection.socket?.destroy();
    throw connectionFault(destination, error, options);
  }
}

/** An error of the first request on a connection, told as what it mostly means; other errors are left as they are. */
export function explainFirst(connection: Connection, error: unknown, options: ResolvedOptions): unknown {
  const life = lives.get(connection);
  if (life === undefined || life.hasAnswered || /timed out/.test(String(error))) return error;
  return life.lastError === undefined
    ? closedFault(life.destination, error, options)
    : connectionFault(life.destination, life.lastError, options);
}

/** A password or a token goes to other machines by TLS only, whatever address the cluster names. */
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
