/** The number of ids that are kept. Beyond it only their number is known. */
const IDS_MAX = 10_000;

/** Counts the orders that changed and are not loaded. Only those who watch the count hear of it. */
export class OtherOrders {
  readonly #ids = new Set<string>();
  readonly #watchers = new Set<() => void>();
  #count = 0;

  /** The number of the orders. An order that is not known by its id may be counted twice. */
  readonly count = (): number => this.#count;

  readonly onChange = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  /** `more` orders changed too, and nobody knows their ids. */
  add(ids: Iterable<string>, more: number): void {
    for (const id of ids) if (this.#ids.size < IDS_MAX) this.#ids.add(id);
    this.#change(Math.max(this.#ids.size, this.#count + more));
  }

  forget(): void {
    this.#ids.clear();
    this.#change(0);
  }

  #change(count: number): void {
    if (this.#count === count) return;
    this.#count = count;
    for (const watcher of this.#watchers) watcher();
  }
}
