import { describeDefect } from '../../core/errors.ts';
import { partitionName, type TopicPartition } from '../../core/offset.ts';
import type { Defects } from '../defects.ts';
import type { Troubles } from './troubles.ts';

/**
 * Keeps a defect that strikes one partition from stopping the others. A lane with several partitions cannot tell which of
 * them met the defect, so each of them goes on in a lane of its own: one meets the defect again, the others do not.
 *
 *   shared --its lane of several partitions met a defect--> suspected --its next commit--> shared
 *   suspected --it met a defect alone--> known
 *   known --given up by this instance--> shared
 *
 * A suspected or known partition has a lane of its own.
 */
export class PartitionDefects {
  readonly #defects: Defects;
  readonly #troubles: Troubles;
  /** The partitions that are not shared, by name. */
  readonly #alone = new Map<string, 'suspected' | 'known'>();

  constructor(defects: Defects, troubles: Troubles) {
    this.#defects = defects;
    this.#troubles = troubles;
  }

  /** Whether the partition gets a lane of its own. */
  isAlone(partition: TopicPartition): boolean {
    return this.#alone.has(partitionName(partition));
  }

  /** Notes that a lane with these partitions has ended with a defect. */
  endedLane(partitions: readonly TopicPartition[], error: unknown): void {
    const [only] = partitions;
    if (partitions.length === 1 && only !== undefined) {
      this.#alone.set(partitionName(only), 'known');
      this.stopped(only, error);
      return;
    }
    const names = partitions.map(partitionName);
    for (const name of names) this.#alone.set(name, this.#alone.get(name) ?? 'suspected');
    this.#defects.met(`the lane of ${names.join(' ')}`, error);
    this.#troubles.note(partitions, `a defect of Tributary in its lane: ${describeDefect(error)}`);
  }

  /** Notes a defect that stops one partition. It rests, and is acquired again after that. */
  stopped(partition: TopicPartition, error: unknown): void {
    const restMs = this.#defects.rest(placeOf(partition), error, this.#troubles.failures(partition) + 1);
    this.#troubles.note([partition], `a defect of Tributary: ${describeDefect(error)}`, restMs);
  }

  /** Counts a defect after which the work on the partition goes on. */
  met(partition: TopicPartition, error: unknown): void {
    this.#defects.met(placeOf(partition), error);
  }

  /** Notes that the partitions work again. */
  committed(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) {
      this.#defects.passed(placeOf(partition));
      const name = partitionName(partition);
      if (this.#alone.get(name) === 'suspected') this.#alone.delete(name);
    }
  }

  /** Forgets partitions that this instance has given up. */
  forget(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#alone.delete(partitionName(partition));
  }
}

/** The name of a partition where defects are counted. */
function placeOf(partition: TopicPartition): string {
  return `partition ${partitionName(partition)}`;
}
