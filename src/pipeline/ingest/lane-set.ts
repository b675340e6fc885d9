import { partitionName } from '../../core/offset.ts';
import { Lane, type LaneContext, type LaneEnd } from './lane.ts';
import { followOffsetOf, type OwnedPartition } from './owned-partitions.ts';

export interface LaneSetOptions<State, Event> {
  readonly context: LaneContext<State, Event>;
  /** Whether this instance still owns the partition under the same epoch. */
  readonly isOwned: (partition: OwnedPartition) => boolean;
  /** Whether the partition gets a lane of its own, because it may have met a defect. */
  readonly isAlone: (partition: OwnedPartition) => boolean;
  /** Called when a lane has ended, for any reason. */
  readonly ended: (lane: Lane<State, Event>, end: LaneEnd) => void;
}

/** The running lanes of one instance. Its owner has to see to it that only one change happens at a time. */
export class LaneSet<State, Event> {
  readonly #options: LaneSetOptions<State, Event>;
  readonly #running = new Map<Lane<State, Event>, Promise<void>>();

  constructor(options: LaneSetOptions<State, Event>) {
    this.#options = options;
  }

  /** The lanes with at least one partition that passes the test. */
  holding(test: (partition: OwnedPartition) => boolean): Lane<State, Event>[] {
    return [...this.#running.keys()].filter((lane) => lane.partitions.some(test));
  }

  /**
   * Starts lanes for these partitions. Partition p of every topic belongs to lane p modulo `count`. If topics have the
   * same number of partitions, all events of one entity are in one lane, and no two lanes change the same entity. A
   * partition for which `isAlone` holds has a lane of its own.
   */
  async start(partitions: readonly OwnedPartition[], count: number): Promise<void> {
    const lanes = new Set(partitions.map((partition) => this.#laneOf(partition, count)));
    // A running lane that gets more partitions is replaced by a lane with all of them.
    const joined = this.holding((partition) => lanes.has(this.#laneOf(partition, count)));
    await this.stop(joined);
    this.#share(joined, partitions, count);
  }

  /**
   * Shares out the partitions of all running lanes among `count` lanes. The running lanes commit what they have read, so
   * that a partition whose reading met a fault still halts behind all records before the fault.
   */
  async regroup(count: number): Promise<void> {
    const lanes = [...this.#running.keys()];
    await this.finish(lanes);
    this.#share(lanes, [], count);
  }

  /** Starts lanes for the partitions of the ended lanes, from where those are committed, and for `more`. */
  #share(ended: readonly Lane<State, Event>[], more: readonly OwnedPartition[], count: number): void {
    const kept = ended.flatMap((lane) => lane.partitions).filter(this.#options.isOwned);
    this.#follow(kept);
    const groups = Map.groupBy([...more, ...kept], (partition) => this.#laneOf(partition, count));
    for (const group of groups.values()) this.#run(group);
  }

  #laneOf(partition: OwnedPartition, count: number): string {
    return this.#options.isAlone(partition) ? partitionName(partition) : String(partition.partition % count);
  }

  /** Ends the lanes. Drops what they have read and not begun to commit. */
  async stop(lanes: readonly Lane<State, Event>[]): Promise<void> {
    const running = lanes.map((lane) => this.#running.get(lane));
    for (const lane of lanes) lane.stop();
    await Promise.all(running);
  }

  stopAll(): Promise<void> {
    return this.stop([...this.#running.keys()]);
  }

  /** Ends the lanes once they have committed what they have read. */
  async finish(lanes: readonly Lane<State, Event>[]): Promise<void> {
    const running = lanes.map((lane) => this.#running.get(lane));
    for (const lane of lanes) lane.finish();
    await Promise.all(running);
  }

  /** Starts lanes for the other partitions of the ended lanes, from where those are committed. */
  resumeKept(ended: readonly Lane<State, Event>[], gone: ReadonlySet<string>): void {
    for (const lane of ended) {
      const kept = lane.partitions.filter(
        (partition) => !gone.has(partitionName(partition)) && this.#options.isOwned(partition),
      );
      if (kept.length === 0) continue;
      this.#follow(kept);
      this.#run(kept);
    }
  }

  #follow(partitions: readonly OwnedPartition[]): void {
    this.#options.context.consumer.follow(partitions.map(followOffsetOf));
  }

  #run(partitions: readonly OwnedPartition[]): void {
    const lane = new Lane(this.#options.context, partitions);
    this.#running.set(
      lane,
      lane.run().then((end) => {
        this.#running.delete(lane);
        this.#options.ended(lane, end);
      }),
    );
  }
}
