import mysql, { type Pool, type PoolConnection, type RowDataPacket } from 'mysql2/promise';
import { PLAIN_NAMES, type TableNames } from '../../core/table-names.ts';
import type { Clock } from '../../ports/clock.ts';
import { AnswerWatch, type Wait } from './answer-watch.ts';
import { sendAtOnce } from './command-train.ts';
import { nameTables } from './connection-names.ts';
import { DeadlineError } from './errors.ts';
import type { Remedies } from './refusals.ts';
import type { ServerAddress, ServerTls } from './server-address.ts';
import { tlsOptions } from './tls.ts';

/** The deadline for reaching the server and logging in. */
const CONNECT_DEADLINE_MS = 10_000;
/** A statement that has had no byte of its answer for this long never gets one. It is longer than any lock wait. */
export const STATEMENT_DEADLINE_MS = 15_000;
/** The deadline for getting a connection while all of them are in use. */
const POOL_DEADLINE_MS = 10_000;
/** A connection that was unused for this long is pinged before it is used. */
const PING_AFTER_MS = 5_000;
const PING_DEADLINE_MS = 3_000;
/** The deadline for saying goodbye to the server when the pool is closed. */
const CLOSE_DEADLINE_MS = 3_000;
/** The most callers that may wait for a connection; more are refused at once. */
const WAITING_MAX = 1_000;

/**
 * The most statements that one connection keeps prepared. The least recently used one makes room. A server has one
 * limit for all of its clients, 16,382 by default.
 */
export const PREPARED_MAX = 128;

/** Seconds that a statement waits for a row lock. */
export const LOCK_WAIT_SECONDS = 10;
/**
 * The server ends a session that is silent for this long in the middle of a packet, while it should take its answer, or
 * within a transaction (see `inTransaction`). So a stopped process holds its locks no longer than this.
 */
const IDLE_TRANSACTION_SECONDS = 8;

/**
 * Gives statements the same meaning in all of our sessions, whatever the server's own settings are. It needs no right.
 */
const SESSION_SETTINGS =
  "SET NAMES utf8mb4, sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', " +
  'autocommit = 1, completion_type = 0, sql_select_limit = 18446744073709551615, sql_safe_updates = 0, ' +
  'sql_big_selects = 1, sql_auto_is_null = 0, max_sort_length = 1024, default_storage_engine = InnoDB';

const ISOLATION = 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE';

export interface ConnectionPoolOptions {
  readonly address: ServerAddress;
  /** TLS settings; null for plain text. */
  readonly tls: ServerTls | null;
  readonly connections: number;
  readonly clock: Clock;
  /** The server ends a transaction that is silent for this long; default 8 s. */
  readonly idleTransactionSeconds?: number;
  readonly remedies: Pick<Remedies, 'setting' | 'setUp'>;
  /** What tells whether a COMMIT without an answer stands, for the message of `store_commit_unknown`. */
  readonly commitEvidence: string;
  /** The names of the tables, if they have a prefix. */
  readonly names?: TableNames;
}

/** What we use of the driver's own connection, beyond its types. */
interface CoreConnection {
  readonly stream: {
    on(event: 'data', listener: () => void): void;
    destroy(error?: Error): void;
  };
  addCommand(command: { once(event: 'end', listener: () => void): unknown }): unknown;
  on(event: 'error' | 'end', listener: () => void): void;
}

/** What is known of one connection. */
interface Facts {
  /** The wait for the answers to its statements. */
  readonly wait: Wait;
  server: string;
  /** Whether a proxy that runs transactions itself stands in front of the servers. */
  isProxied: boolean;
  lastUsedMs: number;
  /** Whether we have closed it. */
  isDiscarded: boolean;
}

/**
 * Connections to one database. Every wait for the server has a deadline, and a connection that missed one is closed.
 * Every connection has the session settings that statements rely on, whatever the server's own are.
 */
export class ConnectionPool {
  readonly options: ConnectionPoolOptions;
  /** What error messages name. */
  readonly remedies: Remedies;
  /** The server ends a session that is silent for this long while it may hold locks. */
  readonly idleTransactionSeconds: number;
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #watch: AnswerWatch;
  readonly #facts = new WeakMap<CoreConnection, Facts>();
  /** The connections that are not closed yet. */
  readonly #open = new Set<CoreConnection>();
  /** Every server that a connection has reached, and whether connections to it are of no use any more. */
  readonly #servers = new Map<string, { isRetired: boolean }>();
  /** The server that the newest connection has reached. */
  #server: string | null = null;
  #generation = 1;
  /** Connections that were last used before this moment are closed, because one of them did not answer a ping. */
  #suspectBeforeMs = Number.NEGATIVE_INFINITY;
  #closing: Promise<void> | undefined;

  constructor(options: ConnectionPoolOptions) {
    this.options = options;
    const { address, tls } = options;
    const { host, port, user, database } = address;
    const hasCertificate = tls?.cert !== undefined;
    this.remedies = { ...options.remedies, host, port, user, database, hasTls: tls !== null, hasCertificate };
    this.idleTransactionSeconds = options.idleTransactionSeconds ?? IDLE_TRANSACTION_SECONDS;
    this.#clock = options.clock;
    this.#watch = new AnswerWatch(options.clock);
    this.#pool = mysql.createPool({
      host: address.host,
      port: address.port,
      user: address.user,
      password: address.password,
      database: address.database,
      connectionLimit: options.connections,
      queueLimit: WAITING_MAX,
      charset: 'utf8mb4',
      timezone: 'Z',
      supportBigNumbers: true,
      bigNumberStrings: true,
      // A Date would lose the microseconds of a moment.
      dateStrings: ['DATETIME'],
      rowsAsArray: true,
      // An UPDATE reports the rows that it changed, not the rows that it found. Query attributes are off because they
      // would change the layout of the packets that RowsStatement writes.
      flags: ['-FOUND_ROWS', '-CLIENT_QUERY_ATTRIBUTES'],
      // Otherwise the driver would keep a stack for each statement.
      trace: false,
      enableKeepAlive: true,
      connectTimeout: CONNECT_DEADLINE_MS,
      maxPreparedStatements: PREPARED_MAX,
      ...(tls === null ? {} : tlsOptions(address, tls)),
    });
  }

  /**
   * Rises when the database may no longer hold what was read before: a connection was lost, or a new one reached
   * another server.
   */
  get generation(): number {
    return this.#generation;
  }

  /**
   * Gives a connection to the caller alone, until it calls `giveBack` or `discard`. Rejects with the driver's errors.
   */
  async borrow(): Promise<PoolConnection> {
    for (;;) {
      const connection = await this.#next();
      try {
        if (await this.#isUsable(connection)) return connection;
      } catch (error) {
        this.discard(connection);
        throw error;
      }
      this.discard(connection);
    }
  }

  /** Returns a connection whose session is as it was when it was borrowed. */
  giveBack(connection: PoolConnection): void {
    const facts = this.#facts.get(coreOf(connection));
    if (facts !== undefined) facts.lastUsedMs = this.#clock.monotonicMs();
    connection.release();
  }

  /** Closes a connection; the server rolls back what was not committed. */
  discard(connection: PoolConnection): void {
    const core = coreOf(connection);
    const facts = this.#facts.get(core);
    if (facts !== undefined) {
      facts.isDiscarded = true;
      this.#watch.ended(facts.wait);
    }
    connection.destroy();
    // Otherwise the socket would wait for the server's goodbye and keep this process alive.
    core.stream.destroy();
    this.#open.delete(core);
  }

  /** Sets session variables, and begins a transaction. A snapshot is read-only, and reads what is committed now. */
  async begin(connection: PoolConnection, variables: string, isSnapshot: boolean): Promise<void> {
    if (!this.isProxied(connection)) {
      await connection.query(`SET autocommit = 0, ${variables}`);
      if (!isSnapshot) return;
      // This holds for the next transaction alone; the sessions of the pool read what is committed last.
      await connection.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
      return;
    }
    // The proxy would pass autocommit beside other variables on to one server, and never leaves it when it is set alone.
    // A deadlock ends its transaction only at the ROLLBACK, so no statement behind it begins another.
    if (isSnapshot)
      await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE');
    await connection.query(`SET ${variables}`);
    await connection.query('START TRANSACTION');
  }

  /** Puts the session back as it was before `begin`, once its transaction has ended. */
  async ended(connection: PoolConnection, variables: string, isSnapshot: boolean): Promise<void> {
    if (!this.isProxied(connection)) {
      await connection.query(`SET autocommit = 1, ${variables}`);
      return;
    }
    await connection.query(`SET ${variables}`);
    if (isSnapshot) await connection.query(ISOLATION);
  }

  /** Whether a proxy in front of several servers runs the connection's statements. */
  isProxied(connection: PoolConnection): boolean {
    return this.#facts.get(coreOf(connection))?.isProxied === true;
  }

  /** Sets the deadline of the connection's statements to `ms` in place of 15 s, while it is borrowed. */
  setDeadline(connection: PoolConnection, ms: number): void {
    const facts = this.#facts.get(coreOf(connection));
    if (facts !== undefined) facts.wait.deadlineMs = ms;
  }

  /** May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const over = new AbortController();
    const cut = this.#clock.sleep(CLOSE_DEADLINE_MS, over.signal).then(() => {
      for (const core of this.#open) core.stream.destroy();
    });
    await Promise.race([this.#pool.end().catch(() => undefined), cut]);
    over.abort();
    this.#watch.stop();
  }

  /** Resolves with an idle connection, a new one, or the first one that is given back. */
  #next(): Promise<PoolConnection> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const wait: Wait = {
        deadlineMs: POOL_DEADLINE_MS,
        looks: 0,
        message: (seconds) =>
          `all ${this.options.connections} connections have been in use, or were being opened, for ${seconds} s`,
        giveUp: (error) => {
          isOver = true;
          reject(error);
        },
      };
      this.#watch.began(wait);
      this.#pool.getConnection().then(
        (connection) => {
          this.#watch.ended(wait);
          if (isOver) connection.release();
          else resolve(connection);
        },
        (error: unknown) => {
          this.#watch.ended(wait);
          reject(error);
        },
      );
    });
  }

  async #isUsable(connection: PoolConnection): Promise<boolean> {
    const core = coreOf(connection);
    const facts = this.#facts.get(core);
    if (facts === undefined) {
      await this.#prepare(connection, core);
      return true;
    }
    facts.wait.deadlineMs = STATEMENT_DEADLINE_MS;
    if (facts.isDiscarded || facts.lastUsedMs <= this.#suspectBeforeMs) return false;
    if (this.#servers.get(facts.server)?.isRetired) return false;
    if (facts.lastUsedMs + PING_AFTER_MS > this.#clock.monotonicMs()) return true;
    facts.wait.deadlineMs = PING_DEADLINE_MS;
    try {
      await connection.ping();
      facts.wait.deadlineMs = STATEMENT_DEADLINE_MS;
      return true;
    } catch (error) {
      if (error instanceof DeadlineError) this.#suspectBeforeMs = this.#clock.monotonicMs();
      return false;
    }
  }

  /** Prepares a new connection for its first user. */
  async #prepare(connection: PoolConnection, core: CoreConnection): Promise<void> {
    const facts = this.#follow(core);
    await connection.query(
      `${SESSION_SETTINGS}, innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS}, ` +
        `net_read_timeout = ${this.idleTransactionSeconds}, net_write_timeout = ${this.idleTransactionSeconds}`,
    );
    await connection.query(ISOLATION);
    const { server, isProxied } = await serverOf(connection);
    facts.server = server;
    facts.isProxied = isProxied;
    this.#reached(server);
  }

  #follow(core: CoreConnection): Facts {
    const wait: Wait = {
      deadlineMs: STATEMENT_DEADLINE_MS,
      looks: 0,
      message: (seconds) => `no answer to a statement for ${seconds} s`,
      // The driver rejects every waiting statement with this error, and the pool drops the connection.
      giveUp: (error) => core.stream.destroy(error),
    };
    const facts: Facts = {
      wait,
      server: '',
      isProxied: false,
      lastUsedMs: this.#clock.monotonicMs(),
      isDiscarded: false,
    };
    // A proxy may work off what comes together at the same time.
    sendAtOnce(core, () => !facts.isProxied);
    let unanswered = 0;
    const addCommand = core.addCommand.bind(core);
    core.addCommand = (command) => {
      if (unanswered++ === 0) this.#watch.began(wait);
      command.once('end', () => {
        if (--unanswered === 0) this.#watch.ended(wait);
      });
      return addCommand(command);
    };
    core.stream.on('data', () => {
      wait.looks = 0;
    });
    const lost = () => {
      this.#watch.ended(wait);
      this.#open.delete(core);
      if (facts.isDiscarded) return;
      facts.isDiscarded = true;
      this.#generation++;
    };
    core.on('error', lost);
    core.on('end', lost);
    nameTables(core, this.options.names ?? PLAIN_NAMES);
    this.#facts.set(core, facts);
    this.#open.add(core);
    return facts;
  }

  /**
   * Notes that a new connection has reached this server. A server that was never seen before has replaced the others,
   * so connections to those are closed. A server that is seen a second time belongs to a cluster behind one address,
   * and then connections to all of its servers are kept.
   */
  #reached(server: string): void {
    if (server === this.#server) return;
    if (this.#server !== null) this.#generation++;
    const isKnown = this.#servers.has(server);
    for (const known of this.#servers.values()) known.isRetired = !isKnown;
    this.#servers.set(server, { isRetired: false });
    this.#server = server;
  }
}

function coreOf(connection: PoolConnection): CoreConnection {
  return connection.connection as unknown as CoreConnection;
}

/** A text that identifies a server and its database. A layer over many servers counts as one. */
async function serverOf(
  connection: PoolConnection,
): Promise<{ readonly server: string; readonly isProxied: boolean }> {
  const ask = async (sql: string) => (await connection.query<RowDataPacket[]>(sql))[0];
  // Two statements, because a proxy answers only the first of two questions about itself.
  const [[where], [what]] = [await ask('SELECT DATABASE()'), await ask('SELECT VERSION()')];
  const [database, version] = [String(where?.[0]), String(what?.[0])];
  const isProxied = /ShardingSphere/i.test(version);
  if (isProxied || /TiDB|Vitess/i.test(version)) return { server: database, isProxied };
  const variables = await ask(
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'server_uid', 'hostname', 'port', 'server_id', 'datadir')",
  );
  const server = [database, ...variables.map((row) => `${row[0]}=${row[1]}`).sort()].join(' ');
  return { server, isProxied };
}
