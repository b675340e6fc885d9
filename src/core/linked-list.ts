/** An item of a list, with its neighbours. Only the list writes them. */
export interface Linked<Item> {
  previous: Item | null;
  next: Item | null;
}

/**
 * Items in the sequence in which they were added. Each can be taken out at any place, and is in one list at a time. A Set
 * does the same. But a Set with many additions and deletions leaves old tables in the old generation of the heap, and these
 * keep its items alive until the next full collection.
 */
export class LinkedList<Item extends Linked<Item>> {
  #first: Item | null = null;
  #last: Item | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): Item | null {
    return this.#first;
  }

  add(item: Item): void {
    item.previous = this.#last;
    if (this.#last === null) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
    this.#size++;
  }

  /** Takes the item out. Returns whether it was in the list. */
  delete(item: Item): boolean {
    const { previous, next } = item;
    if (previous === null && this.#first !== item) return false;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    // An item that was taken out must not keep its neighbours alive.
    item.previous = null;
    item.next = null;
    this.#size--;
    return true;
  }

  /** Yields the items in their sequence. The item that was yielded last may be taken out meanwhile. */
  *[Symbol.iterator](): Generator<Item> {
    for (let item = this.#first; item !== null; ) {
      const { next }: Item = item;
      yield item;
      item = next;
    }
  }
}
