import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { OtherFoldError } from '../../../src/pipeline/rebuild/other-fold.ts';
import {
  awaitsRebuild,
  epochForRows,
  epochToVerify,
  foldOf,
  modeOf,
  outdatedError,
  refuseOutdated,
  rowsUnder,
} from '../../../src/pipeline/rebuild/view-mode.ts';
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

describe('what a program may do with the rows', () => {
  const fold = (foldVersion: number) => ({ table: 'parcels', foldVersion, columns: COLUMNS });
  const storeOf = (facts: Partial<ViewState>) => ({ viewState: async () => state({ epoch: 6, ...facts }) });

  it('a domain without a fold version has the first one', () => {
    const view = { table: 'parcels', columns: COLUMNS };
    expect(foldOf({ view } as never)).toEqual({ table: 'parcels', foldVersion: 1, columns: COLUMNS });
    expect(foldOf({ view, foldVersion: 4 } as never)).toMatchObject({ foldVersion: 4 });
  });

  it('rows await a rebuild for a newer program, or once a newer one has journaled', () => {
    expect(awaitsRebuild(state({}), fold(2))).toBe(false);
    expect(awaitsRebuild(state({}), fold(3))).toBe(true);
    expect(awaitsRebuild(state({ awaitedFold: 3 }), fold(2))).toBe(true);
    expect(awaitsRebuild(state({}), fold(1))).toBe(false);
  });

  it('an outdated program is refused, and any other one gets the record', async () => {
    await expect(refuseOutdated(storeOf({}), fold(1))).rejects.toMatchObject({ code: 'fold_outdated' });
    expect(await refuseOutdated(storeOf({}), fold(2))).toMatchObject({ epoch: 6 });
    expect(await refuseOutdated(storeOf({}), fold(3))).toMatchObject({ epoch: 6 });
  });

  it('the epoch for rows is given to the program whose fold made them', async () => {
    expect(await epochForRows(storeOf({}), fold(2))).toBe(6);
    await expect(epochForRows(storeOf({}), fold(1))).rejects.toMatchObject({ code: 'fold_outdated' });
    await expect(epochForRows(storeOf({}), fold(3))).rejects.toMatchObject({
      code: 'rebuild_refused',
      message: expect.stringMatching(
        /^The rows of parcels were made by fold version 2.* Rows are not written until then\.$/,
      ),
    });
  });

  it('rows are compared with the journal only while the view is steady', async () => {
    expect(await epochToVerify(storeOf({}), fold(2))).toBe(6);
    for (const phase of ['switching', 'settling'] as const)
      await expect(epochToVerify(storeOf({ phase }), fold(2))).rejects.toMatchObject({
        code: 'view_switching',
        retryable: true,
      });
  });

  it('a commit writes rows under the epoch of the record, unless the program is outdated', async () => {
    const awaitFold = async () => {
      throw new Error('Nobody waits.');
    };
    expect(await rowsUnder({ ...storeOf({}), awaitFold }, fold(2))).toEqual({ writesRows: true, epoch: 6 });
    await expect(rowsUnder({ ...storeOf({}), awaitFold }, fold(1))).rejects.toMatchObject({
      code: 'fold_outdated',
    });
    // Its own fold, or a newer one, is awaited already.
    expect(await rowsUnder({ ...storeOf({ awaitedFold: 3 }), awaitFold }, fold(3))).toEqual({
      writesRows: false,
      epoch: 6,
    });
  });

  it('the error of an older program names the folds, whatever the columns are', () => {
    expect(outdatedError(state({ foldVersion: 3, columns: OTHER }), fold(2)).message).toMatch(
      /^The rows of parcels were/,
    );
  });

  it('the error of a rebuild of another fold says what can be done', () => {
    expect(new OtherFoldError('a program with fold version 3', fold(2)).message).toBe(
      'The rebuild needs a program with fold version 3, and this program has fold version 2: run the command with the ' +
        'program that it needs, or drop the new table by "order-sync rebuild --discard".',
    );
  });

  it('the error of a program beside a newer one that has journaled names the way back', () => {
    expect(outdatedError(state({ awaitedFold: 3 }), fold(2)).message).toBe(
      'A program with fold version 3 has journaled events whose rows of parcels are not made yet, and this program has ' +
        'fold version 2: start the newer program. To go back to this one, stop the newer one and run "order-sync rebuild" ' +
        'with this program.',
    );
  });
});
