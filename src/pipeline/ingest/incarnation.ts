import { TributaryError } from '../../core/errors.ts';
import type { Store } from '../../ports/store.ts';

/** Stands for the incarnation of a store that lacks a table. */
const INCOMPLETE = 'incomplete';

/** Notices that somebody dropped the tables of the store or created them again, as restoring a backup does. */
export class Incarnation {
  readonly #store: Pick<Store, 'incarnation'>;
  /** The incarnation that was last acted on; null before the first look. */
  #last: string | null = null;

  constructor(store: Pick<Store, 'incarnation'>) {
    this.#store = store;
  }

  /**
   * Looks at the store. Calls `replaced` if a table is missing, or was made anew since the last look, and resolves with
   * true. Resolves with false at the first look if every table is there. Rejects if the store does not answer, or as
   * `replaced` does; then the next look calls `replaced` again.
   */
  async actIfReplaced(replaced: () => Promise<void>): Promise<boolean> {
    const found = await this.#read();
    const isReplaced = found === INCOMPLETE || (this.#last !== null && found !== this.#last);
    if (isReplaced) await replaced();
    this.#last = found;
    return isReplaced;
  }

  async #read(): Promise<string> {
    try {
      return await this.#store.incarnation();
    } catch (error) {
      if (!(error instanceof TributaryError && error.code === 'table_missing')) throw error;
      return INCOMPLETE;
    }
  }
}
