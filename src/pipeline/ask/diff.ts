import type { ViewValue } from '../../core/domain.ts';
import { type KnownEvent, readKnown } from './known-events.ts';
import type { Moment } from './moment.ts';
import type { AskParts } from './parts.ts';
import { type FoundState, type StateAt, stateOf } from './state-at.ts';

/** What differs between two moments of an entity. If one of the two has no state, `kind` says why. */
export type StateDiff<Event> =
  | Exclude<StateAt<Event>, FoundState<Event>>
  | {
      readonly kind: 'diff';
      readonly from: FoundState<Event>;
      readonly to: FoundState<Event>;
      readonly columns: readonly ColumnDiff<Event>[];
      /** The events that count only at the second moment, by version. */
      readonly added: readonly KnownEvent<Event>[];
      /** The events that count only at the first moment, by version. */
      readonly removed: readonly KnownEvent<Event>[];
    };

export interface ColumnDiff<Event> {
  readonly column: string;
  readonly from: ViewValue;
  readonly to: ViewValue;
  /** The event that decided the value at the second moment; null if none has. */
  readonly decidedBy: KnownEvent<Event> | null;
}

export async function diffOf<State, Event>(
  parts: AskParts<State, Event>,
  entityId: string,
  from: Moment,
  to: Moment,
): Promise<StateDiff<Event>> {
  const known = await readKnown(parts, entityId);
  const first = stateOf(parts, known, from);
  const second = stateOf(parts, known, to);
  if (first.kind !== 'state') return first;
  if (second.kind !== 'state') return second;
  const columns = parts.domain.view.columns.flatMap(({ name }, index) => {
    const [before = null, after = null] = [first.row[index], second.row[index]];
    if (before === after) return [];
    return [{ column: name, from: before, to: after, decidedBy: second.deciders[index] ?? null }];
  });
  const versions = (events: readonly KnownEvent<Event>[]) => new Set(events.map(({ version }) => version));
  const [early, late] = [versions(first.events), versions(second.events)];
  return {
    kind: 'diff',
    from: first,
    to: second,
    columns,
    added: second.events.filter(({ version }) => !early.has(version)),
    removed: first.events.filter(({ version }) => !late.has(version)),
  };
}
