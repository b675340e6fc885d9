import type { Folding, History, Sequenced } from './fold.ts';
import { mergeSorted } from './fold.ts';
import { compareSequence, type SequenceKey } from './sequence.ts';

/** The fold of an entity's events up to one of them. All rungs of an entity are its ladder. */
export interface Rung<State> {
  /** The key of the last event in the fold. */
  readonly last: SequenceKey;
  readonly state: State;
}

/** Thrown when the fold throws. It names the event. */
export class FoldError extends Error {
  readonly event: SequenceKey;

  constructor(event: SequenceKey, cause: unknown) {
    super('The fold throws.', { cause });
    this.event = event;
  }
}

/** The state after one more event. Throws FoldError if the domain throws. */
export function evolveAt<State, Event>(
  folding: Folding<State, Event>,
  state: State,
  event: Sequenced<Event>,
): State {
  try {
    return folding.evolve(state, event.event);
  } catch (error) {
    throw new FoldError(event, error);
  }
}

/**
 * Adds new events, sorted, to the events that a long history holds. None of them may stand before an event that is not
 * held. Afterwards the history holds `interval` to 2 * `interval` events, if there are that many. The events that it no
 * longer holds become rungs, one for every `interval` events.
 */
export function extend<State, Event>(
  folding: Folding<State, Event>,
  history: History<State, Event>,
  accepted: readonly Sequenced<Event>[],
  interval: number,
): { readonly history: History<State, Event>; readonly rungs: readonly Rung<State>[] } {
  const known = history.events;
  const earlier = history.earlier ?? { count: 0, last: null, state: folding.initialState };
  const last = known.at(-1);
  const first = accepted[0];
  const isBehindAll = last === undefined || first === undefined || compareSequence(first, last) > 0;
  const events = isBehindAll ? [...known, ...accepted] : mergeSorted(known, accepted);
  let state = isBehindAll ? history.state : earlier.state;
  for (const event of isBehindAll ? accepted : events) state = evolveAt(folding, state, event);

  const rungs: Rung<State>[] = [];
  let { state: stateBefore, last: lastBefore } = earlier;
  let from = 0;
  while (events.length - from > 2 * interval) {
    for (const event of events.slice(from, from + interval)) {
      stateBefore = evolveAt(folding, stateBefore, event);
      lastBefore = event;
    }
    from += interval;
    rungs.push({ last: keyOf(lastBefore as SequenceKey), state: stateBefore });
  }
  return {
    history: {
      events: from === 0 ? events : events.slice(from),
      state,
      earlier: {
        count: earlier.count + from,
        last: lastBefore === null ? null : keyOf(lastBefore),
        state: stateBefore,
      },
    },
    rungs,
  };
}

/** Copies the key alone, so that nothing keeps the event in memory. */
export function keyOf({
  position,
  occurredAtMs,
  cautionRank,
  eventId,
  contentHash,
}: SequenceKey): SequenceKey {
  return { position, occurredAtMs, cautionRank, eventId, contentHash };
}
