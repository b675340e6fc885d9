import type { SequenceKey } from '../core/sequence.ts';
import type { TraceContext } from '../core/trace-context.ts';

/** Reads the journal, which keeps every event of every entity for ever. */
export interface Journal {
  /**
   * Reads the journals of these entities, each in canonical sequence; an entity without events is left out. For an
   * entity with more than `maxEvents` events it gives more than `maxEvents` of them, and not all.
   */
  readonly readJournals: ReadJournals;
  /** A page of the entities that have events, sorted by the bytes of their ids, beginning behind `after`. */
  listJournaled(page: { readonly after: string | null; readonly limit: number }): Promise<JournaledEntity[]>;
  /**
   * Reads at most `limit` events of one entity behind the version `after`, sorted by version. Gives fewer if their
   * bodies are large, and none only if there is none behind `after`.
   *
   * The events that one transaction added have consecutive versions, in canonical sequence. So the events up to a
   * version are exactly those that the store had at that version, if a transaction ended with it. That is true of every
   * version that the view ever had, and so of every version that was ever delivered.
   *
   * Events of a store that kept no versions come first, sorted by the time at which they were decoded, then by topic,
   * partition and offset. Their versions are their places in that list.
   */
  readArrivals(range: ArrivalsRange): Promise<Arrivals>;
  /**
   * Looks for an event of one entity by its id, among the events behind a version. If nothing is found, the next search
   * may begin behind `lastVersion`, and then costs nothing while the entity has no new event. For an entity with more than
   * 1,024 events it uses their index, if there is one.
   */
  findEvent(search: EventSearch): Promise<EventFound>;
  /**
   * The times at which the events with the last versions of these entities were decoded, in milliseconds. An entity
   * without events is left out.
   */
  readLastArrivals(entityIds: readonly string[]): Promise<Map<string, number>>;
}

export interface ArrivalsRange {
  readonly entityId: string;
  /** A version; 0 begins with the first event. */
  readonly after: number;
  readonly limit: number;
}

export interface EventSearch {
  readonly entityId: string;
  readonly eventId: string;
  /** A version; 0 searches all events. */
  readonly after: number;
}

export interface EventFound {
  /**
   * The version that the entity had with the event. If events of other content have the same id, it is the last of their
   * versions. Null if there is none behind the version that was given.
   */
  readonly version: number | null;
  /** The entity's version before the search; 0 if it has no event. */
  readonly lastVersion: number;
}

export interface Arrivals {
  readonly events: readonly ArrivedEvent[];
  /** The entity's version in the journal; 0 if it has no event. */
  readonly lastVersion: number;
}

/** An event with the version that its entity had with it. */
export interface ArrivedEvent extends JournaledEvent {
  readonly version: number;
}

export type ReadJournals = (
  entityIds: readonly string[],
  maxEvents?: number,
) => Promise<Map<string, JournaledEvent[]>>;

/** An event as the journal keeps it for ever. */
export interface JournaledEvent extends SequenceKey {
  readonly entityId: string;
  readonly eventType: string;
  readonly revision: number | null;
  /** When this process decoded the event, in milliseconds. */
  readonly observedAtMs: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** The body as it was received: well-formed UTF-8 and valid JSON. */
  readonly data: string;
  /** The trace that the producer sent along. It is no part of the event's identity. */
  readonly trace?: TraceContext | undefined;
}

export interface JournaledEntity {
  readonly entityId: string;
  /** The last version in the journal, at most 10,001 in a store that counts events to find it. */
  readonly version: number;
}
