import { partitionName } from '../../core/offset.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Checkpoint } from '../../ports/store.ts';

/** The partitions of this instance that are halted in the store, until an operator decides. */
export class Halts {
  readonly #logger: Logger;
  readonly #byName = new Map<string, { readonly reason: string; readonly epoch: bigint }>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** The store has recorded that the owner of this epoch halted the partition. */
  note(name: string, reason: string, epoch: bigint): void {
    this.#byName.set(name, { reason, epoch });
    this.#logger(
      'error',
      `${name} is halted: ${reason} Nothing of it is read until you decide: order-sync resume ${name} --help`,
    );
  }

  /** The partition is no longer this instance's. */
  forget(name: string): void {
    this.#byName.delete(name);
  }

  /** Answers whether the checkpoint shows a decision about a halt that was noted here, which is over with that. */
  isDecided(checkpoint: Checkpoint): boolean {
    const name = partitionName(checkpoint);
    const halt = this.#byName.get(name);
    // A decision raises the epoch; what was read before the halt was written does not count as one.
    if (halt === undefined || checkpoint.haltReason !== null || checkpoint.epoch <= halt.epoch) return false;
    this.#byName.delete(name);
    this.#logger('info', `${name} goes on at offset ${checkpoint.nextOffset} by decision`);
    return true;
  }

  list(): { readonly name: string; readonly reason: string }[] {
    return [...this.#byName].map(([name, { reason }]) => ({ name, reason }));
  }
}
