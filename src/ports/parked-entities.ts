/**
 * An entity that the program cannot fold: its events are journaled, its row and what is due of it stand still, and
 * all other entities go on.
 */
export interface ParkedEntity {
  readonly entityId: string;
  /** What kind of trouble it is. */
  readonly reason: ParkReason;
  /** What is wrong, in one sentence that names the event, its topic, partition and offset; never its content. */
  readonly detail: string;
  readonly parkedAtMs: number;
}

/**
 * `event_not_understood`: the domain refuses an event that is in the journal. `fold_failed`: the domain's `evolve` or
 * view throws. `row_invalid`: the view's row does not fit the view's columns. `journal_incomplete`: versions are
 * missing in the middle of the entity's journal.
 */
export type ParkReason = 'event_not_understood' | 'fold_failed' | 'row_invalid' | 'journal_incomplete';

export interface ParkedEntities {
  /** A page by the bytes of the ids, beginning behind `after`. */
  listParked(page: { readonly after: string | null; readonly limit: number }): Promise<ParkedEntity[]>;
}
