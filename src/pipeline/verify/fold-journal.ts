import type { Domain, ViewRow } from '../../core/domain.ts';
import { historyOf } from '../../core/fold.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import type { Decoder } from '../decode/decoder.ts';
import {
  foldFault,
  journalFault,
  RowFault,
  restoreAll,
  rowFault,
  type Unfoldable,
} from '../ingest/unfoldable.ts';

/** What the view should have of an entity. */
export interface Folded {
  readonly row: ViewRow;
  readonly isReady: boolean;
}

/** Folds a whole journal into the view's row, or says why that is not possible. */
export function foldJournal<State, Event>(
  domain: Domain<State, Event>,
  decoder: Decoder<Event>,
  journal: readonly JournaledEvent[],
  version: number | undefined,
): Folded | Unfoldable {
  const fault = journalFault(journal, version);
  if (fault !== null) return fault;
  const restored = restoreAll(decoder, journal);
  if ('reason' in restored) return restored;
  try {
    return foldedRow(domain, historyOf(domain, restored.events).state);
  } catch (error) {
    return foldFault(domain, error, restored.events);
  }
}

/** The view's row of a state. Throws a `RowFault` if the row does not fit the view's columns. */
export function foldedRow<State, Event>(domain: Domain<State, Event>, state: State): Folded {
  const row = domain.view.row(state);
  const misfit = rowFault(domain.view, row);
  if (misfit !== null) throw new RowFault(misfit);
  return { row, isReady: domain.view.isReady(state) };
}
