interface Mark {
  readonly atMs: number;
  readonly offset: bigint;
}

/** Marks are at least this far apart. */
const MARK_EVERY_MS = 1_000;
/** A restore of the store is noticed within this time of its beginning, so older commits are in the backup or lost. */
const UNNOTICED_MS = 15_000;

/** How far each partition was committed at some moments of the last seconds, whoever acquired it since. */
export class RecentPlaces {
  readonly #byName = new Map<string, Mark[]>();

  /** The partition is committed up to this offset now. */
  note(name: string, offset: bigint, nowMs: number): void {
    const marks = this.#byName.get(name);
    if (marks === undefined) {
      this.#byName.set(name, [{ atMs: nowMs, offset }]);
      return;
    }
    if (nowMs - (marks.at(-1)?.atMs ?? 0) < MARK_EVERY_MS) return;
    marks.push({ atMs: nowMs, offset });
    // One mark that is old enough is kept.
    while ((marks[1]?.atMs ?? nowMs) <= nowMs - UNNOTICED_MS) marks.shift();
  }

  /** How far the partition was committed before anything that a restore may have lost unnoticed; null if unknown. */
  before(name: string, nowMs: number): bigint | null {
    const marks = this.#byName.get(name) ?? [];
    const old = marks.findLast(({ atMs }) => atMs <= nowMs - UNNOTICED_MS);
    return (old ?? marks[0])?.offset ?? null;
  }

  /** The furthest place that is known, at most a second old; null if none is. */
  last(name: string): bigint | null {
    return this.#byName.get(name)?.at(-1)?.offset ?? null;
  }

  /** The partition is no longer this instance's, or what is known of it no longer counts. */
  forget(name: string): void {
    this.#byName.delete(name);
  }
}
