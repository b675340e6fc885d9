/** After this many unknown entities in a row turned out to be new, the next ones are taken for new. */
const STREAK = 10_000;
const MAX_PENALTY = 1_024;

/**
 * Decides whether entities that are not in the cache are looked up before a batch is planned. When a lane reads a log
 * for the first time nearly all entities are new, and looking them up is a large part of the work. So after a streak of
 * lookups that found nothing, entities are taken for new without a lookup. A wrong guess costs one attempt, because the
 * store refuses a new entity that it has already. Then lookups begin again, and the next streak has to be twice as
 * long.
 */
export class Newcomers {
  #streak = 0;
  #penalty = 1;

  get areAssumed(): boolean {
    return this.#streak >= STREAK * this.#penalty;
  }

  /** Notes the result of a lookup. */
  looked(asked: number, found: number): void {
    this.#streak = found === 0 ? this.#streak + asked : 0;
  }

  /** Notes that a batch with guesses was refused, so that a guess may have been wrong. */
  refused(): void {
    this.#streak = 0;
    this.#penalty = Math.min(MAX_PENALTY, this.#penalty * 2);
  }
}
