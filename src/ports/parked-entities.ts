/**
 * An entity that the program cannot fold. Its events are journaled, its row and its deliveries stand still, and all
 * other entities go on.
 */
export interface ParkedEntity {
  readonly entityId: string;
  /** The kind of trouble. */
  readonly reason: ParkReason;
  /**
   * What is wrong, in one sentence that names the event with its topic, partition and offset, and never its content.
   */
  readonly detail: string;
  readonly parkedAtMs: number;
}

/**
 * Why an entity cannot be folded.
 *
 * - `event_not_understood`: the domain refuses an event of the journal.
 * - `fold_failed`: the domain's `evolve` or `view` throws.
 * - `row_invalid`: the view's row does not fit the view's columns.
 * - `journal_incomplete`: the entity's journal lacks versions in the middle.
 */
export type ParkReason = 'event_not_understood' | 'fold_failed' | 'row_invalid' | 'journal_incomplete';

export interface ParkedEntities {
  /** A page of the parked entities, sorted by the bytes of their ids, beginning behind `after`. */
  listParked(page: { readonly after: string | null; readonly limit: number }): Promise<ParkedEntity[]>;
  /** Resolves with null if the entity is not parked. */
  readParked(entityId: string): Promise<ParkedEntity | null>;
}
