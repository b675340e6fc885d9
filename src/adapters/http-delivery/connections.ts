import { buildConnector, Client, type Dispatcher } from 'undici';

/** What a request's handler has to be besides, to wait for a connection and to have one. */
export interface ConnectionUser extends Dispatcher.DispatchHandler {
  /** Which one the request has; written by `Connections` alone. */
  connection: Connection | null;
  /** Nobody waits for the answer any more, so the request needs no connection. */
  readonly isSettled: boolean;
}

/** One request at a time, over a socket that is made again when it breaks. */
export interface Connection {
  readonly client: Client;
  /** Of the socket that it has now. */
  answers: number;
}

/** A socket that has carried so many answers is not closed after each. */
const PROVEN_ANSWERS = 8;

interface Waiting {
  readonly request: Dispatcher.DispatchOptions;
  readonly user: ConnectionUser;
}

export interface ConnectionsOptions {
  readonly origin: string;
  /** The most at once; what is asked for beyond waits for its turn. */
  readonly max: number;
  readonly connect: buildConnector.BuildOptions;
}

/**
 * Kept-alive connections to one target, each a client of undici; the one that became free last is the first to be used
 * again. Undici's own pool lets two turns of the event loop pass before a socket gets its next request, to see whether
 * the other end closes it, as some do without a word. Here that is so until a socket has proven itself; from then on it
 * can be given the next request while its last answer ends, which saves that time and a tenth of the work of each.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  /** One for all, so that they share their TLS sessions. */
  readonly #connector: buildConnector.connector;
  readonly #all: Connection[] = [];
  readonly #free: Connection[] = [];
  readonly #waiting: Waiting[] = [];

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#connector = buildConnector({ allowH2: false, ...options.connect });
  }

  /** Never throws: that a request cannot be made is an error that the user is told of, like any other. */
  dispatch(request: Dispatcher.DispatchOptions, user: ConnectionUser): void {
    const connection = this.#free.pop() ?? this.#newConnection();
    if (connection === null) this.#waiting.push({ request, user });
    else give(connection, request, user);
  }

  /** Called by a user when its answer has ended, from within, and before it begins what may want a connection. */
  ended(user: ConnectionUser): void {
    const { connection } = user;
    if (connection === null) return;
    user.connection = null;
    if (++connection.answers > PROVEN_ANSWERS) this.#makeFree(connection);
    else setImmediate(() => this.#makeFree(connection));
  }

  /** Called by a user when its request has failed. Undici is not done with the client yet, so nobody gets it before. */
  failed(user: ConnectionUser): void {
    const { connection } = user;
    if (connection === null) return;
    user.connection = null;
    setImmediate(() => this.#makeFree(connection));
  }

  async destroy(): Promise<void> {
    await Promise.all(this.#all.map(({ client }) => client.destroy()));
  }

  #newConnection(): Connection | null {
    const { origin, max } = this.#options;
    if (this.#all.length >= max) return null;
    const client = new Client(origin, {
      connect: this.#connector,
      pipelining: 1,
      allowH2: false,
      // The attempt's own deadline covers both; two more timers for each request would only cost.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const connection: Connection = { client, answers: 0 };
    client.on('disconnect', () => {
      connection.answers = 0;
    });
    this.#all.push(connection);
    return connection;
  }

  #makeFree(connection: Connection): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (next.user.isSettled) continue;
      give(connection, next.request, next.user);
      return;
    }
    this.#free.push(connection);
  }
}

function give(connection: Connection, request: Dispatcher.DispatchOptions, user: ConnectionUser): void {
  user.connection = connection;
  connection.client.dispatch(request, user);
}
