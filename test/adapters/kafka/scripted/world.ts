import { expect } from 'vitest';
import type { KafkaLogOptions } from '../../../../src/adapters/kafka/index.ts';
import { partitionOfKey } from '../../../../src/adapters/kafka/producing/partitioner.ts';
import { partitionName, type TopicPartition } from '../../../../src/core/offset.ts';
import type { EventLog, NewRecord } from '../../../../src/ports/event-log.ts';
import { eventually, newRecord, partitionsOf } from '../../../contract/event-log-harness.ts';
import { type LogLine, openTestLog } from '../harness.ts';
import { ScriptedCluster } from './cluster.ts';
import type { LoggedValue } from './partition-log.ts';
import { Positions } from './positions.ts';
import { Reader, type ReaderOptions } from './reader.ts';
import { TickClock } from './tick-clock.ts';

/** In real time. The time of the adapter and of the brokers goes several times as fast. */
export const patienceMs = 40_000;

/** In ms of the world's clock. A third of it, in real time, is how long a heartbeat may take. */
export const sessionMs = 6_000;

/** Times of the adapter, in ms of the world's clock. Those of requests are real, and long enough for a busy machine. */
const times = {
  sessionTimeoutMs: sessionMs,
  heartbeatIntervalMs: 50,
  // Longer than a session: a coordinator drops a member that has not joined after the first of the two.
  rebalanceTimeoutMs: 7_000,
  metadataRefreshMs: 500,
  fetchMaxWaitMs: 50,
  requestTimeoutMs: 2_000,
  deliveryTimeoutMs: 10_000,
} as const;

export interface WorldOptions {
  readonly nodeIds?: readonly number[];
  readonly partitions?: number;
  readonly seed?: number;
  readonly log?: Partial<KafkaLogOptions>;
}

/** `count` numbers from `from` on, as texts. */
export function values(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${from + index}`);
}

/** Scripted brokers with one topic, and whatever uses them in one test. */
export class World {
  readonly clock: TickClock;
  readonly cluster: ScriptedCluster;
  readonly positions = new Positions();
  readonly topic = 'orders';
  readonly group = 'readers';
  readonly log: EventLog;
  readonly #closed: (() => Promise<void>)[] = [];
  readonly #options: Partial<KafkaLogOptions>;
  readonly readers: Reader[] = [];

  constructor(clock: TickClock, cluster: ScriptedCluster, options: Partial<KafkaLogOptions>) {
    this.clock = clock;
    this.cluster = cluster;
    this.#options = options;
    this.log = this.openAnother();
  }

  get script(): ScriptedCluster['script'] {
    return this.cluster.script;
  }

  get places(): TopicPartition[] {
    return partitionsOf(this.topic, this.cluster.topics.get(this.topic)?.partitions.length ?? 0);
  }

  place(partition: number): TopicPartition {
    return { topic: this.topic, partition };
  }

  /** The lines of the log's logger, and of every log that was opened besides. */
  readonly lines: LogLine[] = [];

  /** The log as another process opens it. */
  openAnother(options: Partial<KafkaLogOptions> = {}): EventLog {
    const all = { ...times, clock: this.clock, ...this.#options, ...options };
    const { log } = openTestLog(this.cluster.addresses, all, this.lines);
    this.#closed.push(() => log.close());
    return log;
  }

  /** A member of the group, not started yet. */
  reader(options: ReaderOptions & { readonly store?: string } = {}): Reader {
    const { store } = options;
    const consumer = this.openAnother().consumer({
      group: this.group,
      topics: [this.topic],
      maxBufferedBytes: 1 << 20,
      ...(store === undefined ? {} : { store }),
    });
    const { cluster, positions, places } = this;
    const others = (): readonly Reader[] => this.readers;
    const isEvicting = (): boolean => cluster.group(this.group).hasEvicted;
    const reader = new Reader({ cluster, positions, places, others, isEvicting }, consumer, options);
    this.readers.push(reader);
    this.#closed.push(() => reader.close());
    return reader;
  }

  /** A member of the group that holds all partitions. */
  async onlyReader(options: ReaderOptions = {}): Promise<Reader> {
    const reader = await this.reader(options).start();
    await this.until(() => reader.held.size === this.places.length, 'all partitions are held');
    reader.reasons.clear();
    return reader;
  }

  /** A key whose records go to this partition. */
  keyOf(partition: number): string {
    for (let key = 0; ; key++)
      if (partitionOfKey(Buffer.from(`${key}`), this.places.length) === partition) return `${key}`;
  }

  record(value: string, key = 'k'): NewRecord {
    return newRecord(this.topic, key, value);
  }

  until(condition: () => boolean, what: string): Promise<void> {
    const seen = (): string =>
      JSON.stringify({
        what,
        told: this.readers.map(({ told }) => told),
        health: this.readers.map(({ consumer }) => consumer.health()),
        lines: this.lines.slice(-5),
      });
    return eventually(condition, patienceMs, seen);
  }

  /** What consumers of committed records are to get of this partition. */
  committed(place: TopicPartition): LoggedValue[] {
    return this.cluster.log(place).committed();
  }

  /** The values of the records that were read and committed. */
  journal(place: TopicPartition): string[] {
    return this.positions.journalOf(place).map(({ value }) => value);
  }

  isRead(place: TopicPartition): boolean {
    return this.positions.offsetOf(place) >= this.cluster.log(place).lastStableOffset;
  }

  /** Waits until everything is read, then compares it with the log: nothing lost, doubled or out of sequence. */
  async allRead(places: readonly TopicPartition[] = this.places): Promise<void> {
    await this.until(() => places.every((place) => this.isRead(place)), 'everything is read');
    for (const place of places)
      expect(this.positions.journalOf(place), partitionName(place)).toEqual(this.committed(place));
  }

  /** Fails at the first broken promise that a reader has seen, and at a request that no broker knows. */
  expectNoMistakes(): void {
    expect(this.readers.flatMap(({ mistakes }) => mistakes)).toEqual([]);
    expect(this.cluster.brokers.flatMap(({ unknownRequests }) => unknownRequests)).toEqual([]);
    expect(this.lines.filter(({ message }) => message.includes('A defect of Tributary'))).toEqual([]);
  }

  async close(): Promise<void> {
    this.script.clear();
    await Promise.all(this.#closed.toReversed().map((close) => close()));
    await this.cluster.stop();
    this.clock.stop();
  }
}

/** Runs one test in a world of its own, and looks for broken promises at its end. */
export async function inWorld(options: WorldOptions, test: (world: World) => Promise<void>): Promise<void> {
  const { nodeIds = [1, 2], partitions = 2, seed = 1, log = {} } = options;
  const clock = new TickClock(seed, 10).start();
  const cluster = await new ScriptedCluster(clock, nodeIds, seed).start();
  const world = new World(clock, cluster, log);
  cluster.createTopic(world.topic, partitions);
  try {
    await test(world);
  } finally {
    await world.close();
    expect(clock.hasSpun, 'a loop kept everything else from running').toBe(false);
  }
  world.expectNoMistakes();
}
