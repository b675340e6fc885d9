import { type PartitionOffset, partitionName } from '../../core/offset.ts';
import type { Clock } from '../../ports/clock.ts';
import type { AssignedPartition } from '../../ports/event-log.ts';
import type { IngestOptions } from './options.ts';
import type { OwnedPartition } from './owned-partitions.ts';

const LOOK_EVERY_MS = 500;
/** The lanes are joined after this many looks in a row that found the instance caught up, which is 5 seconds. */
const CALM_LOOKS = 10;
/** Each time that the lanes part soon after they were joined, twice as many looks are needed, up to 10 minutes. */
const MOST_CALM_LOOKS = 1_200;
/** An instance is caught up if its backlog is at most this share of the one that parts its lanes. */
const CALM_SHARE = 0.1;

/** Lanes part when an instance is this many records behind the log. */
const APART_FROM_RECORDS = 20_000;

/**
 * Decides on how many lanes an instance runs.
 *
 *   together, one lane --far behind the log--> apart, all lanes --caught up for a while--> together
 *
 * While an instance keeps up, each lane would commit one or two events at a time, and a transaction costs nearly as much
 * as one with twenty: one lane for all makes fewer and fuller ones, and every event is in the view sooner. An instance that
 * is far behind fills every transaction, and gets through its backlog faster on several lanes.
 */
export class LaneCount {
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #most: number;
  /** The backlog in records from which the lanes part; with 0 they always are apart. */
  readonly #apartFrom: number;
  #isApart: boolean;
  #calmLooks = 0;
  #calmLooksNeeded = CALM_LOOKS;
  /** The looks since the lanes were joined last. */
  #looksTogether = Number.POSITIVE_INFINITY;

  constructor(options: Pick<IngestOptions<unknown, unknown>, 'lanes' | 'apartFromRecords' | 'clock'>) {
    this.#clock = options.clock;
    this.#most = options.lanes;
    this.#apartFrom = options.apartFromRecords ?? APART_FROM_RECORDS;
    this.#isApart = this.#apartFrom === 0;
  }

  /** The number of lanes to run now. Where topics have different numbers of partitions it is always 1. */
  of(isCoPartitioned: boolean): number {
    return isCoPartitioned && this.#isApart ? this.#most : 1;
  }

  /** Notes how many records the instance is behind when it begins to work on partitions. Lanes may part, but not join. */
  began(backlog: bigint): void {
    if (!this.#isApart && backlog >= this.#apartFrom) this.#part();
  }

  /** Notes how many records the instance is behind. Answers whether the lanes are to be parted or joined now. */
  looked(backlog: bigint): boolean {
    if (this.#most <= 1 || this.#apartFrom === 0) return false;
    if (!this.#isApart) {
      this.#looksTogether++;
      if (backlog < this.#apartFrom) return false;
      this.#part();
      return true;
    }
    this.#calmLooks = Number(backlog) <= this.#apartFrom * CALM_SHARE ? this.#calmLooks + 1 : 0;
    if (this.#calmLooks < this.#calmLooksNeeded) return false;
    this.#isApart = false;
    this.#looksTogether = 0;
    return true;
  }

  /** Looks twice a second, and has the lanes changed, until the signal aborts. */
  async follow(backlog: () => bigint, change: () => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(LOOK_EVERY_MS, signal);
      if (!signal.aborted && this.looked(backlog())) await change();
    }
  }

  #part(): void {
    this.#isApart = true;
    this.#calmLooks = 0;
    // One lane was not enough for what comes in.
    const wasSoon = this.#looksTogether < MOST_CALM_LOOKS;
    this.#calmLooksNeeded = wasSoon ? Math.min(MOST_CALM_LOOKS, 2 * this.#calmLooksNeeded) : CALM_LOOKS;
  }
}

/** The number of records between what is committed and the ends of the log, as far as these are known. */
export function backlogOf(
  owned: Iterable<OwnedPartition>,
  assigned: ReadonlyMap<string, AssignedPartition>,
  ends: readonly PartitionOffset[],
): bigint {
  const endOf = new Map(ends.map((end) => [partitionName(end), end.offset]));
  let backlog = 0n;
  for (const partition of owned) {
    const name = partitionName(partition);
    const end = endOf.get(name) ?? assigned.get(name)?.endOffset ?? 0n;
    if (end > partition.committed) backlog += end - partition.committed;
  }
  return backlog;
}
