import { isRetryable, messageOf, TributaryError } from '../core/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Store } from '../ports/store.ts';
import { remadeMessage } from './migrate-store.ts';

/** A view that has been missing for this time is made again. */
const REMAKE_AFTER_MS = 10_000;
/** While the view cannot be made, it is tried again every 10 s, and every 30th failure is logged. */
const LOGGED_EVERY = 30;

export interface ViewRemakerOptions {
  readonly store: Pick<Store, 'remakeView'>;
  /** The view's table. */
  readonly table: string;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly logger: Logger;
  /** Called when the table is there again, empty or not. */
  readonly onMade: () => void;
  /** Ends the waiting, and nothing begins any more. */
  readonly signal: AbortSignal;
}

/**
 * Makes the view's table again if it was dropped or renamed under the running program. A restore from a backup drops
 * tables and makes them again by itself, so the table is made only once it has been missing for 10 s.
 */
export class ViewRemaker {
  readonly #options: ViewRemakerOptions;
  #remaking: Promise<void> | undefined;
  #trouble: string | null = null;

  constructor(options: ViewRemakerOptions) {
    this.#options = options;
  }

  /** Why the view's table cannot be made again, in one sentence; null if it can, or is there. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Takes note of an error of the pipeline. Only `table_missing` begins anything. */
  failed(error: unknown): void {
    if (!(error instanceof TributaryError) || error.code !== 'table_missing') return;
    if (this.#options.signal.aborted) return;
    this.#remaking ??= this.#remake()
      .catch((failure: unknown) =>
        this.#options.logger('error', `The missing table could not be made again: ${messageOf(failure)}`),
      )
      .finally(() => {
        this.#remaking = undefined;
      });
  }

  /** Resolves when no table is being made. */
  async idle(): Promise<void> {
    await this.#remaking;
  }

  /**
   * Where the database user may make no table, somebody else has to make it: until then `trouble` says so, and the log
   * every 5 minutes.
   */
  async #remake(): Promise<void> {
    const { clock, store, table, logger, onMade, signal } = this.#options;
    await clock.sleep(REMAKE_AFTER_MS, signal);
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const isMade = await store.remakeView();
        if (isMade) logger('warn', remadeMessage(table));
        else if (this.#trouble !== null) logger('info', `The table ${table} is there again.`);
        if (isMade || this.#trouble !== null) onMade();
        this.#trouble = null;
        return;
      } catch (error) {
        if (isRetryable(error)) throw error;
        this.#trouble = messageOf(error);
        if (attempt % LOGGED_EVERY === 0) logger('error', this.#trouble);
      }
      await clock.sleep(REMAKE_AFTER_MS, signal);
    }
  }
}
