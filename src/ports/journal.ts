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
  readonly trace?: TraceContext;
}

export interface JournaledEntity {
  readonly entityId: string;
  /** The last version in the journal, at most 10,001 in a store that counts events to find it. */
  readonly version: number;
}
