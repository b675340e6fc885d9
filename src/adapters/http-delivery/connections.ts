import { buildConnector, Client, type Dispatcher } from 'undici';
import type { Clock } from '../../ports/clock.ts';

/** What a request's handler has to be besides, to have a connection and to wait for one. */
export interface ConnectionUser extends Dispatcher.DispatchHandler {
  /** The one that carries the request now. Written by `Connections` alone. */
  connection: Client | null;
  /** Whether the request was written while the answer before it ended. Written by `Connections` alone. */
  isHandedOver: boolean;
  /** The request has to find a connection that has rested. */
  readonly isCareful: boolean;
  /** Nobody waits for the answer any more, so the request needs no connection. */
  readonly isSettled: boolean;
}

export interface ConnectionsOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly origin: string;
  /** The most at once; what is asked for beyond that waits for its turn. */
  readonly max: number;
  readonly connect: buildConnector.BuildOptions;
}

/** Of the event loop. With two, a server that closes after each answer breaks more requests than with undici's pool. */
const REST_TURNS = 3;
const RESTS_AFTER_FAILURE_MS = 60_000;

interface Waiting {
  readonly request: Dispatcher.DispatchOptions;
  readonly user: ConnectionUser;
}

/**
 * Kept-alive connections to one target, each a client of undici, which makes its socket again when it breaks.
 *
 *     free --request--> carries it --end--> rests for three turns of the event loop --> free
 *                         ^   |
 *                         +---+ an answer that names its delivery ends: handed over to the next request
 *
 * While it rests the event loop polls, so that a socket which the other end closes without a word, or on which it sends
 * what nobody asked for, is found out before it carries the next state. Where answers name their delivery the next request
 * is written while the last answer ends, so that the two programs need not wait for each other's turns: whose answer
 * comes then, its name tells, and without one it is not believed (`attempt.ts`). If a request fails it may be due to that,
 * so for a minute every connection rests.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  /** One for all, so that they share their TLS sessions. */
  readonly #connector: buildConnector.connector;
  readonly #all = new Set<Client>();
  /** The one that became free last is the first to be used again; the others' sockets may time out. */
  readonly #free: Client[] = [];
  readonly #waiting: Waiting[] = [];
  /** One whose answer ends right now, for the next request. */
  #warm: Client | null = null;
  #restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#connector = buildConnector({ allowH2: false, ...options.connect });
  }

  /** Never throws: that a request cannot be made is an error that the user is told of, like any other. */
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
   * Called by a user whose answer has ended, from within. `isNamed`: it names the delivery; then the first request that
   * `settle` makes gets the connection.
   */
  ended(user: ConnectionUser, isNamed: boolean, settle: () => void): void {
    const connection = taken(user);
    const mayHandOver =
      isNamed && this.#waiting.length === 0 && this.#options.clock.monotonicMs() >= this.#restUntilMs;
    if (mayHandOver) this.#warm = connection;
    else this.#rest(connection);
    settle();
    if (this.#warm === null) return;
    this.#rest(this.#warm);
    this.#warm = null;
  }

  /** Called by a user whose request has failed, from within. Undici is not done with the client yet. */
  failed(user: ConnectionUser): void {
    this.#restUntilMs = this.#options.clock.monotonicMs() + RESTS_AFTER_FAILURE_MS;
    this.#rest(taken(user));
  }

  /** Like `ended`, of an answer that may not be the one to this request: what else comes there is for nobody. */
  discard(user: ConnectionUser): void {
    const connection = taken(user);
    if (connection === null) return;
    // Undici is not done with it yet.
    setImmediate(() => {
      this.#all.delete(connection);
      void connection.destroy();
      this.#serveWaiting(() => this.#newClient());
    });
  }

  /** Whatever is under way fails. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#all].map((client) => client.destroy()));
  }

  #rest(client: Client | null): void {
    if (client === null) return;
    afterTurns(REST_TURNS, () => {
      if (!this.#serveWaiting(() => client)) this.#free.push(client);
    });
  }

  /** Whether somebody waits, who gets it then. */
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
      // One at a time all the same: no POST is written before the last one's answer has ended. But a client of 1 that is
      // given its next request while that ends would write it a turn later.
      pipelining: 2,
      allowH2: false,
      // The attempt's own deadline covers both; two more timers for each request would only cost.
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

/** The user's connection, which is not the user's any more; null if it had none. */
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
