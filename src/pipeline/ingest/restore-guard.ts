import { partitionName } from '../../core/offset.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Checkpoint, Store } from '../../ports/store.ts';
import { RecentPlaces } from './recent-places.ts';

export interface RestoreGuardOptions {
  readonly store: Pick<Store, 'resume'>;
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly logger: Logger;
}

/** The store's tables have to stand still for so long before anything is claimed. */
const CALM_MS = 10_000;

/**
 * What ingest does while somebody puts a backup back under it, table by table. The checkpoints may be those of the
 * backup already while the journal is still the old one: a commit of that time moves a checkpoint that stays, and
 * writes to a journal that goes. So nothing is claimed until the tables have stood still for 10 s, and partitions
 * are read again from where they were before the restore began, if their checkpoints are further.
 */
export class RestoreGuard {
  readonly #options: RestoreGuardOptions;
  readonly #places = new RecentPlaces();
  /** Where to read from at the latest, by the name of the partition. */
  readonly #floors = new Map<string, bigint>();
  #calmAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: RestoreGuardOptions) {
    this.#options = options;
  }

  /** How long nothing may be claimed yet; 0 while no restore is under way. */
  get holdsMs(): number {
    return Math.max(0, this.#calmAtMs - this.#options.clock.monotonicMs());
  }

  get reason(): string {
    return `the tables of the store are being replaced by a backup: waiting until they have stood still for ${CALM_MS / 1_000} s`;
  }

  committed(name: string, offset: bigint): void {
    this.#places.note(name, offset, this.#options.clock.monotonicMs());
  }

  /** A table of the store is missing, or was made anew since the last look. `names`: the partitions in hand. */
  tablesChanged(names: Iterable<string>): void {
    if (this.holdsMs === 0) this.#options.logger('warn', `Ingest is held: ${this.reason}.`);
    const nowMs = this.#options.clock.monotonicMs();
    this.#calmAtMs = nowMs + CALM_MS;
    for (const name of names) {
      const place = this.#places.before(name, nowMs);
      if (place !== null && !this.#floors.has(name)) this.#floors.set(name, place);
    }
  }

  /**
   * Whether the checkpoint of a partition that was just claimed is further than where the partition has to be read from.
   * It is set back then, by a recorded decision, and the partition has to be claimed again.
   */
  async isSetBack(checkpoint: Checkpoint): Promise<boolean> {
    const name = partitionName(checkpoint);
    const floor = this.#floors.get(name);
    if (floor === undefined || floor >= checkpoint.nextOffset) {
      this.#floors.delete(name);
      return false;
    }
    const { store, clock, logger } = this.#options;
    const reason =
      'A backup was restored under the running program: commits of that time may be missing from it.';
    const { topic, partition, topicId } = checkpoint;
    const decision = { topic, partition, topicId, offset: floor, decidedBy: 'order-sync', reason };
    await store.resume({ ...decision, decidedAtMs: clock.now() });
    this.#floors.delete(name);
    logger(
      'warn',
      `${name} is read again from offset ${floor} instead of ${checkpoint.nextOffset}. ${reason}`,
    );
    return true;
  }

  /** The partition is no longer this instance's. */
  forget(name: string): void {
    this.#places.forget(name);
    this.#floors.delete(name);
  }
}
