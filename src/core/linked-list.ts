/** What stands in a list, by its neighbours there. Nobody but the list writes them. */
export interface Linked<Item> {
  previous: Item | null;
  next: Item | null;
}

/**
 * Items in the sequence in which they were added, each of which can be taken out wherever it stands; one is in one
 * list at a time. A Set does the same, but one that much goes through leaves its old tables behind in the heap's old
 * part, full of items that are kept alive by that until the next full collection.
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

  /** Says whether it was in the list. */
  delete(item: Item): boolean {
    const { previous, next } = item;
    if (previous === null && this.#first !== item) return false;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    // An item that is gone must not keep its neighbours alive.
    item.previous = null;
    item.next = null;
    this.#size--;
    return true;
  }

  /** In their sequence. The one that was given last may be taken out meanwhile. */
  *[Symbol.iterator](): Generator<Item> {
    for (let item = this.#first; item !== null; ) {
      const { next }: Item = item;
      yield item;
      item = next;
    }
  }
}
