import { type PartitionOffset, partitionName, type TopicPartition } from '../../../core/offset.ts';
import { type Backoff, fullJitterMs } from '../../../core/retry.ts';
import type { FollowOffset, PartitionFault } from '../../../ports/event-log.ts';
import type { ResolvedOptions } from '../options.ts';
import { Arrivals } from './arrivals.ts';
import { Followed } from './followed.ts';
import { OpenRecordBatches } from './open-record-batches.ts';

export const retryBackoff: Backoff = { baseMs: 100, capMs: 5_000 };
/** Added to every wait before a retry. */
const leastRetryMs = 20;

/**
 * The followed partitions by name. Keeps the end offset and the problem of each, and wakes the takes that wait for
 * it. A partition with a fault halts once the caller has taken what was read of it before.
 */
export class FollowedPartitions {
  /** Wakes the takes that wait for records of a partition. */
  readonly arrivals = new Arrivals();
  readonly #options: ResolvedOptions;
  readonly #halted: (fault: PartitionFault) => void;
  readonly #open: OpenRecordBatches;
  readonly #followed = new Map<string, Followed>();
  readonly #ends = new Map<string, PartitionOffset>();
  readonly #problems = new Map<string, string>();
  #turn = 0;

  constructor(options: ResolvedOptions, halted: (fault: PartitionFault) => void) {
    this.#options = options;
    this.#halted = halted;
    this.#open = new OpenRecordBatches(options.maxRecordBatchBytes);
  }

  get size(): number {
    return this.#followed.size;
  }

  /** The memory that the records of all partitions take, in bytes. */
  get queuedBytes(): number {
    let bytes = 0;
    for (const followed of this.#followed.values()) bytes += followed.queuedBytes;
    return bytes;
  }

  /** Starts anew with each of these partitions, whether it was followed or not. */
  follow(offsets: readonly (FollowOffset & { readonly topicId: string })[]): void {
    for (const offset of offsets) {
      this.#forget(partitionName(offset));
      this.#followed.set(partitionName(offset), new Followed(offset, this.#open));
    }
    this.arrivals.announce(offsets.map(partitionName));
  }

  unfollow(partitions: readonly TopicPartition[]): void {
    const names = partitions.map(partitionName);
    for (const name of names) {
      this.#forget(name);
      this.#ends.delete(name);
    }
    this.arrivals.announce(names);
  }

  /** Drops everything, and wakes every take. */
  clear(): void {
    for (const name of [...this.#followed.keys()]) this.#forget(name);
    this.arrivals.end();
  }

  all(): Iterable<Followed> {
    return this.#followed.values();
  }

  named(names: readonly string[]): Followed[] {
    return names.flatMap((name) => this.#followed.get(name) ?? []);
  }

  /** The topics of the followed partitions, each once. */
  topics(): string[] {
    return [...new Set([...this.#followed.values()].map(({ topic }) => topic))];
  }

  /**
   * False once the partition was followed anew, unfollowed or halted. Answers to earlier fetches are dropped then.
   */
  isCurrent(followed: Followed): boolean {
    return this.#followed.get(followed.name) === followed;
  }

  ends(): PartitionOffset[] {
    return [...this.#ends.values()];
  }

  endOf({ name }: Followed): bigint | undefined {
    return this.#ends.get(name)?.offset;
  }

  noteEnd({ name, topic, partition }: Followed, offset: bigint): void {
    this.#ends.set(name, { topic, partition, offset });
  }

  /** The problems of the partitions that are not being read, each as a sentence. */
  problems(): Iterable<string> {
    return this.#problems.values();
  }

  noteHealthy(followed: Followed): void {
    followed.failures = 0;
    followed.epochRefusals = 0;
    this.#problems.delete(followed.name);
  }

  /** A number that is larger at every call. */
  nextTurn(): number {
    return this.#turn++;
  }

  retryLater(followed: Followed, problem: string): void {
    const { clock, logger } = this.#options;
    const { name, topic, partition } = followed;
    followed.failures++;
    const waitMs = fullJitterMs(retryBackoff, followed.failures, clock.random());
    followed.retryAtMs = clock.monotonicMs() + leastRetryMs + waitMs;
    const text = problem.startsWith(name) ? problem : `${name} ${problem}`;
    if (this.#problems.get(name) !== text)
      logger('warn', text, { topic, partition, offset: followed.fetchOffset });
    this.#problems.set(name, text);
  }

  /** Stops the reading of the partition, and halts it at once if nothing of it is left to take. */
  fail(followed: Followed, kind: PartitionFault['kind'], detail: string): void {
    if (followed.fault !== undefined || !this.isCurrent(followed)) return;
    const { topic, partition, fetchOffset } = followed;
    followed.fault = { topic, partition, kind, offset: fetchOffset, detail };
    this.#problems.set(followed.name, detail);
    if (followed.queue.length === 0) this.halt(followed);
  }

  /** Stops following a partition that has a fault, and tells the caller. */
  halt(followed: Followed): void {
    if (followed.fault === undefined) return;
    const { topic, partition, kind, offset, detail } = followed.fault;
    this.#options.logger('error', detail, { topic, partition, offset, kind });
    this.#problems.set(followed.name, detail);
    this.#followed.delete(followed.name);
    this.arrivals.announce([followed.name]);
    this.#halted(followed.fault);
  }

  #forget(name: string): void {
    this.#followed.get(name)?.drop();
    this.#followed.delete(name);
    this.#problems.delete(name);
  }
}
