import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../core/errors.ts';
import { emptyHistory, merge } from '../core/fold.ts';
import { arrivalOf, type Dice } from './arrivals.ts';
import { copied, frozen } from './frozen.ts';
import type { Finding } from './mistakes.ts';
import { inSequence, type Sample, type Shown, type Subject } from './subject.ts';
import { type Asked, watched } from './watched.ts';

/** Looks at the events of one entity, and says what is wrong with the domain; null if nothing is. */
export type Law = (subject: Subject, samples: readonly Sample[]) => Finding | null;

/** Nothing in the fold asks the machine for the time or for random numbers. */
export const asksNobody: Law = (subject, samples) => {
  const { domain } = subject;
  const found = (place: string, work: () => void): Finding | null => {
    const asked = askedBy(work);
    if (asked === null) return null;
    return asked === 'clock'
      ? { mistake: 'clock_in_fold', what: `${place} asks the clock of the machine.` }
      : { mistake: 'randomness', what: `${place} asks for random numbers.` };
  };
  let state = copied(domain.initialState);
  for (const { body, event } of inSequence(samples)) {
    const type = event.eventType;
    const finding =
      found(`toEvent, stage or cautionRank of ${type}`, () => subject.decode(body)) ??
      found(`evolve of ${type}`, () => {
        state = domain.evolve(state, event.event);
      });
    if (finding !== null) return finding;
  }
  return found('The view', () => {
    const { row } = subject.shown(state);
    domain.view.whyNotReady?.(row);
  });
};

function askedBy(work: () => void): Asked | null {
  return watched(() => {
    try {
      work();
    } catch {
      // Another law reports what throws.
    }
  });
}

/** The fold takes every event in every state that it can be in, and changes neither. */
export const foldsWithoutChanging: Law = ({ domain }, samples) => {
  let state = copied(domain.initialState);
  for (const { event } of inSequence(samples)) {
    const given = copied(state);
    const told = copied(event.event);
    const type = event.eventType;
    try {
      const next = domain.evolve(frozen(copied(state)), frozen(copied(told)));
      // A Map or a Set cannot be frozen, so they are compared.
      domain.evolve(state, event.event);
      if (!isDeepStrictEqual(state, given)) return mutated(type, 'state');
      if (!isDeepStrictEqual(event.event, told)) return mutated(type, 'event');
      state = next;
    } catch (error) {
      try {
        state = domain.evolve(copied(given), copied(told));
      } catch {
        return { mistake: 'evolve_throws', what: `evolve throws at ${type}: ${messageOf(error)}.` };
      }
      return mutated(type, 'state or the event');
    }
  }
  return null;
};

function mutated(type: string, what: string): Finding {
  return { mistake: 'state_mutated', what: `evolve changes the ${what} that it gets, at ${type}.` };
}

export interface ArrivalTrials {
  /** The domain, or a new one if the caller can make it. */
  readonly fresh: () => Subject;
  readonly dice: Dice;
  readonly runs: number;
  /** What the events of an entity showed when the domain met them for the first time. */
  readonly first: ReadonlyMap<readonly Sample[], Shown>;
}

/** However the events arrive, late, twice or in pieces, the engine's fold shows the same. */
export function sameForEveryArrival({ fresh, dice, runs, first }: ArrivalTrials): Law {
  // Every run has an entity of its own: what a domain remembers about an entity must not be known from the run before.
  let entities = 0;
  const nextId = () => `entity-${String(++entities).padStart(6, '0')}`;
  return (subject, samples) => {
    const expected = first.get(samples) ?? shownOnce(subject, samples, nextId());
    for (let run = 0; run < runs; run++) {
      const under = fresh();
      const id = nextId();
      const pieces = arrivalOf(under.renamed(samples, id), dice);
      let history = emptyHistory(under.folding);
      for (const piece of pieces)
        history = merge(
          under.folding,
          history,
          piece.map(({ event }) => event),
        ).history;
      const arrived = withoutId(under.shown(history.state), id);
      const again = shownOnce(under, samples, id);
      for (const other of [arrived, again]) {
        if (!isDeepStrictEqual(other, expected))
          return {
            mistake: 'state_outside',
            what:
              `The same events gave ${textOf(expected)}, and ${textOf(other)} when they arrived in another sequence or ` +
              'were folded again. So the result depends on something that is neither in the state nor in the event.',
          };
      }
    }
    return null;
  };
}

/** What the events show when they are folded once, under this id. */
export function shownOnce(subject: Subject, samples: readonly Sample[], id: string): Shown {
  return withoutId(subject.shown(subject.stateOf(subject.renamed(samples, id))), id);
}

/** A row may show the id of its entity, which differs from run to run. */
function withoutId({ row, isReady }: Shown, id: string): Shown {
  return {
    row: row.map((value) => (typeof value === 'string' ? value.replaceAll(id, 'entity') : value)),
    isReady,
  };
}

function textOf({ row, isReady }: Shown): string {
  return `the row ${JSON.stringify(row)} (${isReady ? 'ready' : 'not ready'})`;
}

/** The samples are in the sequence in which they happened, so no stage leads back. */
export const stagesRise: Law = (_, samples) => {
  for (const [index, { event }] of samples.entries()) {
    const before = samples[index - 1]?.event;
    if (before === undefined || before.position <= event.position) continue;
    return {
      mistake: 'stage_backwards',
      what:
        `${event.eventType} is at stage ${event.position}, and ${before.eventType}, which happened before it, at ` +
        `${before.position}. So the engine folds them the wrong way round.`,
    };
  }
  return null;
};
