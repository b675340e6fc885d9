import { partitionName } from '../../core/offset.ts';
import type { Checkpoint } from '../../ports/checkpoints.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import { RecentPlaces } from './recent-places.ts';

export interface RestoreGuardOptions {
  readonly store: Pick<Store, 'resume'>;
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly logger: Logger;
}

/** The store's tables have to stand still for so long before anything is acquired. */
const CALM_MS = 10_000;

/** A place of before the restore is kept for so long after the last change: a large backup takes its time. */
const FLOOR_KEPT_MS = 10 * 60_000;

interface Floor {
  /** Where to read from at the latest. */
  readonly offset: bigint;
  changedMs: number;
  /** Whether the tables have changed since the checkpoint was last compared with it. */
  isPending: boolean;
}

/**
 * What ingest does while somebody puts a backup back under it, table by table. The checkpoints may be those of the
 * backup already while the journal is still the old one: a commit of that time moves a checkpoint that stays, and
 * writes to a journal that goes. So nothing is acquired until the tables have stood still for 10 s, and partitions
 * are read again from where they were before the restore began, if their checkpoints are further.
 */
export class RestoreGuard {
  readonly #options: RestoreGuardOptions;
  readonly #places = new RecentPlaces();
  /** By the name of the partition. */
  readonly #floors = new Map<string, Floor>();
  /** Of this instance's last acquisition of each partition. */
  readonly #epochs = new Map<string, bigint>();
  #calmAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: RestoreGuardOptions) {
    this.#options = options;
  }

  /** How long nothing may be acquired yet; 0 while no restore is under way. */
  get holdsMs(): number {
    return Math.max(0, this.#calmAtMs - this.#options.clock.monotonicMs());
  }

  get reason(): string {
    return `the tables of the store are being replaced by a backup, or by those of another server: waiting until they have stood still for ${CALM_MS / 1_000} s`;
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
   * Whether a checkpoint that was just acquired lies before a commit of this instance, and nobody has acquired or moved it
   * in between. It answers so once: the tables have to stand still first, and the checkpoint counts afterwards.
   */
  isBehind(checkpoint: Checkpoint): boolean {
    const name = partitionName(checkpoint);
    const last = this.#places.last(name);
    const epoch = this.#epochs.get(name);
    if (last === null || epoch === undefined || checkpoint.nextOffset >= last) return false;
    this.#places.forget(name);
    // A decision of an operator raises the epoch, and acquiring raises it again.
    if (checkpoint.epoch > epoch + 1n) return false;
    this.sayWentBack(name, last, checkpoint.nextOffset);
    return true;
  }

  sayWentBack(name: string, from: bigint, to: bigint | undefined): void {
    this.#options.logger(
      'warn',
      `The checkpoint of ${name} went back from offset ${from} to ${to ?? 'none at all'}: the database was restored, ` +
        'or is another server. Its records are read again from there.',
    );
  }

  /** A table was made anew, or is missing, or a checkpoint went back. `names`: the partitions in hand. */
  tablesChanged(names: Iterable<string>): void {
    if (this.holdsMs === 0) this.#options.logger('warn', `Ingest is held: ${this.reason}.`);
    const nowMs = this.#options.clock.monotonicMs();
    this.#calmAtMs = nowMs + CALM_MS;
    for (const name of names) {
      const known = this.#floors.get(name);
      const offset = this.#places.before(name, nowMs);
      // What this instance committed before says nothing of the tables to come.
      this.#places.forget(name);
      if (known !== undefined && known.changedMs > nowMs - FLOOR_KEPT_MS) {
        known.changedMs = nowMs;
        known.isPending = true;
      } else if (offset !== null) this.#floors.set(name, { offset, changedMs: nowMs, isPending: true });
    }
  }

  /**
   * Whether the checkpoint of a partition that was just acquired is further than where the partition has to be read from.
   * It is set back then, by a recorded decision, and the partition has to be acquired again.
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

  /** The partition is no longer this instance's. */
  forget(name: string): void {
    this.#places.forget(name);
    this.#floors.delete(name);
    this.#epochs.delete(name);
  }
}
