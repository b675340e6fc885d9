import type { SequenceKey } from '../core/sequence.ts';
import type { JournaledEvent } from './journal.ts';

/**
 * Keeps two caches of the journal for entities with long journals: an index of their events, and rungs, which are
 * states of their fold at some of their events. All rungs of an entity are its ladder. Both caches may be emptied at
 * any time, and `index` makes the index again.
 *
 * The index of an entity holds every event up to one version. A commit that builds on this version, and whose change
 * has `long`, moves index and ladder on in its own transaction. Any other commit leaves them behind.
 */
export interface LongJournals {
  /** Looks up what the indexes of these entities know of these event ids. An entity without an index is left out. */
  lookUp(requests: readonly LongLookup[]): Promise<Map<string, LongJournal>>;

  /**
   * Brings the entity's index up to the end of its journal, in several transactions with a limited number of events
   * each. Removes every rung at or behind an event that the index did not have, and the whole ladder if it has another
   * fold version. May remove other rungs too, if the index lacked events. Resolves with null if the signal aborts between
   * two transactions; a later call goes on from there.
   */
  index(entityId: string, foldVersion: number, signal: AbortSignal): Promise<LongJournal | null>;

  /**
   * Reads at most `limit` events behind `after`, up to and including `through`, in canonical sequence. Gives fewer if
   * their bodies are large. `after` null begins with the first event, `through` null ends with the last one. The entity
   * must have an index. Events that the index lacks may be left out.
   */
  readRange(range: JournalRange): Promise<JournalPage>;

  /**
   * The last rung before `before`, or the last of all rungs if `before` is null. Resolves with null if there is none.
   */
  rungBefore(entityId: string, before: SequenceKey | null): Promise<StoredRung | null>;
  /** At most `limit` rungs behind `after`, in canonical sequence. */
  rungsBehind(entityId: string, after: SequenceKey | null, limit: number): Promise<StoredRung[]>;
  /**
   * Adds rungs if the index goes exactly up to `version` and the ladder has `foldVersion`. Resolves with whether it
   * did.
   */
  addRungs(addition: RungsAddition): Promise<boolean>;
}

export interface LongLookup {
  readonly entityId: string;
  readonly eventIds: readonly string[];
}

export interface LongJournal {
  /** The version up to which the index holds every event of the entity. */
  readonly version: number;
  /**
   * The fold version of the ladder; null if the journal lacks versions in the middle, so that the entity cannot be
   * folded.
   */
  readonly foldVersion: number | null;
  /**
   * The keys of the indexed events that have one of the requested ids, in any sequence. If the journal has grown since, it
   * may have keys of later events too.
   */
  readonly known: readonly SequenceKey[];
}

export interface JournalRange {
  readonly entityId: string;
  readonly after: SequenceKey | null;
  readonly through: SequenceKey | null;
  readonly limit: number;
}

export interface JournalPage {
  /** At least one event, unless the range has none left. */
  readonly events: readonly JournaledEvent[];
  /** Whether the range has no more events. */
  readonly isEnd: boolean;
}

/** A state of the fold as bytes that only their writer understands. */
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
  /** The fold version of the ladder that the change builds on. */
  readonly foldVersion: number | null;
  /** The store removes all rungs at or behind this key; null removes none. */
  readonly dropFrom: SequenceKey | null;
  /** The rungs that the store adds after that. A rung replaces the one with the same key. */
  readonly rungs: readonly StoredRung[];
}
