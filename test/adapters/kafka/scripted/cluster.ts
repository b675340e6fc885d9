import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { SeededClock } from '../../../../src/adapters/seeded-clock.ts';
import type { TopicPartition } from '../../../../src/core/offset.ts';
import type { Clock } from '../../../../src/ports/clock.ts';
import { Broker } from './broker.ts';
import { Group } from './group.ts';
import { PartitionLog } from './partition-log.ts';
import { Script } from './script.ts';

export interface Partition {
  readonly log: PartitionLog;
  /** A broker's node id, or -1. */
  leader: number;
  leaderEpoch: number;
}

export interface Topic {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: Partition[];
}

/**
 * Brokers in this process that speak Kafka's protocol on 127.0.0.1. They share their topics and groups, as if every
 * record were on all of them at once. Without a script they answer as Kafka does.
 */
export class ScriptedCluster {
  readonly clock: Clock;
  readonly script: Script;
  readonly topics = new Map<string, Topic>();
  readonly groups = new Map<string, Group>();
  /** The open transactions by producer id, with the name that their producer gave itself. */
  readonly transactionalIds = new Map<bigint, string>();
  readonly #brokers = new Map<number, Broker>();
  readonly #coordinators = new Map<string, number>();
  /** Tells of records, leaders and topics that are new. */
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #nextProducerId = 1_000n;

  /** The seed decides which requests a rule with a chance meets. */
  constructor(clock: Clock, nodeIds: readonly number[] = [1], seed = 1) {
    this.clock = clock;
    this.script = new Script(new SeededClock({ seed }), (topicId) => this.topicById(topicId)?.name ?? '');
    for (const nodeId of nodeIds) this.#brokers.set(nodeId, new Broker(this, nodeId));
  }

  async start(): Promise<this> {
    await Promise.all([...this.#brokers.values()].map((broker) => broker.start()));
    return this;
  }

  async stop(): Promise<void> {
    for (const group of this.groups.values()) group.close();
    await Promise.all([...this.#brokers.values()].map((broker) => broker.stop()));
    this.#changes.emit('change');
  }

  get addresses(): string[] {
    return [...this.#brokers.values()].map(({ port }) => `127.0.0.1:${port}`);
  }

  get brokers(): readonly Broker[] {
    return [...this.#brokers.values()];
  }

  /** Closes the broker's port and its connections. Its partitions keep it as their leader. */
  async stopBroker(nodeId: number): Promise<void> {
    await this.#brokers.get(nodeId)?.stop();
  }

  async startBroker(nodeId: number): Promise<void> {
    await this.#brokers.get(nodeId)?.start();
  }

  get nodeIds(): number[] {
    return [...this.#brokers.keys()];
  }

  createTopic(name: string, partitions: number): Topic {
    const topic: Topic = {
      name,
      topicId: randomUUID(),
      partitions: Array.from({ length: partitions }, (_, partition) => this.#newPartition(partition)),
    };
    this.topics.set(name, topic);
    this.#changes.emit('change');
    return topic;
  }

  growTopic(name: string, partitions: number): void {
    const topic = this.topics.get(name);
    if (topic === undefined) throw new Error(`There is no topic ${name}.`);
    while (topic.partitions.length < partitions)
      topic.partitions.push(this.#newPartition(topic.partitions.length));
  }

  deleteTopic(name: string): void {
    this.topics.delete(name);
    this.#changes.emit('change');
  }

  /** Partition p is led by the broker p, counted round. */
  #newPartition(partition: number): Partition {
    const leader = this.nodeIds[partition % this.nodeIds.length] ?? -1;
    return { log: new PartitionLog(), leader, leaderEpoch: 0 };
  }

  topicById(topicId: string): Topic | undefined {
    return [...this.topics.values()].find((topic) => topic.topicId === topicId);
  }

  partition({ topic, partition }: TopicPartition): Partition {
    const found = this.topics.get(topic)?.partitions[partition];
    if (found === undefined) throw new Error(`There is no partition ${topic}/${partition}.`);
    return found;
  }

  log(place: TopicPartition): PartitionLog {
    return this.partition(place).log;
  }

  /** Appends these records, each under the key `k`. With a producer id they belong to a transaction. */
  write(place: TopicPartition, values: readonly string[], producerId?: bigint): void {
    this.log(place).write(values, this.clock.now(), producerId);
    this.#changes.emit('change');
  }

  endTransaction(place: TopicPartition, producerId: bigint, end: 'commit' | 'abort'): void {
    this.log(place).endTransaction(producerId, end, this.clock.now());
    this.#changes.emit('change');
  }

  /** Makes the broker the leader of the partition, under the next epoch. -1 leaves it without one. */
  elect(place: TopicPartition, nodeId: number): void {
    const partition = this.partition(place);
    partition.leader = nodeId;
    partition.leaderEpoch++;
    if (nodeId >= 0) partition.log.beginEpoch(partition.leaderEpoch);
    this.#changes.emit('change');
  }

  /** Elects the next broker that runs. */
  electNext(place: TopicPartition): void {
    const { leader } = this.partition(place);
    const ids = this.nodeIds;
    this.elect(place, ids[(ids.indexOf(leader) + 1) % ids.length] ?? -1);
  }

  group(name: string): Group {
    const group = this.groups.get(name) ?? new Group(name, this.clock);
    this.groups.set(name, group);
    return group;
  }

  /** The broker that coordinates the group. */
  coordinatorOf(group: string): number {
    return this.#coordinators.get(group) ?? this.nodeIds[0] ?? -1;
  }

  moveCoordinator(group: string, nodeId: number): void {
    this.#coordinators.set(group, nodeId);
    this.groups.get(group)?.unload();
  }

  newProducerId(): bigint {
    return this.#nextProducerId++;
  }

  noteChange(): void {
    this.#changes.emit('change');
  }

  /** Resolves at the next change, after `ms`, or when the signal aborts. */
  async nextChange(ms: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const end = (): void => over.abort();
    this.#changes.once('change', end);
    await this.clock.sleep(ms, AbortSignal.any([over.signal, signal]));
    this.#changes.off('change', end);
  }
}
