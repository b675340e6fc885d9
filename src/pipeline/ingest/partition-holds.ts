import type { TopicPartition } from '../../core/offset.ts';
import type { Hold } from '../../ports/holds.ts';
import { Gate } from '../gate.ts';
import type { KnownHolds } from '../holds.ts';

/** A partition that is not read, with the operator's decision that keeps it so. */
export interface HeldPartition extends Hold {
  readonly name: string;
}

/**
 * The holds of the partitions of one instance. A partition on hold stays assigned, so that the group moves nothing. Its
 * checkpoint stays where it is, and reading goes on from there once the hold is released.
 */
export class PartitionHolds {
  readonly #known: Pick<KnownHolds, 'ofIngest' | 'ofPartition'> | undefined;
  readonly #changed = new Gate();

  /** Without known holds no partition is ever on hold. */
  constructor(known?: Omit<KnownHolds, 'ofTarget'>) {
    this.#known = known;
    known?.onChange(() => this.#changed.open());
  }

  /** Whether every partition is on hold, also those that are assigned later. */
  get hasAll(): boolean {
    return this.#known !== undefined && this.#known.ofIngest() !== null;
  }

  has(partition: TopicPartition): boolean {
    return this.#known !== undefined && this.#known.ofPartition(partition) !== null;
  }

  /** Those of the partitions, given by name, that are on hold. */
  among(partitions: ReadonlyMap<string, TopicPartition>): HeldPartition[] {
    return [...partitions].flatMap(([name, partition]) => {
      const hold = this.#known?.ofPartition(partition) ?? null;
      return hold === null ? [] : [{ name, ...hold }];
    });
  }

  /** Calls `apply` now and after each change of the holds, one call at a time, until the signal aborts. */
  async follow(apply: () => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Begun before the call, so that a change during the call is not missed.
      const changed = this.#changed.wait(signal);
      await apply();
      await changed;
    }
  }
}
