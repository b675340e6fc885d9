import { compareUtf8 } from '../../core/text.ts';

/** More added ids than this are sorted together with the others; fewer are put into their places one by one. */
const ONE_BY_ONE_MAX = 16;

/** A set of ids, sorted by their UTF-8 bytes. Added ids are put into their places when somebody asks for the list. */
export class SortedIds {
  readonly #sorted: string[];
  #added: string[] = [];

  constructor(sorted: string[] = []) {
    this.#sorted = sorted;
  }

  /** Adds an id that the set does not have. */
  add(id: string): void {
    this.#added.push(id);
  }

  /** Removes an id that the set has. */
  delete(id: string): void {
    const list = this.#settle();
    list.splice(this.#placeOf(id), 1);
  }

  get list(): readonly string[] {
    return this.#settle();
  }

  /** The index in `list` of the first id behind `after`; null begins with the first one. */
  indexBehind(after: string | null): number {
    const list = this.#settle();
    if (after === null) return 0;
    const place = this.#placeOf(after);
    return list[place] === after ? place + 1 : place;
  }

  /** At most `limit` ids behind `after`. */
  behind(after: string | null, limit: number): string[] {
    const from = this.indexBehind(after);
    return this.#sorted.slice(from, from + Math.floor(limit));
  }

  clone(): SortedIds {
    return new SortedIds([...this.#settle()]);
  }

  #settle(): string[] {
    const sorted = this.#sorted;
    const added = this.#added;
    if (added.length === 0) return sorted;
    this.#added = [];
    if (added.length > ONE_BY_ONE_MAX) {
      for (const id of added) sorted.push(id);
      sorted.sort(compareUtf8);
      return sorted;
    }
    for (const id of added) {
      const last = sorted[sorted.length - 1];
      if (last === undefined || compareUtf8(last, id) < 0) sorted.push(id);
      else sorted.splice(this.#placeOf(id), 0, id);
    }
    return sorted;
  }

  /** The index of the first id that does not come before this one. */
  #placeOf(id: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareUtf8(this.#sorted[middle] as string, id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
