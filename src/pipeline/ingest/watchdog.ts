import { messageOf } from '../../core/errors.ts';
import { partitionName, type TopicPartition } from '../../core/offset.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';

const LOOK_EVERY_MS = 1_000;
/** A partition without progress is reported after this many looks, which is 15 seconds. */
const STUCK_LOOKS = 15;

/** A partition as the watchdog sees it. */
export interface WatchedPartition extends TopicPartition {
  readonly committed: bigint;
}

interface Watched {
  committed: bigint;
  /** The number of looks that have found records for the partition and no progress. */
  looks: number;
  isReported: boolean;
}

/**
 * Notices that a partition stands still although there are records for it: its commit is not answered or fails again
 * and again, or the log does not give the records that it says it has. It counts its own looks instead of reading a
 * clock, so that the time for which the process was stopped does not count.
 */
export class Watchdog {
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #logger: Logger;
  readonly #watched = new Map<string, Watched>();
  /** The number of commits of each partition that the store has not answered yet. */
  readonly #committing = new Map<string, number>();
  /** Per partition, why its last commit failed or did not happen; removed by the next successful commit. */
  readonly #failures = new Map<string, string>();

  constructor(clock: Pick<Clock, 'sleep'>, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Follows a commit until it has its answer, and passes the answer on. */
  async follow<Outcome>(partitions: readonly TopicPartition[], commit: Promise<Outcome>): Promise<Outcome> {
    const names = partitions.map(partitionName);
    for (const name of names) this.#committing.set(name, (this.#committing.get(name) ?? 0) + 1);
    try {
      const outcome = await commit;
      for (const name of names) this.#failures.delete(name);
      return outcome;
    } catch (error) {
      for (const name of names) this.#failures.set(name, messageOf(error));
      throw error;
    } finally {
      for (const name of names) {
        const left = (this.#committing.get(name) ?? 1) - 1;
        if (left > 0) this.#committing.set(name, left);
        else this.#committing.delete(name);
      }
    }
  }

  /** Notes why these partitions may stand still from now on. The next commit removes it. */
  note(partitions: readonly TopicPartition[], reason: string): void {
    for (const partition of partitions) this.#failures.set(partitionName(partition), reason);
  }

  /** Looks every second, until the signal aborts. */
  async run(
    owned: () => Iterable<WatchedPartition>,
    ends: () => readonly (TopicPartition & { readonly offset: bigint })[],
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(LOOK_EVERY_MS, signal);
      if (!signal.aborted) this.look(owned(), ends());
    }
  }

  /** Looks once at the partitions that this instance owns, and at the ends of the log. */
  look(
    owned: Iterable<WatchedPartition>,
    ends: readonly (TopicPartition & { readonly offset: bigint })[],
  ): void {
    const endOf = new Map(ends.map((end) => [partitionName(end), end.offset]));
    const names = new Set<string>();
    for (const partition of owned) {
      const name = partitionName(partition);
      names.add(name);
      const { committed } = partition;
      const isWanting = this.#committing.has(name) || (endOf.get(name) ?? committed) > committed;
      const watched = this.#watched.get(name);
      if (watched === undefined || watched.committed !== committed || !isWanting) {
        if (watched?.isReported) this.#logger('info', `${name} moves again, at offset ${committed}`);
        this.#watched.set(name, { committed, looks: 0, isReported: false });
        continue;
      }
      watched.looks++;
      if (watched.looks < STUCK_LOOKS || watched.isReported) continue;
      watched.isReported = true;
      this.#logger('warn', this.#reason(name, watched));
    }
    for (const name of this.#watched.keys()) {
      if (names.has(name)) continue;
      this.#watched.delete(name);
      this.#failures.delete(name);
    }
  }

  /** Each partition that stands still, with the reason in one sentence. */
  stuck(): { readonly name: string; readonly reason: string }[] {
    return [...this.#watched]
      .filter(([, { looks }]) => looks >= STUCK_LOOKS)
      .map(([name, watched]) => ({ name, reason: this.#reason(name, watched) }));
  }

  #reason(name: string, { looks, committed }: Watched): string {
    const seconds = Math.round((looks * LOOK_EVERY_MS) / 1_000);
    const stands = `${name} has not moved from offset ${committed} for ${seconds} s`;
    const failure = this.#failures.get(name);
    if (failure !== undefined) return `${stands}: ${failure}`;
    if (this.#committing.has(name)) return `${stands}: the store does not answer a commit`;
    return `${stands}: the log has more records of it, and they are not read`;
  }
}
