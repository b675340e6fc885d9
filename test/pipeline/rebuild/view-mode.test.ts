import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { modeOf, outdatedError, rowsUnder } from '../../../src/pipeline/rebuild/view-mode.ts';
import type { ViewState } from '../../../src/ports/view-rebuild.ts';

const COLUMNS = [{ name: 'place', type: 'text' }] as const;
const OTHER = [...COLUMNS, { name: 'weight', type: 'integer' }] as const;

function state(facts: Partial<ViewState>): ViewState {
  return {
    epoch: 1,
    phase: 'steady',
    foldVersion: 2,
    awaitedFold: null,
    columns: COLUMNS,
    beat: 0,
    rebuild: null,
    ...facts,
  };
}

describe('how a program compares with the rows of its view', () => {
  it.each([
    ['the same fold', 2, COLUMNS, {}, 'current'],
    ['an older fold', 1, COLUMNS, {}, 'outdated'],
    ['a newer fold', 3, COLUMNS, {}, 'awaiting'],
    ['a newer fold that is awaited', 3, COLUMNS, { awaitedFold: 3 }, 'awaiting'],
    ['a newer fold than the one that is awaited', 4, COLUMNS, { awaitedFold: 3 }, 'awaiting'],
    ['an older fold than the one that is awaited', 3, COLUMNS, { awaitedFold: 4 }, 'outdated'],
    ['the same fold while a newer one is awaited', 2, COLUMNS, { awaitedFold: 3 }, 'outdated'],
    ['the same fold with other columns', 2, OTHER, {}, 'outdated'],
    [
      'the same fold with other columns while a newer one is awaited',
      2,
      OTHER,
      { awaitedFold: 3 },
      'outdated',
    ],
    ['a newer fold with other columns', 3, OTHER, {}, 'awaiting'],
  ] as const)('%s', (_, foldVersion, columns, facts, mode) => {
    expect(modeOf(state(facts), { table: 'parcels', foldVersion, columns })).toBe(mode);
  });

  it('the error of an outdated program names both folds, and the way back where there is one', () => {
    const fold = { table: 'parcels', foldVersion: 2, columns: COLUMNS };
    expect(outdatedError(state({ foldVersion: 3 }), fold).message).toMatch(/fold version 3.*fold version 2/);
    expect(outdatedError(state({ foldVersion: 3 }), fold).message).not.toContain('rebuild');
    expect(outdatedError(state({ awaitedFold: 3 }), fold).message).toContain('order-sync rebuild');
  });

  it('the error of a program with other columns under the same fold version asks for a higher one', () => {
    const { code, message } = outdatedError(state({}), { table: 'parcels', foldVersion: 2, columns: OTHER });
    expect(code).toBe('fold_outdated');
    expect(message).toMatch(/other columns.*both have fold version 2.*higher foldVersion/);
  });
});

describe('the first commit of a program that awaits a rebuild', () => {
  it('comes under the epoch in which programs with an older fold are shut out', async () => {
    let record = state({});
    const store = {
      viewState: async () => record,
      async awaitFold(foldVersion: number) {
        await setImmediate();
        record = state({ epoch: 2, awaitedFold: foldVersion });
      },
    };
    const rows = await rowsUnder(store, { table: 'parcels', foldVersion: 3, columns: COLUMNS });
    expect(rows).toEqual({ writesRows: false, epoch: 2 });
  });

  it('fails if they cannot be shut out', async () => {
    const store = {
      viewState: async () => state({}),
      awaitFold: async () => Promise.reject(new Error('The database does not answer.')),
    };
    const rows = rowsUnder(store, { table: 'parcels', foldVersion: 3, columns: COLUMNS });
    await expect(rows).rejects.toThrow('does not answer');
  });
});
