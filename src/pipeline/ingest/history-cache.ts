import { type History, versionOf } from '../../core/fold.ts';

/**
 * The histories of the entities seen last, so that most batches read nothing from the store. An entry is right
 * as long as the entity has the version that it had then; the store checks just that at every commit, so an
 * entry that went stale costs a second try, and never a wrong row.
 *
 * Bounded by the number of events held, over all entities; of a long entity only the last events are held. Two generations instead of a list of uses: when the
 * young one holds half of the limit it becomes the old one, and the old one is forgotten as a whole; what is
 * asked for moves to the young one. So an entry that is used stays, and forgetting costs nothing.
 */
export class HistoryCache<State, Event> {
  readonly #maxEventsPerGeneration: number;
  #young = new Map<string, History<State, Event>>();
  #old = new Map<string, History<State, Event>>();
  #youngEvents = 0;
  #generation = 0;

  constructor(maxEvents: number) {
    this.#maxEventsPerGeneration = maxEvents / 2;
  }

  get(entityId: string): History<State, Event> | undefined {
    const young = this.#young.get(entityId);
    if (young !== undefined) return young;
    const old = this.#old.get(entityId);
    if (old !== undefined) this.#put(entityId, old);
    return old;
  }

  /** A history of a lower version, of a lane whose answer came late, does not replace one of a higher version. */
  set(entityId: string, history: History<State, Event>): void {
    const present = this.#young.get(entityId) ?? this.#old.get(entityId);
    if (present !== undefined && versionOf(present) > versionOf(history)) return;
    this.#put(entityId, history);
  }

  /** Forgets everything that was read from, or written to, an earlier generation of the store. */
  believe(generation: number): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.clear();
  }

  /** Forgets everything: for when the store may have gone back in time. */
  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#youngEvents = 0;
  }

  /** How many events are held, twice counted where an entity stands in both generations. */
  get events(): number {
    let count = this.#youngEvents;
    for (const history of this.#old.values()) count += history.events.length;
    return count;
  }

  #put(entityId: string, history: History<State, Event>): void {
    const { length } = history.events;
    const replaced = this.#young.get(entityId)?.events.length ?? 0;
    if (this.#youngEvents - replaced + length > this.#maxEventsPerGeneration) {
      // One history that is too long for a generation would only push all the others out.
      if (length > this.#maxEventsPerGeneration) {
        this.#forget(entityId);
        return;
      }
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngEvents = 0;
      this.#old.delete(entityId);
      this.#young.set(entityId, history);
      this.#youngEvents = length;
      return;
    }
    this.#young.set(entityId, history);
    this.#youngEvents += length - replaced;
  }

  #forget(entityId: string): void {
    this.#youngEvents -= this.#young.get(entityId)?.events.length ?? 0;
    this.#young.delete(entityId);
    this.#old.delete(entityId);
  }
}
