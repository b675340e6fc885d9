import type { JournaledEvent } from './journal.ts';
import type { DeliveryStatus } from './ledger.ts';
import type { StoredRow } from './store.ts';

/** Reads everything that the store says of entities, to compare it, and puts right what a person altered. */
export interface Verification {
  /**
   * A page of the ids of all entities that the journal, the view or the ledger of a configured target has, sorted by
   * their bytes, beginning behind `after`; null begins at the start. Reads along indexes.
   */
  listEntities(page: { readonly after: string | null; readonly limit: number }): Promise<string[]>;
  /**
   * Reads these entities, in the sequence given. All that it gives of one entity is of one moment, whatever ingest and
   * deliveries do meanwhile, and it takes no locks. Leaves out journals with more than `maxEvents` events. May give only
   * the first entities (at least one) if the journals are large; the caller asks again for the rest.
   */
  readEntities(entityIds: readonly string[], maxEvents: number): Promise<EntityRecord[]>;
  /**
   * Reads the journals of these entities in the sequence in which their events were journaled, so that the first N
   * events are the entity at version N. Leaves out entities of which the store does not know the sequence.
   */
  readAsArrived(entityIds: readonly string[]): Promise<Map<string, JournaledEvent[]>>;
  /**
   * Writes entries of the ledger, each if the entity has the version and the entry the mark that `mend` names. Resolves
   * with the number of entries that were written.
   */
  mendLedger(mends: readonly LedgerMend[]): Promise<number>;
  /** Removes rows of the view whose entities have no event in the journal. Resolves with their number. */
  removeUnjournaledRows(entityIds: readonly string[]): Promise<number>;
}

/** What the store says of one entity at one moment. */
export interface EntityRecord {
  readonly entityId: string;
  /** The last version in the journal; 0 if the journal has no event of the entity. */
  readonly version: number;
  /** In canonical sequence; null if there are more events than the caller wanted. */
  readonly journal: readonly JournaledEvent[] | null;
  /** Values that do not fit their columns are given as they are, so that they differ from every right value. */
  readonly row: StoredRow | null;
  readonly isParked: boolean;
  /** One entry for each configured target. */
  readonly ledger: readonly LedgerRecord[];
}

/** What the ledger says of one entity and target. */
export interface LedgerRecord {
  readonly target: string;
  /** Null if the target was never owed the entity. */
  readonly entry: LedgerEntry | null;
  /**
   * The highest version of which the ledger has an accepted attempt; null if there is none. A store that finds attempts
   * by their entry has none to give where the entry is missing.
   */
  readonly acceptedVersion: number | null;
}

export interface LedgerEntry {
  readonly status: DeliveryStatus;
  readonly dueVersion: number;
  readonly deliveredVersion: number | null;
  readonly place: LedgerPlace;
  readonly isClaimed: boolean;
  /** Whether an attempt at the due version failed; null if the entry is not dead, where nobody needs to know. */
  readonly hasFailed: boolean | null;
  /** Changes whenever the entry changes. Only the store understands it. */
  readonly mark: string;
}

/**
 * Where an entry stands in the index of due deliveries.
 *
 * - `due`: among the first attempts, or among the retries, not more than a week ahead.
 * - `dead`: where dead deliveries are found.
 * - `none`: nowhere, since nothing is to do.
 * - `lost`: where nobody looks.
 */
export type LedgerPlace = 'due' | 'dead' | 'none' | 'lost';

/** A retry that is further ahead than this was not made by the program, whose longest wait is a day. */
export const RETRY_AHEAD_MAX_MS = 7 * 24 * 60 * 60_000;

export interface LedgerMend {
  readonly target: string;
  readonly entityId: string;
  /** The version of the entity in the view. */
  readonly version: number;
  /** The mark of the entry that is replaced; null if there was none. */
  readonly mark: string | null;
  readonly becomes: LedgerState;
}

export interface LedgerState {
  /** `pending`: due at once, with no attempts unless a claim of the same version is under way. */
  readonly status: DeliveryStatus;
  readonly dueVersion: number;
  readonly deliveredVersion: number | null;
}
