import { isDefect, messageOf } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Checkpoint, Store } from '../../ports/store.ts';
import type { Incarnation } from './incarnation.ts';

export interface CheckpointWatchOptions {
  readonly store: Pick<Store, 'checkpoints'>;
  readonly incarnation: Pick<Incarnation, 'actIfReplaced'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called before each look, so that what is compared with it is no younger than it. */
  readonly before: () => void;
  /** Called with what the store said. */
  readonly seen: (checkpoints: readonly Checkpoint[]) => Promise<void>;
  /** Called instead, if a table of the store is missing or was made anew since the last look. */
  readonly replaced: () => Promise<void>;
}

/** An operator's decision, and a store that went back in time, are noticed within this time. */
const LOOK_EVERY_MS = 2_000;

/**
 * Looks at the stored checkpoints again and again. An instance that has nothing to commit would not notice otherwise
 * that the database was restored, or that another server took its place: the records that were lost there would wait
 * for the next ones.
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
      // Whoever stops the watch does not wait for a store that gives no answer.
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
      if (!this.#hasFailed) logger('warn', `Could not look at the checkpoints: ${messageOf(error)}`);
      this.#hasFailed = true;
    }
  }
}
