import { describe, expect, it } from 'vitest';
import type { ViewColumn, ViewRow } from '../../../src/core/domain.ts';
import {
  changedColumns,
  columnChanges,
  countDifference,
  emptyCounts,
  reportOf,
} from '../../../src/pipeline/rebuild/report.ts';
import type { ViewState } from '../../../src/ports/view-rebuild.ts';

const column = (name: string, type: 'text' | 'integer' | 'boolean' = 'text') =>
  ({ name, type }) as ViewColumn;
const OLD = [column('place'), column('weight', 'integer'), column('is_ready', 'boolean')];
/** The weight is gone, the size is new, and the place is the last one. */
const NEW = [column('is_ready', 'boolean'), column('size', 'integer'), column('place')];

const row = (values: ViewRow, version = 1) => ({ row: values, version });
const ALL = new Set(['a']);

/** Counts one difference of the entity a. */
function counted(
  before: ViewRow | null,
  after: ViewRow | null,
  { journaled = ALL, version = 1 }: { journaled?: ReadonlySet<string>; version?: number } = {},
) {
  const counts = emptyCounts();
  const difference = {
    entityId: 'a',
    before: before === null ? null : row(before),
    after: after === null ? null : row(after, version),
  };
  countDifference(counts, difference, journaled, OLD, NEW);
  return counts;
}

describe('the counts of a rebuild', () => {
  it('a row that only the new table has is added', () => {
    expect(counted(null, [true, 3, 'X'])).toEqual({ ...emptyCounts(), added: 1 });
  });

  it('a row without a fold waits if its entity has a journal, and is removed if not', () => {
    expect(counted(['X', 1, true], null)).toEqual({ ...emptyCounts(), waiting: 1 });
    expect(counted(['X', 1, true], null, { journaled: new Set() })).toEqual({
      ...emptyCounts(),
      removed: 1,
      samples: [{ id: 'a', version: 1, before: { place: 'X', weight: 1, is_ready: true }, after: null }],
    });
  });

  it('a row that was never filled waits, and one with a single value does not', () => {
    expect(counted([null, null, false], [true, 3, 'X'])).toMatchObject({ waiting: 1, different: 0 });
    expect(counted([null, 0, false], [true, 3, 'X'])).toMatchObject({ waiting: 0, different: 1 });
    expect(counted([null, null, true], [true, 3, 'X'])).toMatchObject({ waiting: 0, different: 1 });
  });

  it('a different row counts for each column that both tables have and that differs', () => {
    const counts = counted(['X', 1, false], [true, 3, 'Y'], { version: 4 });
    expect(counts).toEqual({
      ...emptyCounts(),
      different: 1,
      byColumn: { is_ready: 1, place: 1 },
      samples: [
        {
          id: 'a',
          version: 4,
          before: { place: 'X', weight: 1, is_ready: false },
          after: { is_ready: true, size: 3, place: 'Y' },
        },
      ],
    });
    countDifference(
      counts,
      { entityId: 'b', before: row(['X', 1, true]), after: row([true, 3, 'Y']) },
      ALL,
      OLD,
      NEW,
    );
    expect(counts).toMatchObject({ different: 2, byColumn: { is_ready: 1, place: 2 } });
  });

  it('ten rows are named, and all are counted', () => {
    const counts = emptyCounts();
    for (let index = 0; index < 12; index++) {
      const entityId = `entity ${index}`;
      countDifference(counts, { entityId, before: row(['X', 1, true]), after: null }, new Set(), OLD, NEW);
    }
    expect([counts.removed, counts.samples.length, counts.samples.at(-1)?.id]).toEqual([12, 10, 'entity 9']);
  });

  it('a value that a row lacks is shown as null', () => {
    expect(counted(['X'], [true], { journaled: new Set() }).samples).toEqual([
      {
        id: 'a',
        version: 1,
        before: { place: 'X', weight: null, is_ready: null },
        after: { is_ready: true, size: null, place: null },
      },
    ]);
  });
});

describe('the columns of two tables', () => {
  it('the changed columns are found by their names', () => {
    expect(changedColumns(['X', 1, true], [true, 9, 'X'], OLD, NEW)).toEqual([]);
    expect(changedColumns(['X', 1, true], [false, 9, 'X'], OLD, NEW)).toEqual(['is_ready']);
  });

  it('the columns that only one of two tables has are named', () => {
    expect(columnChanges(OLD, NEW)).toEqual({ added: ['size'], removed: ['weight'] });
    expect(columnChanges(OLD, OLD)).toEqual({ added: [], removed: [] });
  });
});

describe('the report of a rebuild', () => {
  const state = (facts: object) =>
    ({ foldVersion: 2, columns: OLD, rebuild: null, ...facts }) as unknown as ViewState;
  const walked = { entities: 3, unfoldable: 1, unfoldableSamples: [{ id: 'x', detail: 'It throws.' }] };

  it('says what would change, from which fold to which', () => {
    const counts = { ...emptyCounts(), equal: 5, byColumn: { place: 1 }, due: { crm: 2 } };
    const rebuild = { foldVersion: 3, columns: NEW };
    expect(reportOf(state({ rebuild }), counts, walked, Date.UTC(2026, 0, 2))).toEqual({
      foldVersion: { from: 2, to: 3 },
      columns: { added: ['size'], removed: ['weight'] },
      comparedAt: '2026-01-02T00:00:00.000Z',
      rows: { compared: 5, equal: 5, different: 0, waiting: 0, added: 0, removed: 0 },
      differentByColumn: { place: 1 },
      samples: [],
      wouldBeDue: { crm: 2 },
      unfoldable: { count: 1, samples: walked.unfoldableSamples },
    });
  });

  it('names no change of fold and columns where no rebuild is under way', () => {
    expect(reportOf(state({}), emptyCounts(), walked, 0)).toMatchObject({
      foldVersion: { from: 2, to: 2 },
      columns: { added: [], removed: [] },
    });
  });
});
