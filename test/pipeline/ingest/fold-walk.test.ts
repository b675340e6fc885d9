import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareSequence, type SequenceKey } from '../../../src/core/sequence.ts';
import type { DecodedEvent } from '../../../src/pipeline/decode/decoder.ts';
import { FoldWalk, type FoldWalkParts, RungCollector } from '../../../src/pipeline/ingest/fold-walk.ts';
import { StateCodec } from '../../../src/pipeline/ingest/state-codec.ts';
import type { JournalRange, StoredRung } from '../../../src/ports/long-journals.ts';
import { holdsInTime } from '../../helpers/properties.ts';

type Letter = { readonly letter: string };
type LetterEvent = DecodedEvent<Letter>;

const ENTITY = 'bolt';
const codec = new StateCodec<string>(1);
/** A fold that remembers every event and its place, and one that forgets all before the last event. */
const FOLDS = {
  all: (state: string, { letter }: Letter) => `${state}${letter}`,
  last: (_: string, { letter }: Letter) => letter,
} as const;

function keyAt(position: number): SequenceKey {
  return { position, occurredAtMs: 0, cautionRank: 0, eventId: `e${position}`, contentHash: '0'.repeat(64) };
}

/** The letters repeat, so that different events may lead to the same state. */
function eventAt(position: number): LetterEvent {
  const event = { letter: 'abc'[position % 3] };
  return { ...keyAt(position), event } as unknown as LetterEvent;
}

interface Ladder {
  readonly fold: keyof typeof FOLDS;
  readonly events: readonly LetterEvent[];
  readonly rungs: readonly StoredRung[];
  readonly interval: number;
}

function stateAt(fold: keyof typeof FOLDS, events: readonly LetterEvent[], last: SequenceKey): string {
  return events
    .filter((event) => compareSequence(event, last) <= 0)
    .reduce((state, { event }) => FOLDS[fold](state, event), '');
}

function walkOver({ fold, events, rungs, interval }: Ladder): FoldWalk<string, Letter> {
  const isBehind = (key: SequenceKey, after: SequenceKey | null) =>
    after === null || compareSequence(key, after) > 0;
  const parts = {
    domain: { initialState: '', evolve: FOLDS[fold] },
    decoder: { restore: (event: unknown) => event },
    codec,
    intervalEvents: interval,
    journals: {
      async readRange({ after, through, limit }: JournalRange) {
        const range = events.filter(
          (event) => isBehind(event, after) && (through === null || compareSequence(event, through) <= 0),
        );
        return { events: range.slice(0, limit), isEnd: range.length <= limit };
      },
      rungBefore: async (_: string, before: SequenceKey | null) =>
        rungs.findLast(({ last }) => before === null || compareSequence(last, before) < 0) ?? null,
      rungsBehind: async (_: string, after: SequenceKey | null, limit: number) =>
        rungs.filter(({ last }) => isBehind(last, after)).slice(0, limit),
    },
  };
  return new FoldWalk(parts as unknown as FoldWalkParts<string, Letter>);
}

const noWait = async () => {};

const ladders = fc
  .record({
    fold: fc.constantFrom('all' as const, 'last' as const),
    interval: fc.integer({ min: 1, max: 5 }),
    places: fc.array(
      fc.record({
        isLate: fc.integer({ min: 0, max: 5 }).map((number) => number === 0),
        rung: fc.constantFrom('none', 'none', 'right', 'damaged'),
      }),
      { minLength: 2, maxLength: 70, size: 'max' },
    ),
  })
  .map(({ fold, interval, places }) => {
    const all = places.map((_, position) => eventAt(position));
    // The last event is known, because all late ones stand before it.
    const isLate = (index: number) => places[index]?.isLate === true && index < places.length - 1;
    const events = all.filter((_, index) => !isLate(index));
    const late = all.filter((_, index) => isLate(index));
    const rungs = all.flatMap((event, index): StoredRung[] => {
      const rung = places[index]?.rung;
      if (rung === 'none' || isLate(index)) return [];
      const state = codec.encode(ENTITY, event, stateAt(fold, events, event)) as Buffer;
      return [{ last: keyAt(index), state: rung === 'right' ? state : Buffer.from('damaged') }];
    });
    return { fold, interval, events, late, all, rungs };
  });

describe('the walk of a fold over late events', () => {
  it('comes to the state of the plain fold, and leaves no wrong rung', async () => {
    await holdsInTime(
      fc.asyncProperty(ladders, async (ladder) => {
        const { fold, events, late, all, rungs } = ladder;
        if (late.length === 0) return;
        const last = keyAt(all.length - 1);
        const before = { count: events.length, last, state: stateAt(fold, events, last) };
        const walked = await walkOver(ladder).insertLate(ENTITY, before, late, noWait);
        expect(walked.earlier).toEqual({ count: all.length, last, state: stateAt(fold, all, last) });
        if (walked.isSame) expect(walked.earlier.state).toBe(before.state);
        const written = walked.rungs.map((rung) => JSON.stringify(rung.last));
        const { dropFrom } = walked;
        const left = rungs.filter(
          (rung) =>
            !written.includes(JSON.stringify(rung.last)) &&
            (dropFrom === null || compareSequence(rung.last, dropFrom) < 0),
        );
        for (const rung of [...left, ...walked.rungs]) {
          const decoded = codec.decode(ENTITY, rung.last, rung.state);
          if (decoded === null) expect(String(rung.state)).toBe('damaged');
          else expect(decoded.state).toBe(stateAt(fold, all, rung.last));
        }
      }),
      300,
    );
  });

  it('ends at the first rung with the same state', async () => {
    const all = Array.from({ length: 40 }, (_, position) => eventAt(position));
    const events = all.filter((_, position) => position !== 3);
    const rungs = [5, 20, 30].map((position) => ({
      last: keyAt(position),
      state: codec.encode(ENTITY, keyAt(position), 'abc'[position % 3] ?? '') as Buffer,
    }));
    const before = { count: 39, last: keyAt(39), state: 'a' };
    const walk = walkOver({ fold: 'last', events, rungs, interval: 4 });
    const walked = await walk.insertLate(ENTITY, before, [eventAt(3)], noWait);
    expect(walked).toMatchObject({ isSame: true, rungs: [], dropFrom: null, earlier: { count: 40 } });
  });

  it('keeps the transaction alive once in 32 pages', async () => {
    const events = Array.from({ length: 100 }, (_, position) => eventAt(position + 1));
    const before = { count: 100, last: keyAt(100), state: '' };
    let calls = 0;
    await walkOver({ fold: 'all', events, rungs: [], interval: 1 }).insertLate(
      ENTITY,
      before,
      [eventAt(0)],
      async () => {
        calls++;
      },
    );
    expect(calls).toBe(3);
  });
});

describe('the rungs that a change writes', () => {
  const collectorOf = (bytes: number | null) =>
    new RungCollector<string>(ENTITY, {
      encode: () => (bytes === null ? null : Buffer.alloc(bytes)),
    } as unknown as StateCodec<string>);
  const old = (position: number) => ({ last: keyAt(position), state: Buffer.from('old') });

  it('drop what lies behind 16 MiB from the store', () => {
    const collector = collectorOf(7 * 1024 * 1024);
    for (const position of [1, 2, 3, 4]) expect(collector.isChanged(old(position), 'new')).toBe(true);
    collector.add(keyAt(5), 'new');
    expect(collector.collected.map(({ last }) => last.position)).toEqual([1, 2]);
    expect(collector.dropFrom).toEqual(keyAt(3));
  });

  it('drop a rung whose new state cannot be kept from the store', () => {
    const collector = collectorOf(null);
    expect(collector.isChanged(old(1), 'new')).toBe(true);
    expect(collector.collected).toEqual([]);
    expect(collector.dropFrom).toEqual(keyAt(1));
  });
});
