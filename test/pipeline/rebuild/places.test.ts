import { describe, expect, it } from 'vitest';
import type { FoldedEntity } from '../../../src/pipeline/rebuild/folder.ts';
import {
  gone,
  NO_COUNTS,
  type RebuildPlace,
  stepOf,
  withCounts,
} from '../../../src/pipeline/rebuild/places.ts';
import type { ReportCounts } from '../../../src/pipeline/rebuild/report.ts';

const counts = { entities: 7, unfoldable: 0, unfoldableSamples: [] };

function folded(id: string, detail: string | null = null): FoldedEntity {
  const of = { entityId: id, version: 1 };
  if (detail === null) return { ...of, row: [], isReady: false, fault: null };
  return { ...of, row: null, isReady: false, fault: { reason: 'fold_failed', detail } };
}

describe('stepOf', () => {
  it.each<[RebuildPlace, object]>([
    [
      { phase: 'walk', after: 'a', counts },
      { phase: 'folding', entities: 7 },
    ],
    [
      { phase: 'catch_up', pass: 2, after: null, found: 3, counts },
      { phase: 'catching up', entities: 7, pass: 2, outdated: 3 },
    ],
    [
      { phase: 'compare', after: null, report: { equal: 4, different: 2 } as ReportCounts, counts },
      { phase: 'comparing', entities: 7, compared: 6 },
    ],
    [{ phase: 'switch', counts }, { phase: 'switching' }],
    [
      { phase: 'settle', after: null, due: 5, pauseMs: 20 },
      { phase: 'settling', due: 5, pauseMs: 20 },
    ],
    [
      { phase: 'end', due: 5, pauseMs: null },
      { phase: 'ending', due: 5, pauseMs: null },
    ],
  ])('tells of the place %j the progress %j', (place, progress) => {
    expect(stepOf(place)).toEqual({ place, progress });
  });

  it('a rebuild that is gone goes on nowhere', () => {
    expect(gone()).toEqual({ place: null, progress: { phase: 'gone' } });
  });
});

describe('withCounts', () => {
  it('counts the folded entities, and names those that cannot be folded, the first ones first', () => {
    const first = withCounts(NO_COUNTS, [folded('a'), folded('b', 'It throws.')]);
    expect(withCounts(first, [folded('c', 'It is new.'), folded('d')])).toEqual({
      entities: 4,
      unfoldable: 2,
      unfoldableSamples: [
        { id: 'b', detail: 'It throws.' },
        { id: 'c', detail: 'It is new.' },
      ],
    });
  });

  it('names ten of them, and counts all', () => {
    const many = Array.from({ length: 12 }, (_, index) => folded(`order-${index}`, 'It throws.'));
    const all = withCounts(withCounts(NO_COUNTS, many), many);
    expect([all.entities, all.unfoldable, all.unfoldableSamples.length]).toEqual([24, 24, 10]);
    expect(all.unfoldableSamples.at(-1)?.id).toBe('order-9');
  });
});
