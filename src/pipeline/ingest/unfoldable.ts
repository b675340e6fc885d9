import type { Domain, View, ViewColumn, ViewRow, ViewValue } from '../../core/domain.ts';
import { messageOf } from '../../core/errors.ts';
import type { Sequenced } from '../../core/fold.ts';
import { FoldError } from '../../core/long-history.ts';
import { compareSequence, type SequenceKey } from '../../core/sequence.ts';
import { valueFault } from '../../core/view-values.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import type { ParkReason } from '../../ports/parked-entities.ts';
import type { DecodedEvent, Decoder } from '../decode/decoder.ts';

/** Why an entity cannot be folded. */
export interface Unfoldable {
  readonly reason: ParkReason;
  readonly detail: string;
}

/** Thrown when an entity turns out to be unfoldable in the middle of other work. */
export class UnfoldableError extends Error {
  readonly unfoldable: Unfoldable;

  constructor(unfoldable: Unfoldable) {
    super(unfoldable.detail);
    this.unfoldable = unfoldable;
  }
}

/** Thrown for a row that does not fit the view's columns. */
export class RowFault extends Error {}

/** Restores what the fold reads of the journal's events, or says why the domain does not understand one of them. */
export function restoreAll<Event>(
  decoder: Decoder<Event>,
  journal: readonly JournaledEvent[],
): { readonly events: DecodedEvent<Event>[] } | Unfoldable {
  const events: DecodedEvent<Event>[] = [];
  for (const event of journal) {
    try {
      events.push(decoder.restore(event));
    } catch (error) {
      return {
        reason: 'event_not_understood',
        detail: `The domain does not understand the ${nameOf(event)}: ${saying(error)}`,
      };
    }
  }
  return { events };
}

/** What is wrong with a journal that was read under a lock; null if nothing is, or if its last version is not known. */
export function journalFault(
  journal: readonly JournaledEvent[],
  lastVersion: number | undefined,
): Unfoldable | null {
  if (lastVersion === undefined || journal.length === lastVersion) return null;
  return {
    reason: 'journal_incomplete',
    detail: `The journal has ${journal.length} events up to version ${lastVersion}: events in between were lost.`,
  };
}

/** Finds the event at which the fold throws, if the fold is what throws. */
export function foldFault<State, Event>(
  domain: Domain<State, Event>,
  error: unknown,
  events: readonly Sequenced<Event>[],
): Unfoldable {
  if (error instanceof RowFault) return { reason: 'row_invalid', detail: error.message };
  if (error instanceof UnfoldableError) return error.unfoldable;
  if (error instanceof FoldError) return thrownAt(error.event, error.cause);
  let state = domain.initialState;
  for (const event of [...events].sort(compareSequence)) {
    try {
      state = domain.evolve(state, event.event);
    } catch (thrown) {
      return thrownAt(event, thrown);
    }
  }
  return { reason: 'fold_failed', detail: `The view of the state throws: ${saying(error)}` };
}

function thrownAt(event: SequenceKey, thrown: unknown): Unfoldable {
  return { reason: 'fold_failed', detail: `The fold throws at the ${nameOf(event)}: ${saying(thrown)}` };
}

/** Why the row does not fit the view's columns, in one sentence; null if it fits. */
export function rowFault(view: Pick<View<never>, 'columns'>, row: ViewRow): string | null {
  if (row.length !== view.columns.length)
    return `The row has ${row.length} values for ${view.columns.length} columns.`;
  for (let index = 0; index < row.length; index++) {
    const column = view.columns[index] as ViewColumn;
    const value = row[index];
    if (value === null) continue;
    const fault = valueFault(column, value as Exclude<ViewValue, null>);
    if (fault !== null) return `The row's ${column.name} is ${fault}.`;
  }
  return null;
}

/** Names the event's id and, if that is known, its place in the log. */
function nameOf(
  event: SequenceKey & Partial<Pick<JournaledEvent, 'topic' | 'partition' | 'offset'>>,
): string {
  const { eventId, topic, partition, offset } = event;
  const id = `event ${JSON.stringify(eventId)}`;
  if (topic === undefined) return id;
  return topic === ''
    ? `${id} (taken over with the table)`
    : `${id} (${topic}/${partition} at offset ${offset})`;
}

/** The message of an error that the domain threw, cut short because it may quote the event. */
function saying(error: unknown): string {
  return messageOf(error).slice(0, 200);
}
