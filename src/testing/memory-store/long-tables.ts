import { compareSequence, type SequenceKey } from '../../core/sequence.ts';
import type { StoredRung } from '../../ports/long-journals.ts';

/** The fold version of an index whose journal lacks versions in the middle. */
export const NOT_WHOLE = -1;

/** The version up to which an entity is indexed, and the fold version of its ladder. */
export interface Extent {
  readonly version: number;
  readonly foldVersion: number;
}

/** An event in the index of its entity. */
export interface IndexedEvent {
  readonly key: SequenceKey;
  readonly version: number;
}

/** The index and the ladder of one entity. */
export class LongEntity {
  /** Null if the index is not there, whatever else is. */
  extent: Extent | null;
  /** In canonical sequence. */
  readonly events: IndexedEvent[];
  /** In canonical sequence. */
  readonly rungs: StoredRung[];
  #byId: Map<string, IndexedEvent[]> | null = null;

  constructor(extent: Extent | null = null, events: IndexedEvent[] = [], rungs: StoredRung[] = []) {
    this.extent = extent;
    this.events = events;
    this.rungs = rungs;
  }

  addEvents(added: readonly IndexedEvent[]): void {
    const { events } = this;
    for (const one of added) {
      const place = placeOf(events, one.key, keyOfEvent);
      const isKnown =
        place < events.length && compareSequence((events[place] as IndexedEvent).key, one.key) === 0;
      events.splice(place, Number(isKnown), one);
      if (isKnown) this.#byId = null;
      else if (this.#byId !== null) addById(this.#byId, one);
    }
  }

  clearEvents(): void {
    this.events.length = 0;
    this.#byId = null;
  }

  eventsWithId(eventId: string): readonly IndexedEvent[] {
    if (this.#byId === null) {
      this.#byId = new Map();
      for (const event of this.events) addById(this.#byId, event);
    }
    return this.#byId.get(eventId) ?? [];
  }

  /** The index of the first event behind `after`; null begins with the first one. */
  indexBehind(after: SequenceKey | null): number {
    if (after === null) return 0;
    const place = placeOf(this.events, after, keyOfEvent);
    const found = this.events[place];
    return found !== undefined && compareSequence(found.key, after) === 0 ? place + 1 : place;
  }

  /** The index of the first rung at or behind the key. */
  rungIndexOf(key: SequenceKey): number {
    return placeOf(this.rungs, key, keyOfRung);
  }

  /** Removes the rungs at or behind `from`; null removes all. */
  dropRungs(from: SequenceKey | null): void {
    this.rungs.length = from === null ? 0 : this.rungIndexOf(from);
  }

  /** Adds rungs. A rung replaces the one with the same key. */
  putRungs(rungs: readonly StoredRung[]): void {
    for (const { last, state } of rungs) {
      const place = this.rungIndexOf(last);
      const found = this.rungs[place];
      const isKnown = found !== undefined && compareSequence(found.last, last) === 0;
      this.rungs.splice(place, Number(isKnown), { last: keyOf(last), state: Uint8Array.from(state) });
    }
  }

  clone(): LongEntity {
    return new LongEntity(this.extent, [...this.events], [...this.rungs]);
  }
}

function addById(byId: Map<string, IndexedEvent[]>, event: IndexedEvent): void {
  const known = byId.get(event.key.eventId);
  if (known === undefined) byId.set(event.key.eventId, [event]);
  else known.push(event);
}

function keyOfEvent({ key }: IndexedEvent): SequenceKey {
  return key;
}

function keyOfRung({ last }: StoredRung): SequenceKey {
  return last;
}

/** The index of the first item that does not come before the key. New events mostly belong at the end. */
function placeOf<Item>(
  items: readonly Item[],
  key: SequenceKey,
  keyOfItem: (item: Item) => SequenceKey,
): number {
  const last = items[items.length - 1];
  if (last === undefined || compareSequence(keyOfItem(last), key) < 0) return items.length;
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareSequence(keyOfItem(items[middle] as Item), key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The key alone, as a store gives it. */
export function keyOf({
  position,
  occurredAtMs,
  cautionRank,
  eventId,
  contentHash,
}: SequenceKey): SequenceKey {
  return { position, occurredAtMs, cautionRank, eventId, contentHash };
}
