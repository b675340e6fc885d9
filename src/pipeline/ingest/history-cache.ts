import { type History, versionOf } from '../../core/fold.ts';

/**
 * The histories of the entities that were used last, so that most batches read nothing from the store. An entry is
 * right while the entity has the version that it had then. Every commit compares this version, so an outdated entry
 * costs a second attempt and never leads to a wrong row.
 *
 * The number of held events is limited, over all entities; of a long entity only the last events are held. The cache
 * has two generations instead of a list of uses. When the young one holds half of the limit it becomes the old one, and
 * the former old one is dropped as a whole; an entry that is used moves to the young one. So entries in use stay, and
 * dropping costs nothing.
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
    if (old !== undefined) this.#put(entityId, old, undefined);
    return old;
  }

  /** Keeps the present history if it has a higher version, as when a lane's answer comes late. */
  set(entityId: string, history: History<State, Event>): void {
    const young = this.#young.get(entityId);
    const present = young ?? this.#old.get(entityId);
    if (present !== undefined && versionOf(present) > versionOf(history)) return;
    this.#put(entityId, history, young);
  }

  /** Drops everything if the store's generation has changed. */
  believe(generation: number): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.clear();
  }

  /** Drops everything, because the store may have gone back in time. */
  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#youngEvents = 0;
  }

  /** The number of held events. An entity in both generations counts twice. */
  get events(): number {
    let count = this.#youngEvents;
    for (const history of this.#old.values()) count += history.events.length;
    return count;
  }

  /** `young`: the entity's history in the young generation, which the new one replaces. */
  #put(entityId: string, history: History<State, Event>, young: History<State, Event> | undefined): void {
    const { length } = history.events;
    const replaced = young?.events.length ?? 0;
    if (this.#youngEvents - replaced + length > this.#maxEventsPerGeneration) {
      // A history that is longer than a generation would push out all others, so it is not kept.
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
