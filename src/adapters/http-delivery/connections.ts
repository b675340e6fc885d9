import { buildConnector, Client, type Dispatcher } from 'undici';

/** What a request's handler has to be besides, to have a connection and to wait for one. */
export interface ConnectionUser extends Dispatcher.DispatchHandler {
  /** The one that carries the request now. Written by `Connections` alone. */
  connection: Client | null;
  /** Nobody waits for the answer any more, so the request needs no connection. */
  readonly isSettled: boolean;
}

export interface ConnectionsOptions {
  readonly origin: string;
  /** The most at once; what is asked for beyond that waits for its turn. */
  readonly max: number;
  readonly connect: buildConnector.BuildOptions;
}

/** Of the event loop. With two, a server that closes after each answer breaks more requests than with undici's pool. */
const LONG_REST_TURNS = 3;

interface Waiting {
  readonly request: Dispatcher.DispatchOptions;
  readonly user: ConnectionUser;
}

/**
 * Kept-alive connections to one target, each a client of undici, which makes its socket again when it breaks.
 *
 *     free --request--> carries it --answer that names its delivery--> rests for a turn --+--> free
 *                         ^   |                                               |           |
 *                         |   |                       a request waits for it  |           |
 *                         +---|-----------------------------------------------+           |
 *                             +--any other end--> rests for three turns ------------------+
 *
 * While it rests the event loop polls, so that a socket which the other end closes without a word, or on which it sends
 * what nobody asked for, is found out before it carries the next state; undici polls once more if it was free. A target
 * whose answers name their delivery cannot be misunderstood that way, so its connections rest for one turn, and a request
 * rather waits for one of these than takes one that is free: undici does much for a client that has nothing to do, and
 * undoes it for its next request.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  /** One for all, so that they share their TLS sessions. */
  readonly #connector: buildConnector.connector;
  readonly #all = new Set<Client>();
  /** The one that became free last is the first to be used again; the others' sockets may time out. */
  readonly #free: Client[] = [];
  readonly #waiting: Waiting[] = [];
  #restingShortly = 0;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#connector = buildConnector({ allowH2: false, ...options.connect });
  }

  /** Never throws: that a request cannot be made is an error that the user is told of, like any other. */
  dispatch(request: Dispatcher.DispatchOptions, user: ConnectionUser): void {
    const isWorthWaiting = this.#restingShortly > this.#waiting.length;
    const client = isWorthWaiting ? undefined : (this.#free.pop() ?? this.#newClient());
    if (client === undefined) this.#waiting.push({ request, user });
    else give(client, request, user);
  }

  /**
   * Called by a user whose answer has ended, or whose request has failed, from within. `isNamed`: the answer names the
   * delivery.
   */
  over(user: ConnectionUser, isNamed: boolean): void {
    const { connection } = user;
    if (connection === null) return;
    user.connection = null;
    if (isNamed) {
      this.#restingShortly++;
      setImmediate(this.#restedShortly, connection);
    } else {
      afterTurns(LONG_REST_TURNS, () => this.#rested(connection));
    }
  }

  /** The same, of an answer that was not for this request: what else comes on that connection is for nobody. */
  discard(user: ConnectionUser): void {
    const { connection } = user;
    if (connection === null) return;
    user.connection = null;
    this.#all.delete(connection);
    // Undici is not done with it yet.
    setImmediate(() => {
      void connection.destroy();
      this.#useRoom();
    });
  }

  /** Whatever is under way fails. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#all].map((client) => client.destroy()));
  }

  readonly #restedShortly = (client: Client): void => {
    this.#restingShortly--;
    this.#rested(client);
  };

  readonly #rested = (client: Client): void => {
    const next = this.#nextWaiting();
    if (next === undefined) this.#free.push(client);
    else give(client, next.request, next.user);
  };

  /** In the place of one that was discarded, for whoever waits longest. */
  #useRoom(): void {
    const next = this.#nextWaiting();
    if (next !== undefined) this.dispatch(next.request, next.user);
  }

  #nextWaiting(): Waiting | undefined {
    let next = this.#waiting.shift();
    while (next?.user.isSettled === true) next = this.#waiting.shift();
    return next;
  }

  #newClient(): Client | undefined {
    const { origin, max } = this.#options;
    if (this.#all.size >= max) return undefined;
    const client = new Client(origin, {
      connect: this.#connector,
      pipelining: 1,
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

function give(client: Client, request: Dispatcher.DispatchOptions, user: ConnectionUser): void {
  user.connection = client;
  client.dispatch(request, user);
}
