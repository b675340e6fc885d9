import type { SequenceKey } from '../core/sequence.ts';
import type { JournaledEvent } from './journal.ts';

/**
 * What a store keeps of entities with long journals, besides the journal: an index of their events, and states of their
 * fold (rungs; all of an entity's are its ladder). Both are caches of the journal. They may be emptied at any time,
 * and `index` makes the index again.
 *
 * An index is whole up to a version of the entity. A commit that builds on just that version, and whose change says
 * `long`, moves the index and the ladder on, in its own transaction; any other commit leaves them behind.
 */
export interface LongJournals {
  /** What the index knows of these entities, and of these event ids; an entity that is not indexed is left out. */
  lookUp(requests: readonly LongLookup[]): Promise<Map<string, LongJournal>>;

  /**
   * Brings the entity's index up to the end of its journal, in transactions of its own with a limited number of events
   * each. Every rung at or behind an event that the index did not have is removed. If the ladder is of another fold
   * version, it is removed. A call that was interrupted leaves nothing that a later one has to repair. Ends with null
   * between two transactions when the signal aborts.
   */
  index(entityId: string, foldVersion: number, signal: AbortSignal): Promise<LongJournal | null>;

  /**
   * The events behind `after` (null: from the first one) up to and with `through` (null: to the last one), in canonical
   * sequence: at most `limit` of them, and fewer if their bodies are large. Works only for an entity that is indexed.
   */
  readRange(range: JournalRange): Promise<JournalPage>;

  /** The last rung before `before`; null: the last one of all. Null if there is none. */
  rungBefore(entityId: string, before: SequenceKey | null): Promise<StoredRung | null>;
  /** The rungs behind `after`, in canonical sequence, at most `limit` of them. */
  rungsBehind(entityId: string, after: SequenceKey | null, limit: number): Promise<StoredRung[]>;
  /** Adds rungs if the index is whole up to `version` and its ladder is of `foldVersion`. Answers whether it was. */
  addRungs(addition: RungsAddition): Promise<boolean>;
}

export interface LongLookup {
  readonly entityId: string;
  readonly eventIds: readonly string[];
}

export interface LongJournal {
  /** The version up to which every event of the entity is in the index. */
  readonly version: number;
  /** Of the ladder; null if versions are missing in the middle of the journal, so that it can't be folded. */
  readonly foldVersion: number | null;
  /** The keys of the events with one of the ids that were asked for. */
  readonly known: readonly SequenceKey[];
}

export interface JournalRange {
  readonly entityId: string;
  readonly after: SequenceKey | null;
  readonly through: SequenceKey | null;
  readonly limit: number;
}

export interface JournalPage {
  /** At least one, unless the range is at its end. */
  readonly events: readonly JournaledEvent[];
  /** Whether the range has no more events. */
  readonly isEnd: boolean;
}

/** A state of the fold as bytes, which only the writer understands. */
export interface StoredRung {
  /** The key of the last event in the fold. */
  readonly last: SequenceKey;
  readonly state: Uint8Array;
}

export interface RungsAddition {
  readonly entityId: string;
  readonly version: number;
  readonly foldVersion: number;
  readonly rungs: readonly StoredRung[];
}

/** What a change of a long entity does to its ladder. */
export interface LongChange {
  /** Of the ladder that the change builds on. */
  readonly foldVersion: number | null;
  /** Rungs at or behind this key are removed; null: none. */
  readonly dropFrom: SequenceKey | null;
  /** Added after that; one with the key of a rung that is there takes its place. */
  readonly rungs: readonly StoredRung[];
}
