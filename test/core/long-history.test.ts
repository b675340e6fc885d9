import { describe, expect, it } from 'vitest';
import { emptyHistory, type Folding, type History, historyOf, type Sequenced } from '../../src/core/fold.ts';
import { evolveAt, extend, FoldError, keyOf } from '../../src/core/long-history.ts';

/** Spells the sequence in which events were folded, and records each call. */
function spelling(folded: string[] = []): Folding<string, string> {
  return {
    initialState: '',
    evolve(state, event) {
      folded.push(event);
      return `${state}${event}`;
    },
  };
}

const at = (position: number): Sequenced<string> => ({
  position,
  occurredAtMs: 1,
  cautionRank: 2,
  eventId: `e${position}`,
  contentHash: `h${position}`,
  event: `${position};`,
});

const key = (position: number) => {
  const { event: _, ...rest } = at(position);
  return rest;
};

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => at(from + index));
const spelt = (from: number, to: number) =>
  range(from, to)
    .map(({ event }) => event)
    .join('');
const heldBy = ({ events }: History<string, string>) => events.map(({ position }) => position);

describe('extend', () => {
  it('holds twice the interval of events without a rung', () => {
    const { history, rungs } = extend(spelling(), emptyHistory(spelling()), range(1, 8), 4);
    expect(rungs).toEqual([]);
    expect(history).toEqual({
      events: range(1, 8),
      state: spelt(1, 8),
      earlier: { count: 0, last: null, state: '' },
    });
  });

  it('makes a rung of each interval of events that it no longer holds', () => {
    const { history, rungs } = extend(spelling(), emptyHistory(spelling()), range(1, 13), 4);
    expect(rungs).toStrictEqual([
      { last: key(4), state: spelt(1, 4) },
      { last: key(8), state: spelt(1, 8) },
    ]);
    expect(history).toStrictEqual({
      events: range(9, 13),
      state: spelt(1, 13),
      earlier: { count: 8, last: key(8), state: spelt(1, 8) },
    });
  });

  it('goes on from a history that already has earlier events', () => {
    const first = extend(spelling(), emptyHistory(spelling()), range(1, 13), 4).history;
    const none = extend(spelling(), first, [at(14)], 4);
    expect(none.rungs).toEqual([]);
    expect(none.history.earlier).toStrictEqual({ count: 8, last: key(8), state: spelt(1, 8) });
    const more = extend(spelling(), none.history, range(15, 17), 4);
    expect(more.rungs).toStrictEqual([{ last: key(12), state: spelt(1, 12) }]);
    expect(more.history).toStrictEqual({
      events: range(13, 17),
      state: spelt(1, 17),
      earlier: { count: 12, last: key(12), state: spelt(1, 12) },
    });
  });

  it('folds on from the known state if all new events stand behind, else from the earlier events', () => {
    const folded: string[] = [];
    const known = extend(spelling(), emptyHistory(spelling()), [...range(1, 10), at(12)], 4).history;
    expect(heldBy(known)).toEqual([5, 6, 7, 8, 9, 10, 12]);
    const behind = extend(spelling(folded), known, [at(13)], 4).history;
    expect([behind.state, folded.splice(0)]).toEqual([`${spelt(1, 10)}12;13;`, ['13;']]);
    const between = extend(spelling(folded), known, [at(11)], 4).history;
    expect([between.state, heldBy(between)]).toEqual([spelt(1, 12), [5, 6, 7, 8, 9, 10, 11, 12]]);
    expect(folded.splice(0)).toEqual(['5;', '6;', '7;', '8;', '9;', '10;', '11;', '12;']);
  });

  it('changes nothing without new events', () => {
    const folded: string[] = [];
    const known = historyOf(spelling(), range(1, 3));
    const { history, rungs } = extend(spelling(folded), known, [], 4);
    expect(history).toEqual({ ...known, earlier: { count: 0, last: null, state: '' } });
    expect([rungs, folded]).toEqual([[], []]);
  });
});

describe('evolveAt', () => {
  it('names the event at which the fold throws, with the cause', () => {
    const cause = new TypeError('x is no y');
    const folding: Folding<string, string> = {
      initialState: '',
      evolve() {
        throw cause;
      },
    };
    const event = at(3);
    expect(() => evolveAt(folding, '', event)).toThrow(FoldError);
    expect(() => evolveAt(folding, '', event)).toThrow(
      expect.objectContaining({ event, cause, message: 'The fold throws.' }),
    );
    expect(evolveAt(spelling(), 'a', event)).toBe('a3;');
  });
});

describe('keyOf', () => {
  it('copies the five fields of the key alone', () => {
    expect(keyOf(at(3))).toStrictEqual(key(3));
  });
});
