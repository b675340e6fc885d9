import { partitionName } from '../../core/offset.ts';
import type { Checkpoint } from '../../ports/checkpoints.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import type { OwnedPartition } from './owned-partitions.ts';
import { RecentPlaces } from './recent-places.ts';

export interface RestoreGuardOptions {
  readonly store: Pick<Store, 'resume'>;
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly logger: Logger;
}

/** No partition is acquired before the store's tables have not changed for this time. */
const CALM_MS = 10_000;

/**
 * The offset from before a restore is kept for this time after the last change of the tables. A large backup takes
 * minutes.
 */
const FLOOR_KEPT_MS = 10 * 60_000;

interface Floor {
  /** The offset from which the partition has to be read again, at the latest. */
  readonly offset: bigint;
  changedMs: number;
  /** Whether the tables have changed since the checkpoint was last compared with the offset. */
  isPending: boolean;
}

/**
 * Guards ingest while somebody restores a backup under it, table by table. The checkpoints may already be those of the
 * backup while the journal is still the old one. A commit at that time would move a checkpoint that stays, and write to
 * a journal that is then replaced. So no partition is acquired before the tables have not changed for 10 s. A partition
 * whose checkpoint lies behind the offset from before the restore is read again from that offset.
 */
export class RestoreGuard {
  readonly #options: RestoreGuardOptions;
  readonly #places = new RecentPlaces();
  /** The offsets by the name of the partition. */
  readonly #floors = new Map<string, Floor>();
  /** The epoch under which this instance last acquired each partition. */
  readonly #epochs = new Map<string, bigint>();
  #calmAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: RestoreGuardOptions) {
    this.#options = options;
  }

  /** The time until partitions may be acquired again; 0 if no restore is under way. */
  get waitsMs(): number {
    return Math.max(0, this.#calmAtMs - this.#options.clock.monotonicMs());
  }

  get reason(): string {
    return `a backup is being restored over the store's tables, or the server is another one: waiting until they have not changed for ${CALM_MS / 1_000} s`;
  }

  committed(name: string, offset: bigint): void {
    this.#places.note(name, offset, this.#options.clock.monotonicMs());
  }

  acquired(checkpoint: Checkpoint): void {
    const name = partitionName(checkpoint);
    this.#epochs.set(name, checkpoint.epoch);
    this.committed(name, checkpoint.nextOffset);
  }

  /**
   * Whether the checkpoint of a partition that was just acquired lies before a commit of this instance, although no
   * other instance has acquired or moved it. It answers true once: the tables have to stand still first, and then the
   * checkpoint counts.
   */
  isBehind(checkpoint: Checkpoint): boolean {
    const name = partitionName(checkpoint);
    const last = this.#places.last(name);
    const epoch = this.#epochs.get(name);
    if (last === null || epoch === undefined || checkpoint.nextOffset >= last) return false;
    this.#places.forget(name);
    // An operator's decision raises the epoch, and acquiring raises it again.
    if (checkpoint.epoch > epoch + 1n) return false;
    this.#sayWentBack(name, last, checkpoint.nextOffset);
    return true;
  }

  /** Logs that the store lost these commits. `checkpoints` has, by partition, what it holds. */
  sayTheyWentBack(partitions: readonly OwnedPartition[], checkpoints: ReadonlyMap<string, Checkpoint>): void {
    for (const partition of partitions) {
      const name = partitionName(partition);
      this.#sayWentBack(name, partition.committed, checkpoints.get(name)?.nextOffset);
    }
  }

  #sayWentBack(name: string, from: bigint, to: bigint | undefined): void {
    this.#options.logger(
      'warn',
      `The checkpoint of ${name} went back from offset ${from} to ${to ?? 'none at all'}: the database was restored, ` +
        'or is another server. Its records are read again from there.',
    );
  }

  /**
   * Notes that a table is missing or was made anew, or that a checkpoint went back. `names` are the partitions in hand.
   */
  tablesChanged(names: Iterable<string>): void {
    if (this.waitsMs === 0) this.#options.logger('warn', `Ingest waits: ${this.reason}.`);
    const nowMs = this.#options.clock.monotonicMs();
    this.#calmAtMs = nowMs + CALM_MS;
    for (const name of names) {
      const known = this.#floors.get(name);
      const offset = this.#places.before(name, nowMs);
      // What this instance committed before tells nothing about the new tables.
      this.#places.forget(name);
      if (known !== undefined && known.changedMs > nowMs - FLOOR_KEPT_MS) {
        known.changedMs = nowMs;
        known.isPending = true;
      } else if (offset !== null) this.#floors.set(name, { offset, changedMs: nowMs, isPending: true });
    }
  }

  /**
   * Whether the checkpoint of a partition that was just acquired lies behind the offset from which it has to be read
   * again. If so, it is set back by a recorded decision, and the partition has to be acquired again.
   */
  async isSetBack(checkpoint: Checkpoint): Promise<boolean> {
    const name = partitionName(checkpoint);
    const floor = this.#floors.get(name);
    if (!floor?.isPending || floor.offset >= checkpoint.nextOffset) {
      if (floor !== undefined) floor.isPending = false;
      return false;
    }
    const { store, clock, logger } = this.#options;
    const reason =
      'A backup was restored under the running program: commits of that time may be missing from it.';
    const { topic, partition, topicId } = checkpoint;
    const decision = { topic, partition, topicId, offset: floor.offset, decidedBy: 'order-sync', reason };
    await store.resume({ ...decision, decidedAtMs: clock.now() });
    floor.isPending = false;
    logger(
      'warn',
      `${name} is read again from offset ${floor.offset} instead of ${checkpoint.nextOffset}. ${reason}`,
    );
    return true;
  }

  /** Forgets a partition that this instance no longer has. */
  forget(name: string): void {
    this.#places.forget(name);
    this.#floors.delete(name);
    this.#epochs.delete(name);
  }
}
