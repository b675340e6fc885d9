import { buildConnector, Client, type Dispatcher } from 'undici';
import type { Clock } from '../../ports/clock.ts';

/** What a request's handler has to be besides, to have a connection and to wait for one. */
export interface ConnectionUser extends Dispatcher.DispatchHandler {
  /** The one that carries the request now. Written by `Connections` alone. */
  connection: Client | null;
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
 *     free --request--> carries it --any end--> rests for three turns of the event loop --> free
 *                         ^   |
 *                         |   +--answer that names its delivery--> free at once
 *                         +--next request, while that answer ends--+
 *
 * While it rests the event loop polls, so that a socket which the other end closes without a word, or on which it sends
 * what nobody asked for, is found out before it carries the next state. A target whose answers name their delivery cannot
 * be misunderstood that way: there the next request is written while the last answer ends, so the two programs need not
 * wait for each other's turns. If a request fails it may be due to that, so for a minute every connection rests.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  /** One for all, so that they share their TLS sessions. */
  readonly #connector: buildConnector.connector;
  readonly #all = new Set<Client>();
  /** The one that became free last is the first to be used again; the others' sockets may time out. */
  readonly #free: Client[] = [];
  readonly #waiting: Waiting[] = [];
  #restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#connector = buildConnector({ allowH2: false, ...options.connect });
  }

  /** Never throws: that a request cannot be made is an error that the user is told of, like any other. */
  dispatch(request: Dispatcher.DispatchOptions, user: ConnectionUser): void {
    const client = this.#free.pop() ?? this.#newClient();
    if (client === undefined) this.#waiting.push({ request, user });
    else give(client, request, user);
  }

  /**
   * Called by a user whose answer has ended, from within and before it begins what may want a connection. `isNamed`: the
   * answer names the delivery.
   */
  ended(user: ConnectionUser, isNamed: boolean): void {
    this.#take(user, isNamed && this.#options.clock.monotonicMs() >= this.#restUntilMs);
  }

  /** Called by a user whose request has failed, from within. Undici is not done with the client yet. */
  failed(user: ConnectionUser): void {
    this.#restUntilMs = this.#options.clock.monotonicMs() + RESTS_AFTER_FAILURE_MS;
    this.#take(user, false);
  }

  #take(user: ConnectionUser, isFree: boolean): void {
    const { connection } = user;
    if (connection === null) return;
    user.connection = null;
    if (isFree) this.#makeFree(connection);
    else afterTurns(REST_TURNS, () => this.#makeFree(connection));
  }

  /** Like `ended`, of an answer that was not for this request: what else comes on that connection is for nobody. */
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

  #makeFree(client: Client): void {
    const next = this.#nextWaiting();
    if (next === undefined) this.#free.push(client);
    else give(client, next.request, next.user);
  }

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

function give(client: Client, request: Dispatcher.DispatchOptions, user: ConnectionUser): void {
  user.connection = client;
  client.dispatch(request, user);
}
