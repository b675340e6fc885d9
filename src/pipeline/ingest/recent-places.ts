interface Mark {
  readonly atMs: number;
  readonly offset: bigint;
}

/** The least time between two marks of a partition. */
const MARK_EVERY_MS = 1_000;
/**
 * A restore of the store is noticed within this time of its beginning. Older commits are in the backup or known to be
 * lost.
 */
const UNNOTICED_MS = 15_000;

/** The offsets up to which each partition was committed at moments of the last 15 seconds, by any instance. */
export class RecentPlaces {
  readonly #byName = new Map<string, Mark[]>();

  /** Notes that the partition is committed up to this offset. */
  note(name: string, offset: bigint, nowMs: number): void {
    const marks = this.#byName.get(name);
    if (marks === undefined) {
      this.#byName.set(name, [{ atMs: nowMs, offset }]);
      return;
    }
    if (nowMs - (marks.at(-1)?.atMs ?? 0) < MARK_EVERY_MS) return;
    marks.push({ atMs: nowMs, offset });
    // Keeps one mark that is at least 15 seconds old.
    while ((marks[1]?.atMs ?? nowMs) <= nowMs - UNNOTICED_MS) marks.shift();
  }

  /** The offset before all commits that a restore may have lost unnoticed; null if it is not known. */
  before(name: string, nowMs: number): bigint | null {
    const marks = this.#byName.get(name) ?? [];
    const old = marks.findLast(({ atMs }) => atMs <= nowMs - UNNOTICED_MS);
    return (old ?? marks[0])?.offset ?? null;
  }

  /** The furthest offset that is known, at most a second old; null if none is known. */
  last(name: string): bigint | null {
    return this.#byName.get(name)?.at(-1)?.offset ?? null;
  }

  /** Forgets a partition that this instance no longer has, or whose marks no longer count. */
  forget(name: string): void {
    this.#byName.delete(name);
  }
}
