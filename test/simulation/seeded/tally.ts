export interface TallyJson {
  readonly counts: Readonly<Record<string, number>>;
  readonly largest: Readonly<Record<string, number>>;
}

/** Counts what was tried, by its name, so that nobody has to believe that it was. */
export class Tally {
  readonly counts = new Map<string, number>();
  readonly #largest = new Map<string, number>();

  count(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  /** Keeps the largest number that was given for `what`. */
  atLeast(what: string, number: number): void {
    this.#largest.set(what, Math.max(number, this.#largest.get(what) ?? 0));
  }

  /** Adds what another tally has. */
  add({ counts, largest }: TallyJson): void {
    for (const [what, times] of Object.entries(counts)) this.count(what, times);
    for (const [what, number] of Object.entries(largest)) this.atLeast(what, number);
  }

  toJSON(): TallyJson {
    return { counts: sorted(this.counts), largest: sorted(this.#largest) };
  }
}

function sorted(numbers: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...numbers].sort(([left], [right]) => (left < right ? -1 : 1)));
}
