import { describe, expect, it } from 'vitest';
import type { ViewRow } from '../../../src/core/domain.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import { ChangedStates } from '../../../src/pipeline/rebuild/changed-states.ts';
import type { FoldedEntity } from '../../../src/pipeline/rebuild/folder.ts';
import { emptyCounts } from '../../../src/pipeline/rebuild/report.ts';
import { digestOf } from '../../../src/pipeline/reconcile/comparison.ts';
import type { StoredRow } from '../../../src/ports/store.ts';
import type { LedgerPlace, SettledChange, ViewState } from '../../../src/ports/view-rebuild.ts';

const COLUMNS = [
  { name: 'place', type: 'text' },
  { name: 'is_ready', type: 'boolean' },
] as const;
const STATE = {
  columns: COLUMNS,
  rebuild: { rebuildId: 'rebuild-1', formerColumns: COLUMNS },
} as unknown as ViewState;

/** The folds of entities, the ledger, and a store that takes changes as it is told. */
class Place {
  readonly folds = new Map<string, { row: ViewRow | null; version: number }>();
  readonly ledger: LedgerPlace[] = [];
  readonly asked: (readonly string[])[] = [];
  readonly settled: { readonly rebuildId: string; readonly changes: readonly SettledChange[] }[] = [];
  /** The stale entities of the next settlements; null if the settling has ended. */
  readonly answers: (readonly string[] | null)[] = [];
  readonly states: ChangedStates<unknown, unknown>;

  constructor() {
    this.states = new ChangedStates({
      due: new DueRules([
        { name: 'all', qualifies: null },
        { name: 'far', qualifies: ([place]) => place === 'far' },
      ]),
      store: {
        ledgerOf: async (ids) => {
          this.asked.push(ids);
          return this.ledger.filter(({ entityId }) => ids.includes(entityId));
        },
        settleChanges: async (settling) => {
          this.settled.push(settling);
          const stale = this.answers.length === 0 ? [] : this.answers.shift();
          if (stale === null || stale === undefined) return null;
          return { due: settling.changes.length - stale.length, stale };
        },
      },
      folder: {
        fold: async (ids: readonly string[]) =>
          ids.flatMap((entityId): FoldedEntity[] => {
            const found = this.folds.get(entityId);
            if (found === undefined) return [];
            const { row, version } = found;
            if (row !== null) return [{ entityId, version, row, isReady: row[1] === true, fault: null }];
            const fault = { reason: 'fold_failed', detail: '' } as const;
            return [{ entityId, version, row, isReady: false, fault }];
          }),
      } as never,
    });
  }

  folded(entityId: string, row: ViewRow | null, version = 1): void {
    this.folds.set(entityId, { row, version });
  }

  owed(entityId: string, target: string, dueVersion = 1): void {
    this.ledger.push({ entityId, target, dueVersion } as LedgerPlace);
  }

  get changes(): SettledChange[] {
    return this.settled.flatMap(({ changes }) => changes);
  }
}

const formerly = (rows: Readonly<Record<string, StoredRow | null>>) => new Map(Object.entries(rows));
const was = (row: ViewRow, version = 1): StoredRow => ({ row, version });

describe('the states that a rebuild would make due', () => {
  it('count for each target that wants the new state, or was owed an earlier one', async () => {
    const place = new Place();
    place.folded('changed', ['far', true]);
    place.folded('unready', ['far', false]);
    place.folded('owed', ['near', false]);
    place.owed('owed', 'far');
    place.folded('both', ['far', true]);
    place.owed('both', 'far');
    const counts = emptyCounts();
    const rows = ['changed', 'unready', 'owed', 'both', 'gone'].map((id) => [id, was(['x', false])] as const);
    const journaled = await place.states.countDue(new Map(rows), counts);
    expect(counts.due).toEqual({ all: 2, far: 3 });
    expect(journaled).toEqual(new Set(['changed', 'unready', 'owed', 'both']));
  });

  it('count for a new entity only where it is not owed already', async () => {
    const place = new Place();
    place.folded('new', ['far', true]);
    place.owed('new', 'all');
    const counts = emptyCounts();
    await place.states.countDue(formerly({ new: null }), counts);
    expect(counts.due).toEqual({ far: 1 });
  });

  it('leave out what cannot be folded, although it has a journal', async () => {
    const place = new Place();
    place.folded('broken', null);
    place.owed('broken', 'all');
    const counts = emptyCounts();
    expect(await place.states.countDue(formerly({ broken: was(['x', true]) }), counts)).toEqual(
      new Set(['broken']),
    );
    expect(counts.due).toEqual({});
  });

  it('take 500 entities at a time', async () => {
    const place = new Place();
    const ids = Array.from({ length: 501 }, (_, index) => `id ${index}`);
    await place.states.countDue(new Map(ids.map((id) => [id, null])), emptyCounts());
    expect(place.asked).toEqual([ids.slice(0, 500), ids.slice(500)]);
    const full = new Place();
    await full.states.countDue(new Map(ids.slice(0, 500).map((id) => [id, null])), emptyCounts());
    expect(full.asked).toHaveLength(1);
    expect(await new Place().states.countDue(new Map(), emptyCounts())).toEqual(new Set());
  });
});

describe('the states that a rebuild makes due', () => {
  it('replace what a target may have under the same version', async () => {
    const place = new Place();
    place.folded('a', ['far', true], 3);
    place.folded('b', ['same', true], 3);
    const former = was(['near', true], 3);
    const due = await place.states.makeDue(STATE, formerly({ a: former, b: was(['same', true], 3) }));
    expect(due).toBe(1);
    const replaces = digestOf([{ entityId: 'a', ...former }]);
    expect(place.settled).toEqual([
      {
        rebuildId: 'rebuild-1',
        changes: [
          {
            entityId: 'a',
            version: 3,
            isNew: false,
            delivery: { hasChanged: true, qualifiesFor: ['all', 'far'], replaces },
          },
        ],
      },
    ]);
    // Rows of the same version need no look at the ledger.
    expect(place.asked).toEqual([]);
  });

  it('leave out an entity that every target is owed at a later version', async () => {
    const place = new Place();
    for (const id of ['later', 'partly', 'nobody']) place.folded(id, ['far', true], 4);
    place.owed('later', 'all', 4);
    place.owed('later', 'far', 4);
    place.owed('partly', 'all', 4);
    place.owed('partly', 'far', 3);
    const former = was(['near', true], 3);
    await place.states.makeDue(STATE, formerly({ later: former, partly: former, nobody: former }));
    expect(place.changes.map(({ entityId }) => entityId)).toEqual(['partly', 'nobody']);
    expect(place.changes[0]?.delivery).not.toHaveProperty('replaces');
    expect(place.asked).toEqual([['later', 'partly', 'nobody']]);
  });

  it('include those of new entities that no target is owed yet', async () => {
    const place = new Place();
    place.folded('new', ['far', true], 2);
    place.owed('new', 'all', 2);
    place.folded('owed', ['near', true], 2);
    place.owed('owed', 'all', 2);
    place.folded('unready', ['far', false], 2);
    place.folded('broken', null, 2);
    await place.states.makeDue(STATE, formerly({ new: null, owed: null, unready: null, broken: null }));
    expect(place.changes).toEqual([
      { entityId: 'new', version: 2, isNew: true, delivery: { hasChanged: true, qualifiesFor: ['far'] } },
    ]);
  });

  it('leave out an entity that cannot be folded', async () => {
    const place = new Place();
    place.folded('broken', null, 2);
    await place.states.makeDue(STATE, formerly({ broken: was(['x', true], 2) }));
    expect(place.changes).toEqual([]);
  });

  it('come again for the entities that ingest has changed meanwhile, and for those alone', async () => {
    const place = new Place();
    for (const id of ['a', 'b', 'c']) place.folded(id, ['far', true], 1);
    place.answers.push(['b', 'c'], ['c'], []);
    const rows = formerly({ a: was(['x', true]), b: was(['x', true]), c: was(['x', true]) });
    expect(await place.states.makeDue(STATE, rows)).toBe(3);
    expect(place.settled.map(({ changes }) => changes.map(({ entityId }) => entityId))).toEqual([
      ['a', 'b', 'c'],
      ['b', 'c'],
      ['c'],
    ]);
  });

  it('fail after a hundred tries', async () => {
    const place = new Place();
    place.folded('a', ['far', true]);
    place.answers.push(...Array.from({ length: 200 }, () => ['a']));
    await expect(place.states.makeDue(STATE, formerly({ a: was(['x', true]) }))).rejects.toMatchObject({
      code: 'store_busy',
    });
    expect(place.settled).toHaveLength(100);
  });

  it('end where another process has ended the settling, which also shows without any change', async () => {
    const place = new Place();
    place.answers.push(null);
    expect(await place.states.makeDue(STATE, new Map())).toBeNull();
    expect(place.settled).toEqual([{ rebuildId: 'rebuild-1', changes: [] }]);
    expect(await new Place().states.makeDue(STATE, new Map())).toBe(0);
  });

  it('come in portions of 500 entities', async () => {
    const place = new Place();
    const ids = Array.from({ length: 1_001 }, (_, index) => `id ${index}`);
    for (const id of ids) place.folded(id, ['far', true]);
    const due = await place.states.makeDue(STATE, new Map(ids.map((id) => [id, was(['x', true])])));
    expect(due).toBe(1_001);
    expect(place.settled.map(({ changes }) => changes.length)).toEqual([500, 500, 1]);
    const full = new Place();
    await full.states.makeDue(STATE, new Map(ids.slice(0, 500).map((id) => [id, null])));
    expect(full.settled).toHaveLength(1);
  });
});
