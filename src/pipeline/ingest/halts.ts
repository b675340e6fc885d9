import type { Checkpoint } from '../../ports/checkpoints.ts';
import type { Logger } from '../../ports/logger.ts';

interface NotedHalt {
  readonly reason: string;
}

/** The partitions of this instance that are halted in the store until an operator decides. */
export class Halts {
  readonly #logger: Logger;
  readonly #byName = new Map<string, NotedHalt>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** Notes a halt that the store has recorded. */
  note(name: string, reason: string): void {
    this.#byName.set(name, { reason });
    this.#logger(
      'error',
      `${name} is halted: ${reason} Nothing of it is read until you decide: order-sync resume ${name} --help`,
    );
  }

  /** Forgets a partition that this instance no longer has. */
  forget(name: string): void {
    this.#byName.delete(name);
  }

  /** A copy of the halts, to be compared with checkpoints that are read later. */
  noted(): ReadonlyMap<string, NotedHalt> {
    return new Map(this.#byName);
  }

  /**
   * Ends each of the noted halts that the checkpoints no longer have, because an operator has decided or the store went
   * back to a time before the halt. Answers whether a halt ended.
   */
  endThoseGone(noted: ReadonlyMap<string, NotedHalt>, checkpoints: ReadonlyMap<string, Checkpoint>): boolean {
    let hasEnded = false;
    for (const [name, halt] of noted) {
      const checkpoint = checkpoints.get(name);
      // The checkpoints may lack a halt that was recorded while they were read.
      if (this.#byName.get(name) !== halt || (checkpoint?.haltReason ?? null) !== null) continue;
      this.#byName.delete(name);
      hasEnded = true;
      const place = checkpoint === undefined ? 'the beginning of the log' : `offset ${checkpoint.nextOffset}`;
      this.#logger('info', `${name} goes on at ${place}: the store holds no halt of it any more`);
    }
    return hasEnded;
  }

  list(): { readonly name: string; readonly reason: string }[] {
    return [...this.#byName].map(([name, { reason }]) => ({ name, reason }));
  }
}
