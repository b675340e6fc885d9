import type { Store } from '../../ports/store.ts';

const PAGE = 5_000;

/**
 * The parked entities that an instance knows: all that the store has, at about 100 bytes each. It folds none of them, so that
 * only a command releases an entity. The store refuses a row for an entity that another instance has parked meanwhile, and
 * names it.
 */
export class ParkedRegistry {
  #ids = new Set<string>();
  /** The entities that were added while the store's list is being read. */
  #added: Set<string> | null = null;

  get size(): number {
    return this.#ids.size;
  }

  has(entityId: string): boolean {
    return this.#ids.has(entityId);
  }

  add(entityIds: readonly string[]): void {
    for (const entityId of entityIds) {
      this.#ids.add(entityId);
      this.#added?.add(entityId);
    }
  }

  /** Reads the store's list anew. */
  async load(store: Pick<Store, 'listParked'>): Promise<void> {
    const added = new Set<string>();
    this.#added = added;
    const ids = new Set<string>();
    for (let after: string | null = null; ; ) {
      const page = await store.listParked({ after, limit: PAGE });
      for (const { entityId } of page) ids.add(entityId);
      after = page.at(-1)?.entityId ?? null;
      if (page.length < PAGE) break;
    }
    // A page may have been read before an entity behind it was parked.
    for (const entityId of added) ids.add(entityId);
    this.#ids = ids;
    if (this.#added === added) this.#added = null;
  }
}
