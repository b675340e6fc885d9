import type { JsonValue, ViewColumn, ViewRow } from '../../core/domain.ts';
import { shownJson } from '../../core/view-values.ts';
import type { Unfoldable } from '../ingest/unfoldable.ts';
import { type Readiness, readinessOf, readinessSentence } from './explain/readiness.ts';
import { type FoldedRow, foldKnown } from './fold-known.ts';
import { type KnownEvent, type KnownEvents, readKnown } from './known-events.ts';
import { countsAt, type Moment } from './moment.ts';
import type { AskParts } from './parts.ts';

/**
 * The state of an entity at a moment.
 *
 * - `unknown`: the journal has no event of the entity.
 * - `no_such_version`: the entity has not reached this version.
 * - `too_long`: the entity has more events than are folded for one answer.
 * - `unfoldable`: the domain cannot fold the events that count.
 */
export type StateAt<Event> =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'no_such_version'; readonly lastVersion: number }
  | { readonly kind: 'too_long'; readonly lastVersion: number; readonly maxEvents: number }
  | ({ readonly kind: 'unfoldable' } & Unfoldable)
  | FoundState<Event>;

export interface FoundState<Event> extends FoldedRow<Event>, Readiness<Event> {
  readonly kind: 'state';
  /** The events that count, sorted by version. If there are none, the row is that of an entity without events. */
  readonly events: readonly KnownEvent<Event>[];
  readonly lastVersion: number;
}

export async function stateAt<State, Event>(
  parts: AskParts<State, Event>,
  entityId: string,
  moment: Moment,
): Promise<StateAt<Event>> {
  return stateOf(parts, await readKnown(parts, entityId), moment);
}

/** The same for events that were read before. */
export function stateOf<State, Event>(
  { domain, maxEvents }: Pick<AskParts<State, Event>, 'domain' | 'maxEvents'>,
  { events, lastVersion, areAll, fault }: KnownEvents<Event>,
  moment: Moment,
): StateAt<Event> {
  if (lastVersion === 0) return { kind: 'unknown' };
  if (moment.kind === 'version' && moment.version > lastVersion)
    return { kind: 'no_such_version', lastVersion };
  if (!areAll) return { kind: 'too_long', lastVersion, maxEvents };
  const counting = events.filter((event) => countsAt(moment, event));
  if (fault !== null && counting.some(({ understood }) => understood === null))
    return { kind: 'unfoldable', ...fault };
  const folded = foldKnown(domain, counting);
  if ('reason' in folded) return { kind: 'unfoldable', ...folded };
  const { row, isReady, deciders } = folded;
  const readiness = readinessOf(domain.view, {
    row: counting.length === 0 ? null : row,
    isReady,
    deciders,
    events: counting,
  });
  return { kind: 'state', ...folded, ...readiness, events: counting, lastVersion };
}

/** Says whether the entity was ready at the moment, and why not. */
export function stateSentence(state: FoundState<unknown>, nowMs: number): string {
  if (state.events.length === 0) return 'Not ready: none of its events counts.';
  return readinessSentence(state, nowMs);
}

/** The values of a row by the names of its columns, as JSON shows them. */
export function byColumn(columns: readonly ViewColumn[], row: ViewRow): Record<string, JsonValue> {
  return Object.fromEntries(
    columns.map((column, index) => [column.name, shownJson(column, row[index] ?? null)]),
  );
}
