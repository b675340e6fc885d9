import { Connection, findCoordinatorV4, listOffsetsV7, metadataV12 } from '@platformatic/kafka';
import { TributaryError } from '../../core/errors.ts';
import type { TopicPartition } from '../../core/offset.ts';
import type { PartitionRange } from '../../ports/event-log.ts';
import { explain, responseOf, unreachable } from './errors.ts';
import type { KafkaSettings } from './options.ts';

/*
 * Connections to the brokers and what they say about topics. The library's own clients are not used: a broker
 * answers the requests of one connection one after the other, so whoever waits long (a fetch, a join) needs a
 * connection for itself. A connection is named by its broker and its use.
 *
 * All versions of requests are fixed ones that every broker since Kafka 3.1 understands; topic ids, without
 * which a topic that was deleted and made again can't be told from the old one, need that version anyway.
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
  /** The leader's node id, or -1 while there is none. */
  readonly leader: number;
  readonly leaderEpoch: number;
}

const anyConsumer = -1;
const readCommitted = 1;
const latestTimestamp = -1n;
const earliestTimestamp = -2n;
const groupCoordinator = 0;

export class Cluster {
  readonly settings: KafkaSettings;
  readonly #connections = new Map<string, Promise<Connection>>();
  readonly #brokers = new Map<number, Broker>();
  #controllerId = -1;
  #isClosed = false;

  constructor(settings: KafkaSettings) {
    this.settings = settings;
  }

  /** The topics that exist of those named, asked for now; absent ones are left out. */
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

  /** A connection to the broker `nodeId` for one use; made if there is none yet. */
  async connect(nodeId: number, use: string, requestTimeoutMs?: number): Promise<Connection> {
    const broker = this.#brokers.get(nodeId);
    if (broker === undefined) {
      throw new TributaryError('log_unreachable', `Kafka's broker ${nodeId} is not known (yet).`);
    }
    return this.#open(`${nodeId}/${use}`, broker, requestTimeoutMs);
  }

  /** A connection to the broker that answers for the group. */
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

  /** Of the partitions, all of which must be in `topics`: the oldest offset, and the end of what is committed. */
  async ranges(
    topics: ReadonlyMap<string, TopicMetadata>,
    partitions: readonly TopicPartition[],
  ): Promise<PartitionRange[]> {
    const byLeader = new Map<number, TopicPartition[]>();
    for (const partition of partitions) {
      const leader = topics.get(partition.topic)?.partitions[partition.partition]?.leader ?? -1;
      const same = byLeader.get(leader);
      if (same === undefined) byLeader.set(leader, [partition]);
      else same.push(partition);
    }
    const found = await Promise.all(
      [...byLeader].map(async ([leader, led]) => {
        const connection = await this.connect(leader, 'control');
        const starts = await offsetsAt(connection, led, earliestTimestamp);
        const ends = await offsetsAt(connection, led, latestTimestamp);
        return led.map((partition, index) => ({
          topic: partition.topic,
          partition: partition.partition,
          startOffset: starts[index] as bigint,
          endOffset: ends[index] as bigint,
        }));
      }),
    );
    return found.flat();
  }

  /** The controller, through which topics are made; any broker passes such a request on. */
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

  /** Asks the first broker that can be reached; an error that a broker answers with is thrown as it is. */
  async anywhere<Response>(
    what: string,
    call: (connection: Connection) => Promise<Response>,
  ): Promise<Response> {
    const known = [...this.#brokers.values()].map((broker) => ({
      name: `${broker.nodeId}/control`,
      ...broker,
    }));
    const given = this.settings.brokers.map((address) => ({ name: address, ...parseAddress(address) }));
    let last: unknown;
    for (const { name, host, port } of [...known, ...given]) {
      try {
        return await call(await this.#open(name, { host, port }));
      } catch (error) {
        if (responseOf(error) !== undefined || this.#isClosed) throw error;
        last = error;
      }
    }
    throw unreachable(what, last);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const connections = [...this.#connections.values()];
    this.#connections.clear();
    await Promise.allSettled(connections.map(async (connection) => (await connection).close()));
  }

  /** Breaks the connection, and with it whatever waits on it. */
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
      try {
        return await metadataV12.api.async(connection, [...names], false, false);
      } catch (error) {
        // A topic that is missing, or has no leader for a moment, is an error in an answer that holds the rest.
        const partial = responseOf<metadataV12.MetadataResponse>(error);
        if (partial === undefined) throw error;
        return partial;
      }
    });
    this.#controllerId = response.controllerId;
    if (response.brokers.length > 0) this.#brokers.clear();
    for (const { nodeId, host, port } of response.brokers) this.#brokers.set(nodeId, { nodeId, host, port });
    return response;
  }

  #open(
    name: string,
    address: { host: string; port: number },
    requestTimeoutMs?: number,
  ): Promise<Connection> {
    if (this.#isClosed) return Promise.reject(new TributaryError('log_unreachable', 'The log is closed.'));
    const existing = this.#connections.get(name);
    if (existing !== undefined) return existing;
    const { tls, sasl, clientId } = this.settings;
    const connection = new Connection(clientId, {
      requestTimeout: requestTimeoutMs ?? this.settings.requestTimeoutMs,
      maxInflights: 5,
      ...(tls === undefined ? {} : { tls, tlsServerName: true }),
      ...(sasl === undefined ? {} : { sasl }),
    });
    const opened = openOrThrow(connection, address, () => {
      if (this.#connections.get(name) === opened) this.#connections.delete(name);
    });
    this.#connections.set(name, opened);
    return opened;
  }
}

async function openOrThrow(
  connection: Connection,
  { host, port }: { host: string; port: number },
  forget: () => void,
): Promise<Connection> {
  // Every failure also reaches whoever waits for an answer; without a listener it would end the process.
  connection.on('error', forget);
  connection.on('close', forget);
  try {
    await connection.connect(host, port);
    return connection;
  } catch (error) {
    forget();
    throw new TributaryError(
      'log_unreachable',
      `No connection to Kafka at ${host}:${port}: ${explain(error)}`,
      {
        cause: error,
      },
    );
  }
}

async function offsetsAt(
  connection: Connection,
  partitions: readonly TopicPartition[],
  timestamp: bigint,
): Promise<bigint[]> {
  const topics = groupByTopic(partitions).map(([name, numbers]) => ({
    name,
    partitions: numbers.map((partitionIndex) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp })),
  }));
  const response = await listOffsetsV7.api.async(connection, anyConsumer, readCommitted, topics);
  const offsets = new Map<string, bigint>();
  for (const { name, partitions: answers } of response.topics) {
    for (const { partitionIndex, offset } of answers) offsets.set(`${name}/${partitionIndex}`, offset);
  }
  return partitions.map(({ topic, partition }) => {
    const offset = offsets.get(`${topic}/${partition}`);
    if (offset === undefined)
      throw new TributaryError('log_unreachable', `Kafka left out ${topic}/${partition}.`);
    return offset;
  });
}

export function groupByTopic(partitions: readonly TopicPartition[]): [topic: string, partitions: number[]][] {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of partitions) {
    const numbers = topics.get(topic);
    if (numbers === undefined) topics.set(topic, [partition]);
    else numbers.push(partition);
  }
  return [...topics];
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
