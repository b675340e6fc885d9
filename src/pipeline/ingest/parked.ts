import type { Store } from '../../ports/store.ts';

/** The most parked entities that the registry reads. Others turn out to be parked when their events come. */
const KNOWN_MAX = 10_000;
const PAGE = 1_000;

/**
 * The parked entities that an instance knows. It folds none of them, so that only a command releases an entity. An
 * entity that another instance parked meanwhile is folded here first, and parked again for the same fault.
 */
export class ParkedRegistry {
  #ids: ReadonlySet<string> = new Set();

  get size(): number {
    return this.#ids.size;
  }

  has(entityId: string): boolean {
    return this.#ids.has(entityId);
  }

  add(entityIds: readonly string[]): void {
    if (entityIds.length > 0) this.#ids = new Set([...this.#ids, ...entityIds]);
  }

  /** Reads the store's list anew. */
  async load(store: Pick<Store, 'listParked'>): Promise<void> {
    const ids = new Set<string>();
    for (let after: string | null = null; ids.size < KNOWN_MAX; ) {
      const page = await store.listParked({ after, limit: PAGE });
      for (const { entityId } of page) ids.add(entityId);
      after = page.at(-1)?.entityId ?? null;
      if (page.length < PAGE) break;
    }
    this.#ids = ids;
  }
}
