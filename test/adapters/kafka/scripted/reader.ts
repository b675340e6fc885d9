import { isDeepStrictEqual } from 'node:util';
import { partitionName, type TopicPartition } from '../../../../src/core/offset.ts';
import type {
  AssignedPartition,
  EventLogConsumer,
  FetchedRecords,
  PartitionFault,
} from '../../../../src/ports/event-log.ts';
import { generousLimits, plain, valueText } from '../../../contract/event-log-harness.ts';
import type { ScriptedCluster } from './cluster.ts';
import type { Positions } from './positions.ts';

interface Held {
  readonly epoch: number;
  next: bigint;
}

/** What was taken of a partition, from which offset on, and in which time of holding it. */
interface Taken {
  readonly fetched: FetchedRecords;
  readonly held: Held;
  readonly from: bigint;
}

/** A call of the listener: its name, and the names of the partitions. */
export type Told = readonly [kind: 'assigned' | 'revoked' | 'lost' | 'halted', ...partitions: string[]];

export interface ReaderOptions {
  /** Where to begin with a partition that was never read. Default: the log's first offset. */
  readonly startAt?: (partition: AssignedPartition) => bigint;
  /** Awaited between taking and committing, and inside `revoked`. */
  readonly pause?: () => Promise<void>;
}

/**
 * A member that acts as the pipeline does: it follows each partition from the stored position, commits what it takes,
 * and commits nothing of a partition once it was told to give it up. It compares all that it takes with the log of the
 * brokers, and notes what should not be in `mistakes`.
 */
export class Reader {
  readonly consumer: EventLogConsumer;
  readonly told: Told[] = [];
  readonly faults: PartitionFault[] = [];
  /** Whatever breaks a promise of the port. */
  readonly mistakes: string[] = [];
  /** The reasons that `health` has given, each once. */
  readonly reasons = new Set<string>();
  readonly held = new Map<string, Held>();
  /** The leader epoch of each record, by the record's place. */
  readonly epochs = new Map<string, number>();
  /** The partitions that another reader got while this one held them. It may only lose them. */
  readonly #overtaken = new Set<string>();
  /** Whether members were removed from the group before their sessions ended. */
  readonly #isEvicting: () => boolean;
  readonly #others: () => readonly Reader[];
  readonly #cluster: ScriptedCluster;
  readonly #positions: Positions;
  readonly #options: ReaderOptions;
  readonly #places: readonly TopicPartition[];
  readonly #closing = new AbortController();
  /** The commits under way, which `revoked` waits for. */
  readonly #committing = new Set<Promise<void>>();
  #running: Promise<void> = Promise.resolve();
  #callsNow = 0;

  constructor(
    parts: {
      readonly cluster: ScriptedCluster;
      readonly positions: Positions;
      readonly places: readonly TopicPartition[];
      readonly others: () => readonly Reader[];
      readonly isEvicting: () => boolean;
    },
    consumer: EventLogConsumer,
    options: ReaderOptions = {},
  ) {
    this.#cluster = parts.cluster;
    this.#positions = parts.positions;
    this.#places = parts.places;
    this.#others = parts.others;
    this.#isEvicting = parts.isEvicting;
    this.consumer = consumer;
    this.#options = options;
  }

  async start(): Promise<this> {
    await this.consumer.start({
      assigned: (partitions) => this.#one('assigned', partitions, () => this.#assigned(partitions)),
      revoked: (partitions) =>
        this.#one('revoked', partitions, async () => {
          // What was taken before may still be committed.
          await Promise.all(this.#committing);
          await this.#options.pause?.();
          for (const partition of partitions) {
            this.held.delete(partitionName(partition));
            if (this.#overtaken.delete(partitionName(partition)) && !this.#isEvicting())
              this.mistakes.push(`${partitionName(partition)} was revoked after another member had it`);
          }
        }),
      lost: (partitions) =>
        this.#one('lost', partitions, async () => {
          for (const partition of partitions) {
            this.held.delete(partitionName(partition));
            this.#overtaken.delete(partitionName(partition));
          }
        }),
      halted: (fault) =>
        this.#one('halted', [fault], async () => {
          this.faults.push(fault);
        }),
    });
    this.#running = Promise.all([this.#takeAll(), this.#watchHealth()]).then(() => {});
    return this;
  }

  async close(): Promise<void> {
    await this.consumer.close();
    this.#closing.abort();
    await this.#running;
  }

  /** Follows a partition that it holds from this offset on, as an operator decides after a halt. */
  follow(place: TopicPartition, offset: bigint, leaderEpoch = -1): void {
    const held = this.held.get(partitionName(place));
    if (held === undefined) throw new Error(`${partitionName(place)} is not held.`);
    held.next = offset;
    this.consumer.follow([{ ...plain(place), offset, leaderEpoch }]);
  }

  /** The names of the listener's calls, without their partitions. */
  get kinds(): string[] {
    return this.told.map(([kind]) => kind);
  }

  /** Only one call of the listener may run at a time. */
  async #one(
    kind: Told[0],
    partitions: readonly TopicPartition[],
    answer: () => Promise<void>,
  ): Promise<void> {
    if (++this.#callsNow > 1) this.mistakes.push(`${kind} was called during another call`);
    this.told.push([kind, ...partitions.map(partitionName).sort()]);
    // A reason that lasts only as long as this call is one that the watch may miss.
    this.#noteHealth();
    await answer();
    this.#callsNow--;
  }

  async #assigned(partitions: readonly AssignedPartition[]): Promise<void> {
    const offsets = partitions.map((partition) => {
      const name = partitionName(partition);
      if (this.held.has(name)) this.mistakes.push(`${name} was assigned twice`);
      for (const other of this.#others())
        if (other !== this && other.held.has(name)) other.#overtaken.add(name);
      const first = this.#options.startAt?.(partition) ?? partition.startOffset;
      const { offset, leaderEpoch, epoch } = this.#positions.acquire(partition, first);
      this.held.set(name, { epoch, next: offset });
      return { ...plain(partition), offset, leaderEpoch };
    });
    this.consumer.follow(offsets);
  }

  async #takeAll(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const taken = await this.consumer.take(this.#places, generousLimits, signal);
      for (const batch of taken.flatMap((fetched) => this.#check(fetched) ?? [])) {
        const committing = this.#commit(batch).finally(() => this.#committing.delete(committing));
        this.#committing.add(committing);
        await committing;
      }
      if (taken.length === 0) await this.#cluster.clock.sleep(5, signal);
    }
  }

  /** Commits nothing of a partition that was given up, or given up and assigned again, since it was taken. */
  async #commit({ fetched, held, from }: Taken): Promise<void> {
    await this.#options.pause?.();
    if (this.held.get(partitionName(fetched)) === held) this.#positions.commit(fetched, held.epoch, from);
  }

  /** Compares what was taken with the log: it has every committed record from the last offset on, and no other. */
  #check(fetched: FetchedRecords): Taken | undefined {
    const name = partitionName(fetched);
    const held = this.held.get(name);
    if (held === undefined) {
      this.mistakes.push(`${name} was taken although it is not held`);
      return undefined;
    }
    const from = held.next;
    held.next = fetched.nextOffset;
    const wanted = this.#cluster
      .log(fetched)
      .committed()
      .filter(({ offset }) => offset >= from && offset < fetched.nextOffset);
    for (const { offset } of fetched.records) this.epochs.set(`${name}@${offset}`, fetched.leaderEpoch);
    const got = fetched.records.map((record) => ({ offset: record.offset, value: valueText(record) }));
    if (!isDeepStrictEqual(got, wanted)) {
      const show = (all: readonly { offset: bigint; value: string }[]) =>
        all.map(({ offset, value }) => `${offset}=${value}`).join(' ');
      this.mistakes.push(
        `${name} from ${from} to ${fetched.nextOffset}: [${show(got)}] instead of [${show(wanted)}]`,
      );
    }
    return { fetched, held, from };
  }

  async #watchHealth(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      this.#noteHealth();
      await this.#cluster.clock.sleep(1, signal);
    }
  }

  #noteHealth(): void {
    const health = this.consumer.health();
    if (!health.ok) this.reasons.add(health.reason);
  }
}
