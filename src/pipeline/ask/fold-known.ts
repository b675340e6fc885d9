import type { Domain, ViewRow } from '../../core/domain.ts';
import { evolveAt } from '../../core/long-history.ts';
import { compareSequence } from '../../core/sequence.ts';
import { foldFault, RowFault, rowFault, type Unfoldable } from '../ingest/unfoldable.ts';
import type { KnownEvent } from './known-events.ts';

/** The fold of some events of an entity. */
export interface FoldedRow<Event> {
  readonly row: ViewRow;
  readonly isReady: boolean;
  /**
   * For each column the last event, in canonical sequence, that changed its value; null for a column that no event has
   * changed.
   */
  readonly deciders: readonly (KnownEvent<Event> | null)[];
  /** The columns that each event changed, by the event's version. An event that changed none is left out. */
  readonly changes: ReadonlyMap<number, readonly string[]>;
}

/** Folds the events in canonical sequence, and notes which event changed which column. Or says why that is impossible. */
export function foldKnown<State, Event>(
  domain: Domain<State, Event>,
  events: readonly KnownEvent<Event>[],
): FoldedRow<Event> | Unfoldable {
  const sequenced = [...events].sort(compareSequence).map((known) => ({
    known,
    // The caller has looked for events that the domain does not understand.
    sequenced: { ...known, event: known.understood?.event as Event },
  }));
  try {
    let state = domain.initialState;
    let row = domain.view.row(state);
    const deciders: (KnownEvent<Event> | null)[] = domain.view.columns.map(() => null);
    const changes = new Map<number, readonly string[]>();
    for (const { known, sequenced: event } of sequenced) {
      state = evolveAt(domain, state, event);
      const next = domain.view.row(state);
      const changed = domain.view.columns.filter((_, index) => next[index] !== row[index]);
      domain.view.columns.forEach((_, index) => {
        if (next[index] !== row[index]) deciders[index] = known;
      });
      if (changed.length > 0)
        changes.set(
          known.version,
          changed.map(({ name }) => name),
        );
      row = next;
    }
    const misfit = rowFault(domain.view, row);
    if (misfit !== null) throw new RowFault(misfit);
    return { row, isReady: domain.view.isReady(state), deciders, changes };
  } catch (error) {
    return foldFault(
      domain,
      error,
      sequenced.map((each) => each.sequenced),
    );
  }
}
