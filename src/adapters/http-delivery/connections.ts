import type { Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import type { Clock } from '../../ports/clock.ts';
import { ConnectionLimit } from './connection-limit.ts';
import { CERTIFICATE_MEANINGS, CertificateFault, codeOf, isCut } from './fault.ts';
import { asksForCertificate } from './way.ts';

/** The handler of one request. It waits for a connection, and has one while the request is under way. */
export interface ConnectionUser extends Dispatcher.DispatchHandler {
  /** The connection that carries the request now; null before and after that. Only `Connections` writes it. */
  connection: Connection | null;
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
  /** Makes the sockets. */
  readonly connector: buildConnector.connector;
  /** Describes the certificate that the target is shown; null if it is shown none. */
  readonly shownCertificate: () => string | null;
  /** Called when the target cuts connections, so that fewer are kept open: at most once a second. */
  readonly onFewer?: (limit: number) => void;
}

/** Turns of the event loop. After two turns, servers that close after each answer broke more requests than with undici's pool. */
const REST_TURNS = 3;
/** After a failed request no connection is handed over for this long. */
const RESTS_AFTER_FAILURE_MS = 60_000;
/** A socket closes this long before the end of the time that the target's header `Keep-Alive` names. */
export const CLOSES_BEFORE_HINT_MS = 500;

/** A client of undici, and what is known of its present socket. */
export class Connection extends Client {
  /** The last request that was given to it. */
  lastRequest: Dispatcher.DispatchOptions | null = null;
  #socket: Socket | null = null;
  /** Whether the other end has asked for a certificate in its handshake. */
  #wantsCertificate = false;
  /** The bytes that the socket had brought at the end of its last answer. Undefined before its first answer. */
  #answeredBytes: number | undefined;
  /** Since when it was free before its last request; null if it was not free. */
  freeSinceMs: number | null = null;

  constructor(origin: string, connector: buildConnector.connector, options: Omit<Client.Options, 'connect'>) {
    super(origin, {
      ...options,
      connect: (to, connected) =>
        connector(to, (...result: Parameters<buildConnector.Callback>) => {
          this.#socket = result[1];
          this.#wantsCertificate = asksForCertificate(result[1]);
          this.#answeredBytes = undefined;
          connected(...result);
        }),
    });
  }

  /** Its answer has ended. */
  answered(): void {
    this.#answeredBytes = this.#socket?.bytesRead;
    this.freeSinceMs = null;
  }

  /**
   * The error of its request, or that the target wants another certificate: if it asked for one and then cut the socket, or
   * says so.
   */
  explained(error: Error, shownCertificate: () => string | null): Error {
    if (error instanceof CertificateFault) return error;
    const code = codeOf(error);
    const isMute = this.#answeredBytes === undefined && isCut(code);
    const isWanted = isMute && this.#wantsCertificate;
    const shown = shownCertificate();
    const isRefused = shown !== null && Object.hasOwn(CERTIFICATE_MEANINGS, code);
    return isWanted || isRefused ? new CertificateFault(shown, error) : error;
  }

  /** Whether its socket has carried an answer before, and has brought nothing since then. */
  get isSilentSinceAnswer(): boolean {
    return this.#answeredBytes !== undefined && this.#socket?.bytesRead === this.#answeredBytes;
  }
}

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
 *                     busy --cut on a used socket, without a byte of an answer--> busy with the same request, once
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
 * - Cut: a target closes sockets that rest, and a request may meet that. It is written again on a new socket, which is
 *   safe because a request has an id. On a new socket a cut is a failure. If a target cuts sockets that rested for less
 *   than a second, it is short of connections, and fewer are kept (`connection-limit.ts`).
 * - Destroyed: more data may come on it, and belongs to no request. A waiting request gets a new connection.
 *
 * A request that finds no connection waits in a queue. The request that has waited longest is served first. A request
 * whose outcome is known before its turn, by its deadline for example, is dropped.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #all = new Set<Connection>();
  /** The connection that became free last comes last, and is used first. */
  readonly #free: Connection[] = [];
  readonly #waiting: Waiting[] = [];
  /** The warm connection; null outside of `ended`. */
  #warm: Connection | null = null;
  readonly #limit: ConnectionLimit;
  #restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#limit = new ConnectionLimit(options.max, options.clock);
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
    connection?.answered();
    const mayHandOver = isNamed && this.#waiting.length === 0 && !this.#isResting();
    if (mayHandOver) this.#warm = connection;
    else this.#rest(connection);
    try {
      settle();
    } finally {
      this.#rest(this.#warm);
      this.#warm = null;
    }
  }

  #isResting(): boolean {
    // Mostly nothing has failed, and then the clock is not read.
    if (this.#restUntilMs === Number.NEGATIVE_INFINITY) return false;
    return this.#options.clock.monotonicMs() < this.#restUntilMs;
  }

  /**
   * A user calls this when its request has failed, from undici's call of the user. Returns what failed, or null if the request
   * is sent again on a new socket, so that it has not failed yet.
   */
  failed(user: ConnectionUser, error: Error): Error | null {
    const connection = taken(user);
    this.#restUntilMs = this.#options.clock.monotonicMs() + RESTS_AFTER_FAILURE_MS;
    const request = connection?.lastRequest ?? null;
    const wasCut = isCut(codeOf(error)) && connection?.isSilentSinceAnswer === true;
    if (connection === null || request === null || !wasCut || user.isSettled) {
      this.#rest(connection);
      return connection?.explained(error, this.#options.shownCertificate) ?? error;
    }
    this.#wasCut(connection);
    // Undici still works on the client during this turn.
    setImmediate(() => {
      if (user.isSettled) this.#rest(connection);
      else give(connection, request, user, false);
    });
    return null;
  }

  #wasCut(connection: Connection): void {
    const { freeSinceMs } = connection;
    const idleMs = freeSinceMs === null ? 0 : this.#options.clock.monotonicMs() - freeSinceMs;
    if (!this.#limit.cut(idleMs, this.#all.size)) return;
    this.#options.onFewer?.(this.#limit.now);
    while (this.#all.size > this.#limit.now) {
      const idle = this.#free.shift();
      if (idle === undefined) break;
      this.#close(idle);
    }
  }

  #close(connection: Connection): void {
    this.#all.delete(connection);
    void connection.destroy();
  }

  /** A user calls this instead of `ended` if the answer may be another request's. Destroys the connection. */
  discard(user: ConnectionUser): void {
    const connection = taken(user);
    if (connection === null) return;
    // Undici still works on it during this turn.
    setImmediate(() => {
      this.#close(connection);
      this.#serveWaiting(() => this.#newClient());
    });
  }

  /** Closes all connections. Every request that is under way fails. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#all].map((client) => client.destroy()));
  }

  #rest(connection: Connection | null): void {
    if (connection === null) return;
    afterTurns(REST_TURNS, () => {
      if (this.#all.size > this.#limit.now) this.#close(connection);
      else if (!this.#serveWaiting(() => connection)) {
        connection.freeSinceMs = this.#options.clock.monotonicMs();
        this.#free.push(connection);
      }
    });
  }

  /** Gives a connection to the request that has waited longest. Returns false if no request waits. */
  #serveWaiting(connection: () => Connection | null): boolean {
    let next = this.#waiting.shift();
    while (next?.user.isSettled === true) next = this.#waiting.shift();
    if (next === undefined) return false;
    const client = connection();
    if (client === null) this.#waiting.unshift(next);
    else give(client, next.request, next.user, false);
    return true;
  }

  #newClient(): Connection | null {
    if (this.#all.size >= this.#limit.now) return null;
    const { origin, connector } = this.#options;
    const connection = new Connection(origin, connector, {
      // Undici still writes one POST at a time, after the answer to the one before. But with 1 it would write a request
      // that it is given while an answer ends one turn later.
      pipelining: 2,
      allowH2: false,
      // With the default of 2 s, a target that says `Keep-Alive: timeout=1` would get a connection for each request.
      keepAliveTimeoutThreshold: CLOSES_BEFORE_HINT_MS,
      // The attempt's own deadline covers both. Two more timers for each request would cost time.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#all.add(connection);
    return connection;
  }
}

function afterTurns(turns: number, then: () => void): void {
  setImmediate(() => (turns === 1 ? then() : afterTurns(turns - 1, then)));
}

/** Takes the connection from its user. Null if the user had none. */
function taken(user: ConnectionUser): Connection | null {
  const { connection } = user;
  user.connection = null;
  return connection;
}

function give(
  connection: Connection,
  request: Dispatcher.DispatchOptions,
  user: ConnectionUser,
  isHandedOver: boolean,
): void {
  user.connection = connection;
  user.isHandedOver = isHandedOver;
  connection.lastRequest = request;
  connection.dispatch(request, user);
}
