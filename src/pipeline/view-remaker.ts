import { isDefect, isRetryable, messageOf, TributaryError } from '../core/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Store } from '../ports/store.ts';
import type { Defects } from './defects.ts';
import { remadeMessage } from './migrate-store.ts';

export interface ViewRemakerOptions {
  /** The name of the view's table. */
  readonly table: string;
  readonly store: Pick<Store, 'remakeView'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly defects: Defects;
  readonly signal: AbortSignal;
  /** Called when the table is there again. It may lack rows. Never rejects. */
  readonly onMade: () => Promise<void>;
}

/** A table that has been missing for this time is made again. */
const REMAKE_AFTER_MS = 10_000;
/** While the program may not make it, there is a try every 10 s, and a log line every 5 minutes. */
const SAID_EVERY = 30;

/** Makes the view's table again if somebody drops or renames it under the running program. */
export class ViewRemaker {
  readonly #options: ViewRemakerOptions;
  #trouble: string | null = null;
  #remaking: Promise<void> | undefined;

  constructor(options: ViewRemakerOptions) {
    this.#options = options;
  }

  /** Why the table cannot be made again; null if it is there, or can be made. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Called with each error of the store. Begins to make the table if the error says that a table is missing. */
  failed(error: unknown): void {
    if (!(error instanceof TributaryError) || error.code !== 'table_missing') return;
    const { logger, signal } = this.#options;
    if (signal.aborted) return;
    this.#remaking ??= this.#remake()
      .catch((failure: unknown) =>
        logger('error', `The missing table could not be made again: ${messageOf(failure)}`),
      )
      .finally(() => {
        this.#remaking = undefined;
      });
  }

  /** Resolves when the making has ended. */
  async idle(): Promise<void> {
    await this.#remaking;
  }

  /**
   * Waits for 10 s first, because a restore of a backup drops tables and makes them again itself. If this program may not
   * make tables, somebody else has to. Until then `/readyz` and a log line at intervals say so.
   */
  async #remake(): Promise<void> {
    const { clock, signal, logger, defects } = this.#options;
    await clock.sleep(REMAKE_AFTER_MS, signal);
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        return await this.#remakeOnce();
      } catch (error) {
        if (isRetryable(error)) throw error;
        this.#trouble = messageOf(error);
        if (isDefect(error)) {
          await clock.sleep(defects.rest('the making of the view', error, attempt + 1), signal);
          continue;
        }
        if (attempt % SAID_EVERY === 0) logger('error', this.#trouble);
      }
      await clock.sleep(REMAKE_AFTER_MS, signal);
    }
  }

  async #remakeOnce(): Promise<void> {
    const { store, table, logger, onMade } = this.#options;
    const isMade = await store.remakeView();
    const wasInTrouble = this.#trouble !== null;
    this.#trouble = null;
    if (isMade) logger('warn', remadeMessage(table));
    else if (wasInTrouble) logger('info', `The table ${table} is there again.`);
    if (isMade || wasInTrouble) await onMade();
  }
}
