import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  emptyHistory,
  type Folding,
  historyOf,
  merge,
  type Sequenced,
  sequencedOnly,
  versionOf,
} from '../../src/core/fold.ts';
import { compareSequence } from '../../src/core/sequence.ts';

/** Does not commute, and forgets nothing: the state spells the sequence in which the events were folded. */
const spelling: Folding<string, string> = {
  initialState: '',
  evolve: (state, event) => `${state}(${event})`,
};

const at = (occurredAtMs: number): Sequenced<string> => ({
  position: 1,
  occurredAtMs,
  cautionRank: 0,
  eventId: String(occurredAtMs),
  contentHash: '',
  event: String(occurredAtMs),
});

/** Few values for each field, so that equal positions, times, ids and contents are frequent. */
const arbitraryEvent = fc
  .record({
    position: fc.integer({ min: 1, max: 3 }),
    occurredAtMs: fc.integer({ min: 0, max: 2 }),
    cautionRank: fc.integer({ min: 0, max: 1 }),
    eventId: fc.constantFrom('a', 'b', '\u{ffff}', '\u{10000}'),
    salt: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ salt, ...key }): Sequenced<string> => {
    // As with real events, the same id with the same content is the same in every field.
    const contentHash = `${key.position}${key.occurredAtMs}${key.cautionRank}${salt}`;
    return { ...key, contentHash, event: `${key.eventId}/${contentHash}` };
  });

const shuffled = <Value>(values: readonly Value[]) =>
  fc.shuffledSubarray([...values], { minLength: values.length, maxLength: values.length });

/** Events, and the same ones in another sequence, some of them several times, cut into batches. */
const deliveries = (maxLength: number) =>
  fc.array(arbitraryEvent, { maxLength, size: 'max' }).chain((events) =>
    fc.tuple(
      fc.constant(events),
      fc
        .tuple(shuffled(events), fc.subarray(events))
        .chain(([all, again]) => shuffled([...all, ...again, ...again])),
      fc.array(fc.nat({ max: 120 }), { maxLength: 6 }),
    ),
  );

function inBatches<Value>(values: readonly Value[], cuts: readonly number[]): Value[][] {
  const places = [...new Set([0, ...cuts.filter((cut) => cut < values.length), values.length])].sort(
    (a, b) => a - b,
  );
  return places.slice(1).map((end, index) => values.slice(places[index], end));
}

function mergeAll(batches: readonly Sequenced<string>[][]) {
  let history = emptyHistory(spelling);
  const totals = { accepted: 0, duplicates: 0, conflicts: 0 };
  for (const batch of batches) {
    const merged = merge(spelling, history, batch);
    history = merged.history;
    totals.accepted += merged.accepted.length;
    totals.duplicates += merged.duplicates;
    totals.conflicts += merged.conflicts;
  }
  return { history, ...totals };
}

describe('merge', () => {
  it.each([12, 120])(
    'any sequence, repetition and batching of up to %i events gives one history',
    (maxLength) => {
      fc.assert(
        fc.property(deliveries(maxLength), ([events, arrivals, cuts]) => {
          const expected = historyOf(spelling, events);
          const { history, accepted, duplicates } = mergeAll(inBatches(arrivals, cuts));
          expect(history).toEqual(expected);
          expect(accepted).toBe(expected.events.length);
          expect(accepted + duplicates).toBe(arrivals.length);
        }),
        { numRuns: 300 },
      );
    },
  );

  it('any sequence counts the same number of conflicts, which is all but one content of each id', () => {
    fc.assert(
      fc.property(deliveries(40), ([, arrivals, cuts]) => {
        const { history, conflicts } = mergeAll(inBatches(arrivals, cuts));
        const ids = new Set(history.events.map(({ eventId }) => eventId));
        expect(conflicts).toBe(history.events.length - ids.size);
      }),
    );
  });

  it('the history has each event once, in canonical sequence, and folds them in it', () => {
    fc.assert(
      fc.property(fc.array(arbitraryEvent, { maxLength: 30, size: 'max' }), (events) => {
        const { history } = merge(spelling, emptyHistory(spelling), events);
        for (let index = 1; index < history.events.length; index++) {
          const [before, after] = history.events.slice(index - 1, index + 1) as [
            Sequenced<string>,
            Sequenced<string>,
          ];
          expect(compareSequence(before, after)).toBeLessThan(0);
        }
        expect(history.state).toBe(history.events.map(({ event }) => `(${event})`).join(''));
      }),
    );
  });

  it('a merge leaves the history that it was given unchanged', () => {
    fc.assert(
      fc.property(fc.array(arbitraryEvent), fc.array(arbitraryEvent), (first, second) => {
        const history = historyOf(spelling, first);
        const before = structuredClone(history);
        const given = structuredClone(second);
        merge(spelling, history, second);
        expect(history).toEqual(before);
        expect(second).toEqual(given);
      }),
    );
  });

  it('an event counts as out of order if it stands before one that was known earlier', () => {
    const history = historyOf(spelling, [at(5)]);
    expect(merge(spelling, history, [at(9), at(1), at(3)])).toMatchObject({
      outOfOrder: 2,
      history: { state: '(1)(3)(5)(9)' },
    });
    expect(merge(spelling, history, [at(9), at(7)])).toMatchObject({
      outOfOrder: 0,
      history: { state: '(5)(7)(9)' },
    });
    expect(merge(spelling, history, [at(5)])).toMatchObject({
      accepted: [],
      duplicates: 1,
      outOfOrder: 0,
      history,
    });
  });

  it('folds on from the known state if all new events stand behind, else from the beginning', () => {
    const folded: string[] = [];
    const recording: Folding<string, string> = {
      initialState: '',
      evolve(state, event) {
        folded.push(event);
        return spelling.evolve(state, event);
      },
    };
    const history = historyOf(spelling, [at(2), at(4)]);
    merge(recording, history, [at(6), at(5)]);
    expect(folded.splice(0)).toEqual(['5', '6']);
    merge(recording, history, [at(6), at(3)]);
    expect(folded.splice(0)).toEqual(['2', '3', '4', '6']);
  });

  it('gives back the same history if nothing is new', () => {
    const history = historyOf(spelling, [at(2), at(4)]);
    expect(merge(spelling, history, [at(4), at(2)]).history).toBe(history);
    expect(merge(spelling, history, []).history).toBe(history);
  });
});

describe('versionOf', () => {
  it('counts the events that are in memory and those that are not', () => {
    const history = historyOf(spelling, [at(2), at(4)]);
    expect(versionOf(history)).toBe(2);
    expect(versionOf({ ...history, earlier: { count: 1_030, last: at(1), state: '' } })).toBe(1_032);
  });
});

describe('sequencedOnly', () => {
  it('keeps the key and the event, and drops everything else', () => {
    const key = { position: 3, occurredAtMs: 7, cautionRank: 1, eventId: 'a', contentHash: 'b' };
    const withBody = { ...key, event: 'e', body: Buffer.from('a large body') };
    expect(sequencedOnly(withBody)).toStrictEqual({ ...key, event: 'e' });
  });
});
