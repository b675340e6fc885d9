import type { History } from '../../core/fold.ts';

/**
 * The histories of the entities seen last, so that most batches read nothing from the store. An entry is right
 * as long as the entity has the version that it had then; the store checks just that at every commit, so an
 * entry that went stale costs a second try, and never a wrong row.
 *
 * Bounded by the number of events held, over all entities; the entities used least recently go first.
 */
export class HistoryCache<State, Event> {
  readonly #entries = new Map<string, History<State, Event>>();
  readonly #maxEvents: number;
  #events = 0;

  constructor(maxEvents: number) {
    this.#maxEvents = maxEvents;
  }

  get(entityId: string): History<State, Event> | undefined {
    const history = this.#entries.get(entityId);
    if (history !== undefined) {
      // A Map keeps the sequence of insertion: what is put in again moves to the young end.
      this.#entries.delete(entityId);
      this.#entries.set(entityId, history);
    }
    return history;
  }

  /** A shorter history is an older one, of a lane whose answer came late: it does not replace a longer one. */
  set(entityId: string, history: History<State, Event>): void {
    const present = this.#entries.get(entityId);
    if (present !== undefined && present.events.length > history.events.length) return;
    this.delete(entityId);
    if (history.events.length > this.#maxEvents) return;
    this.#entries.set(entityId, history);
    this.#events += history.events.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#events <= this.#maxEvents) break;
      this.delete(oldest);
    }
  }

  delete(entityId: string): void {
    const history = this.#entries.get(entityId);
    if (history === undefined) return;
    this.#entries.delete(entityId);
    this.#events -= history.events.length;
  }

  /** Forgets everything: for when the store may have gone back in time. */
  clear(): void {
    this.#entries.clear();
    this.#events = 0;
  }
}
