import type { SequenceKey } from '../core/sequence.ts';

/** Every event of every entity, for ever. */
export interface Journal {
  /**
   * The journals of these entities, each in canonical sequence; an entity without events is left out. Of an entity with
   * more than `maxEvents` events, more than `maxEvents` are given, but not all.
   */
  readonly readJournals: ReadJournals;
  /** A page of the entities in the journal, by the bytes of their ids, beginning behind `after`. */
  listJournaled(page: { readonly after: string | null; readonly limit: number }): Promise<JournaledEntity[]>;
}

export type ReadJournals = (
  entityIds: readonly string[],
  maxEvents?: number,
) => Promise<Map<string, JournaledEvent[]>>;

/** An event as the journal keeps it, for ever. */
export interface JournaledEvent extends SequenceKey {
  readonly entityId: string;
  readonly eventType: string;
  readonly revision: number | null;
  /** When this process saw it, in milliseconds. */
  readonly observedAtMs: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** The body as received: well-formed UTF-8, valid JSON. */
  readonly data: string;
}

export interface JournaledEntity {
  readonly entityId: string;
  /** The last version in the journal. A store that counts events to know it stops at 10,001. */
  readonly version: number;
}
