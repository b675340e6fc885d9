import { TributaryError } from '../../core/errors.ts';
import type { Store } from '../../ports/store.ts';

/** Notices that somebody dropped the tables of the store or created them again, as restoring a backup does. */
export class Incarnation {
  readonly #store: Pick<Store, 'incarnation'>;
  /** The answer of the last look; null before the first look. */
  #last: string | null = null;

  constructor(store: Pick<Store, 'incarnation'>) {
    this.#store = store;
  }

  /**
   * Looks at the store. True if a table is missing, or was made anew since the last look; false at the first look if
   * every table is there. Rejects if the store does not answer.
   */
  async isReplaced(): Promise<boolean> {
    const last = this.#last;
    try {
      this.#last = await this.#store.incarnation();
    } catch (error) {
      if (!(error instanceof TributaryError && error.code === 'table_missing')) throw error;
      this.#last = 'incomplete';
      return true;
    }
    return last !== null && last !== this.#last;
  }
}
