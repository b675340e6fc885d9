import { type Connection, findCoordinatorV4, metadataV12 } from '@platformatic/kafka';
import { TributaryError } from '../../../core/errors.ts';
import { responseOf, unreachable } from '../errors.ts';
import type { ResolvedOptions } from '../options.ts';
import { explainFirst, lifeOf, openBrokerConnection } from './broker-connection.ts';

/*
 * Holds the connections to the brokers, and asks them about topics. The library's own clients are not used: a broker
 * answers the requests of one connection one after the other, so a request that waits long (a fetch, a join) needs a
 * connection of its own. A connection is named by its broker and its use.
 *
 * All requests have fixed versions that every broker since Kafka 3.1 understands. Topic ids came with that version,
 * and only by them a topic that was deleted and made again differs from the old one.
 */

export interface Broker {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

export interface TopicMetadata {
  readonly topic: string;
  readonly topicId: string;
  /** By partition number. */
  readonly partitions: readonly PartitionMetadata[];
}

export interface PartitionMetadata {
  /** The leader's node id, or -1 if the partition has no leader. */
  readonly leader: number;
  readonly leaderEpoch: number;
}

interface Address {
  readonly host: string;
  readonly port: number;
  /** The broker's number in the cluster. Left out for an address of KAFKA_BROKERS. */
  readonly nodeId?: number;
}

/** After more failures of a partition in a row than this, another broker is asked for its leader (`askOthers`). */
export const failuresUntilAskingOthers = 3;
/** If a broker has not answered for 1 s, the next one is asked as well. */
const askNextAfterMs = 1_000;
const groupCoordinator = 0;

export class Cluster {
  readonly options: ResolvedOptions;
  readonly #connections = new Map<string, Promise<Connection>>();
  readonly #brokers = new Map<number, Broker>();
  /** The names of connections whose broker failed or was slow when it was asked last. */
  readonly #silent = new Set<string>();
  /** Connections that were replaced before their login ends, with requests that may still be answered. */
  readonly #retired = new Set<Connection>();
  readonly #closing = new AbortController();
  #controllerId = -1;
  #isClosed = false;

  constructor(options: ResolvedOptions) {
    this.options = options;
  }

  /** Asks for these topics. Leaves topics out that do not exist. */
  async topics(names: readonly string[]): Promise<Map<string, TopicMetadata>> {
    const response = await this.#metadata(names);
    const topics = new Map<string, TopicMetadata>();
    for (const { name, topicId, errorCode, partitions } of response.topics) {
      if (typeof name !== 'string' || (errorCode !== 0 && partitions.length === 0)) continue;
      const byNumber: PartitionMetadata[] = [];
      for (const { partitionIndex, leaderId, leaderEpoch } of partitions) {
        byNumber[partitionIndex] = { leader: leaderId, leaderEpoch };
      }
      topics.set(name, { topic: name, topicId, partitions: byNumber });
    }
    return topics;
  }

  /** The node ids of all brokers, as last seen. */
  get brokerIds(): readonly number[] {
    return [...this.#brokers.keys()];
  }

  /** The connection to the broker `nodeId` for this use. Opens it if there is none. */
  async connect(nodeId: number, use: string, requestTimeoutMs?: number): Promise<Connection> {
    const broker = this.#brokers.get(nodeId);
    if (broker === undefined) {
      throw new TributaryError('log_unreachable', `Kafka's broker ${nodeId} is not known (yet).`);
    }
    return this.#open(`${nodeId}/${use}`, broker, requestTimeoutMs);
  }

  /** Asks for the group's coordinator. Resolves with its node id, to which `connect` can connect. */
  async coordinatorOf(group: string): Promise<number> {
    const response = await this.anywhere('finding the group coordinator', (connection) =>
      findCoordinatorV4.api.async(connection, groupCoordinator, [group]),
    );
    const found = response.coordinators.find((coordinator) => coordinator.key === group);
    if (found === undefined || found.nodeId < 0) {
      throw new TributaryError('log_unreachable', `Kafka names no coordinator for the group ${group}.`);
    }
    this.#brokers.set(found.nodeId, found);
    return found.nodeId;
  }

  /**
   * Sends a request to the controller, which creates topics. If the controller is unknown, any broker forwards it.
   */
  async controller<Response>(
    what: string,
    call: (connection: Connection) => Promise<Response>,
  ): Promise<Response> {
    await this.#metadata([]);
    if (!this.#brokers.has(this.#controllerId)) return this.anywhere(what, call);
    try {
      return await call(await this.connect(this.#controllerId, 'control'));
    } catch (error) {
      throw responseOf(error) === undefined ? unreachable(what, error) : error;
    }
  }

  /**
   * Asks one broker after the other until one answers. Goes on to the next one if a broker fails, or gives no answer
   * for a second because it is frozen for instance. So several brokers may receive the request. Rejects with the
   * error of an answer as it is.
   */
  async anywhere<Response>(
    what: string,
    call: (connection: Connection) => Promise<Response>,
  ): Promise<Response> {
    const { clock, brokers } = this.options;
    const known = [...this.#brokers.values()].map((broker) => ({
      name: `${broker.nodeId}/control`,
      ...broker,
    }));
    const given = brokers.map((address) => ({ name: address, ...parseAddress(address) }));
    const inSequence = [...known, ...given].toSorted(
      (left, right) => Number(this.#silent.has(left.name)) - Number(this.#silent.has(right.name)),
    );
    const answer = Promise.withResolvers<Response>();
    const isOver = new AbortController();
    const ask = async ({ name, ...address }: Address & { name: string }) => {
      const opened = this.#open(name, address);
      try {
        answer.resolve(await this.#call(await opened, call));
      } catch (error) {
        if (responseOf(error) === undefined && !this.#isClosed) {
          this.#silent.add(name);
          throw error;
        }
        answer.reject(error);
      } finally {
        void opened.then((used) => this.#closeIfReplaced(name, used)).catch(() => {});
      }
      this.#silent.delete(name);
      isOver.abort();
    };
    const askAll = async () => {
      const asked: Promise<unknown>[] = [];
      const slow: typeof inSequence = [];
      // The slow brokers are asked once more at the end, on new connections.
      for (const address of withThose(inSequence, slow)) {
        const asking = ask(address);
        asked.push(asking);
        const failed = asking.catch(() => undefined);
        const patience = new AbortController();
        const isSlow = clock.sleep(askNextAfterMs, AbortSignal.any([isOver.signal, patience.signal]));
        await Promise.race([
          failed,
          isSlow.then(() => {
            if (isOver.signal.aborted || patience.signal.aborted) return;
            if (this.#noteSlow(address.name)) slow.push(address);
          }),
        ]);
        patience.abort();
        if (isOver.signal.aborted) break;
      }
      const outcomes = await Promise.allSettled(asked);
      const last = outcomes.findLast((outcome) => outcome.status === 'rejected');
      answer.reject(unreachable(what, last?.reason));
    };
    void askAll();
    return answer.promise;
  }

  /**
   * Asks this broker last from now on, until it answers, and on a new connection. Returns whether it had a
   * connection: that one may have died unnoticed, although the broker is there.
   */
  #noteSlow(name: string): boolean {
    this.#silent.add(name);
    return this.#connections.delete(name);
  }

  /** Asks another broker first from now on, because the answers of the present one may be old. */
  askOthers(): void {
    const [first] = [...this.#brokers.values()].filter(
      ({ nodeId }) => !this.#silent.has(`${nodeId}/control`),
    );
    if (first === undefined) this.#silent.clear();
    else this.#silent.add(`${first.nodeId}/control`);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closing.abort();
    const connections = [...this.#connections.values(), ...this.#retired];
    this.#connections.clear();
    await Promise.allSettled(connections.map(async (connection) => (await connection).close()));
  }

  /** Breaks the connection, so that the requests on it reject. */
  abandon(nodeId: number, use: string): void {
    const connection = this.#connections.get(`${nodeId}/${use}`);
    this.#connections.delete(`${nodeId}/${use}`);
    connection?.then(
      (open) => open.socket.destroy(),
      () => {},
    );
  }

  async #metadata(names: readonly string[]): Promise<metadataV12.MetadataResponse> {
    const response = await this.anywhere('asking for topics', async (connection) => {
      const answer = await metadataV12.api
        .async(connection, [...names], false, false)
        .catch((error: unknown) => {
          // The library throws if one topic is missing or has no leader. Its error holds the answer for the other
          // topics.
          const partial = responseOf<metadataV12.MetadataResponse>(error);
          if (partial === undefined) throw error;
          return partial;
        });
      if (answer.brokers.length > 0) return answer;
      // A broker that fails at the request says so at each topic, and names no broker. Another one is asked.
      throw new TributaryError('log_unreachable', 'The broker could not answer.');
    });
    this.#controllerId = response.controllerId;
    this.#brokers.clear();
    for (const { nodeId, host, port } of response.brokers) this.#brokers.set(nodeId, { nodeId, host, port });
    return response;
  }

  /** Calls. If the first request on a connection gets no answer, the error explains what that mostly means. */
  async #call<Response>(
    connection: Connection,
    call: (connection: Connection) => Promise<Response>,
  ): Promise<Response> {
    try {
      const response = await call(connection);
      noteAnswer(connection);
      return response;
    } catch (error) {
      if (responseOf(error) === undefined) throw explainFirst(connection, error, this.options);
      noteAnswer(connection);
      throw error;
    }
  }

  async #open(name: string, address: Address, requestTimeoutMs?: number): Promise<Connection> {
    for (;;) {
      if (this.#isClosed) throw new TributaryError('log_unreachable', 'The log is closed.');
      const existing = this.#connections.get(name);
      if (existing === undefined) return this.#openNew(name, address, requestTimeoutMs);
      const connection = await existing;
      if (this.options.clock.monotonicMs() < (lifeOf(connection)?.replaceAtMs ?? 0)) return connection;
      if (this.#connections.get(name) === existing) {
        this.#connections.delete(name);
        void this.#retire(connection);
      }
    }
  }

  /** Closes a slow connection that a new one has replaced. */
  async #closeIfReplaced(name: string, connection: Connection): Promise<void> {
    const current = await this.#connections.get(name)?.catch(() => undefined);
    if (current !== connection && !this.#retired.has(connection)) await connection.close();
  }

  #openNew(name: string, { host, port, nodeId }: Address, requestTimeoutMs?: number): Promise<Connection> {
    const opened: Promise<Connection> = openBrokerConnection(
      { host, port, advertisedAs: nodeId ?? null },
      this.options,
      requestTimeoutMs ?? this.options.requestTimeoutMs,
      () => {
        if (this.#connections.get(name) === opened) this.#connections.delete(name);
      },
    );
    this.#connections.set(name, opened);
    return opened;
  }

  /** Closes a connection whose login ends soon, after the longest time that an answer on it may take. */
  async #retire(connection: Connection): Promise<void> {
    const { clock, requestTimeoutMs, rebalanceTimeoutMs } = this.options;
    this.#retired.add(connection);
    await clock.sleep(requestTimeoutMs + rebalanceTimeoutMs, this.#closing.signal);
    this.#retired.delete(connection);
    await connection.close().catch(() => {});
  }
}

function noteAnswer(connection: Connection): void {
  const life = lifeOf(connection);
  if (life !== undefined) life.hasAnswered = true;
}

/** Yields the items, then the items that were added to `more` meanwhile. */
function* withThose<Item>(items: readonly Item[], more: readonly Item[]): Generator<Item> {
  yield* items;
  yield* [...more];
}

function parseAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  const port = Number(address.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new TributaryError(
      'setting_invalid',
      `"${address}" in KAFKA_BROKERS is not host:port, such as kafka1:9092.`,
    );
  }
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port };
}
