/** So many entities in a row that nobody knew are taken for a sign that the next ones are new as well. */
const STREAK = 10_000;
const MAX_PENALTY = 1_024;

/**
 * Whether entities that are not in the cache need to be looked up before a batch is planned. When a lane catches up
 * with a log that was never read before, practically all of them are new, and looking is a good part of the work.
 * So after a streak of lookups that found nothing they are taken for new without a look. A wrong guess costs one
 * attempt, since the store refuses a new entity that is there already; then looking begins again, and each
 * wrong guess makes the streak that the next one takes twice as long.
 */
export class Newcomers {
  #streak = 0;
  #penalty = 1;

  get areAssumed(): boolean {
    return this.#streak >= STREAK * this.#penalty;
  }

  /** What a lookup gave. */
  looked(asked: number, found: number): void {
    this.#streak = found === 0 ? this.#streak + asked : 0;
  }

  /** The guess may have been wrong: a batch that rested on it was refused. */
  refused(): void {
    this.#streak = 0;
    this.#penalty = Math.min(MAX_PENALTY, this.#penalty * 2);
  }
}
