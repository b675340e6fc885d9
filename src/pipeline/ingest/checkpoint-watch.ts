import { isDefect, messageOf } from '../../core/errors.ts';
import { partitionName } from '../../core/offset.ts';
import type { Checkpoint } from '../../ports/checkpoints.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import type { Incarnation } from './incarnation.ts';
import type { OwnedPartition } from './owned-partitions.ts';

export interface CheckpointWatchOptions {
  readonly store: Pick<Store, 'checkpoints'>;
  readonly incarnation: Pick<Incarnation, 'actIfReplaced'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called before each look, to note what the checkpoints are compared with. */
  readonly before: () => void;
  /** Called with the checkpoints of the store. */
  readonly seen: (checkpoints: readonly Checkpoint[]) => Promise<void>;
  /** Called in place of `seen` if a table of the store is missing, or was made anew since the last look. */
  readonly replaced: () => Promise<void>;
}

/** The time between two looks for an operator's decision, and for a database that went back in time. */
const LOOK_EVERY_MS = 2_000;

/**
 * Looks at the stored checkpoints again and again. Without it, an instance with nothing to commit would not notice that
 * the database was restored or replaced by another server, and the records that were lost there would only be read
 * again with the next new ones.
 */
export class CheckpointWatch {
  readonly #options: CheckpointWatchOptions;
  #hasFailed = false;

  constructor(options: CheckpointWatchOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    while (!signal.aborted) {
      await clock.sleep(LOOK_EVERY_MS, signal);
      // Stopping the watch does not wait for a store that gives no answer.
      if (!signal.aborted) await Promise.race([this.#look(), aborted]);
    }
  }

  async #look(): Promise<void> {
    const { store, incarnation, logger, before, seen, replaced } = this.#options;
    try {
      before();
      if (!(await incarnation.actIfReplaced(replaced))) await seen(await store.checkpoints());
      this.#hasFailed = false;
    } catch (error) {
      if (isDefect(error)) throw error;
      if (!this.#hasFailed) logger('warn', `Could not read the checkpoints: ${messageOf(error)}`);
      this.#hasFailed = true;
    }
  }
}

/** The partitions of this instance whose stored checkpoints are behind its own last commits. */
export interface BehindOwnCommits {
  /** The store no longer has these commits. */
  readonly wentBack: readonly OwnedPartition[];
  /** An operator has decided that these are read again. */
  readonly movedBack: readonly OwnedPartition[];
}

/** Compares the checkpoints with what this instance had committed, by partition, before they were read. */
export function behindOwnCommits(
  committed: Iterable<readonly [OwnedPartition, bigint]>,
  checkpoints: ReadonlyMap<string, Checkpoint>,
): BehindOwnCommits {
  const wentBack: OwnedPartition[] = [];
  const movedBack: OwnedPartition[] = [];
  for (const [owned, known] of committed) {
    const checkpoint = checkpoints.get(partitionName(owned));
    const isBehind = checkpoint === undefined || checkpoint.nextOffset < known;
    // A later epoch is a new owner's, which fences the next commit, or that of a decision. An owner never moves back.
    if (checkpoint !== undefined && checkpoint.epoch > owned.epoch) {
      if (isBehind) movedBack.push(owned);
    } else if (isBehind || checkpoint.epoch < owned.epoch) wentBack.push(owned);
  }
  return { wentBack, movedBack };
}
