import { buildConnector, Client, type Dispatcher } from 'undici';
import type { Clock } from '../../ports/clock.ts';

/** The handler of one request. It waits for a connection, and has one while the request is under way. */
export interface ConnectionUser extends Dispatcher.DispatchHandler {
  /** The connection that carries the request now; null before and after that. Only `Connections` writes it. */
  connection: Client | null;
  /** Whether the request was written on a warm connection. Only `Connections` writes it. */
  isHandedOver: boolean;
  /** Whether the request may only be written on a connection that has rested. */
  readonly isCareful: boolean;
  /** Whether the outcome is known already, so that the request is not sent any more. */
  readonly isSettled: boolean;
}

export interface ConnectionsOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly origin: string;
  /** The most connections at once. Further requests wait. */
  readonly max: number;
  readonly connect: buildConnector.BuildOptions;
}

/** Turns of the event loop. After two turns, servers that close after each answer broke more requests than with undici's pool. */
const REST_TURNS = 3;
/** After a failed request no connection is handed over for this long. */
const RESTS_AFTER_FAILURE_MS = 60_000;

interface Waiting {
  readonly request: Dispatcher.DispatchOptions;
  readonly user: ConnectionUser;
}

/**
 * Kept-alive connections to one target, at most `max`. Each is a client of undici, which opens a new socket when its
 * socket breaks. A connection is in one of these states:
 *
 *   free --request--> busy --the answer ends--> resting --three turns--> free, or busy with the next waiting request
 *                     busy --the answer ends and names its delivery--> warm --next request--> busy
 *                                                                      warm --no request--> resting
 *                     busy --the request fails--> resting
 *                     busy --the answer may be another request's--> destroyed
 *
 * - Free: it has rested, and carries no request. The connection that became free last is used first, so that the sockets
 *   of the others may time out.
 * - Busy: it carries one request. Its user has it in `connection`.
 * - Warm: its answer has just ended, and `ended` is still running. The first request that is dispatched now gets it,
 *   unless that request is careful, and is written before the other end has its turn. The answer to such a request
 *   (`isHandedOver`) is believed only if it names the delivery (`attempt.ts`). No connection becomes warm while a request
 *   waits, or within a minute after a request has failed.
 * - Resting: for three turns of the event loop nothing is written. If the other end has closed the socket, or sends what
 *   nobody asked for, undici notices that in this time, and the next request gets a new socket.
 * - Destroyed: more data may come on it, and belongs to no request. A waiting request gets a new connection.
 *
 * A request that finds no connection waits in a queue. The request that has waited longest is served first. A request
 * whose outcome is known before its turn, by its deadline for example, is dropped.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  /** All connections share one connector, and with it their TLS sessions. */
  readonly #connector: buildConnector.connector;
  readonly #all = new Set<Client>();
  /** The connection that became free last comes last, and is used first. */
  readonly #free: Client[] = [];
  readonly #waiting: Waiting[] = [];
  /** The warm connection; null outside of `ended`. */
  #warm: Client | null = null;
  #restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#connector = buildConnector({ allowH2: false, ...options.connect });
  }

  /** Gives the request a connection, or has it wait. Never throws: undici tells the user if a request cannot be made. */
  dispatch(request: Dispatcher.DispatchOptions, user: ConnectionUser): void {
    const warm = this.#warm;
    if (warm !== null && !user.isCareful) {
      this.#warm = null;
      give(warm, request, user, true);
      return;
    }
    const client = this.#free.pop() ?? this.#newClient();
    if (client === null) this.#waiting.push({ request, user });
    else give(client, request, user, false);
  }

  /**
   * A user calls this when its answer has ended, from undici's call of the user. `isNamed`: the answer names the user's
   * delivery, so the first request that `settle` dispatches may get the connection.
   */
  ended(user: ConnectionUser, isNamed: boolean, settle: () => void): void {
    const connection = taken(user);
    const mayHandOver =
      isNamed && this.#waiting.length === 0 && this.#options.clock.monotonicMs() >= this.#restUntilMs;
    if (mayHandOver) this.#warm = connection;
    else this.#rest(connection);
    try {
      settle();
    } finally {
      this.#rest(this.#warm);
      this.#warm = null;
    }
  }

  /** A user calls this when its request has failed, from undici's call of the user. Undici still works on the client. */
  failed(user: ConnectionUser): void {
    this.#restUntilMs = this.#options.clock.monotonicMs() + RESTS_AFTER_FAILURE_MS;
    this.#rest(taken(user));
  }

  /** A user calls this instead of `ended` if the answer may be another request's. Destroys the connection. */
  discard(user: ConnectionUser): void {
    const connection = taken(user);
    if (connection === null) return;
    // Undici still works on it during this turn.
    setImmediate(() => {
      this.#all.delete(connection);
      void connection.destroy();
      this.#serveWaiting(() => this.#newClient());
    });
  }

  /** Closes all connections. Every request that is under way fails. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#all].map((client) => client.destroy()));
  }

  #rest(client: Client | null): void {
    if (client === null) return;
    afterTurns(REST_TURNS, () => {
      if (!this.#serveWaiting(() => client)) this.#free.push(client);
    });
  }

  /** Gives a connection to the request that has waited longest. Returns false if no request waits. */
  #serveWaiting(connection: () => Client | null): boolean {
    let next = this.#waiting.shift();
    while (next?.user.isSettled === true) next = this.#waiting.shift();
    if (next === undefined) return false;
    const client = connection();
    if (client === null) this.#waiting.unshift(next);
    else give(client, next.request, next.user, false);
    return true;
  }

  #newClient(): Client | null {
    const { origin, max } = this.#options;
    if (this.#all.size >= max) return null;
    const client = new Client(origin, {
      connect: this.#connector,
      // Undici still writes one POST at a time, after the answer to the one before. But with 1 it would write a request
      // that it is given while an answer ends one turn later.
      pipelining: 2,
      allowH2: false,
      // The attempt's own deadline covers both. Two more timers for each request would cost time.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#all.add(client);
    return client;
  }
}

function afterTurns(turns: number, then: () => void): void {
  setImmediate(() => (turns === 1 ? then() : afterTurns(turns - 1, then)));
}

/** Takes the connection from its user. Null if the user had none. */
function taken(user: ConnectionUser): Client | null {
  const { connection } = user;
  user.connection = null;
  return connection;
}

function give(
  client: Client,
  request: Dispatcher.DispatchOptions,
  user: ConnectionUser,
  isHandedOver: boolean,
): void {
  user.connection = client;
  user.isHandedOver = isHandedOver;
  client.dispatch(request, user);
}
