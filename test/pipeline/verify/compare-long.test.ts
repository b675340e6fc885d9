import { describe, expect, it } from 'vitest';
import { orders } from '../../../src/orders/index.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import { type CompareParts, compareEntities } from '../../../src/pipeline/verify/compare.ts';
import type { EntityRecord } from '../../../src/ports/verification.ts';

const ROW = ['CREATED', 'PAYMENT_AUTHORIZED', null, true];

type Plan =
  | 'unprepared'
  | { readonly version: number; readonly state?: unknown; readonly unfoldable?: unknown };

/** The comparison of one order with a long journal, whose fold is planned as the test says; the last plan stays. */
async function compared(
  facts: Partial<EntityRecord>,
  plans: readonly Plan[] | null,
  row: (state: unknown) => readonly unknown[] = (state) => state as readonly unknown[],
) {
  const record = {
    entityId: 'a',
    version: 9,
    journal: null,
    row: null,
    isParked: false,
    ledger: [],
    ...facts,
  };
  const asked: unknown[] = [];
  let next = 0;
  const long = {
    prepare: async (entities: unknown) => void asked.push(entities),
    plan: async () => {
      const plan = plans?.[Math.min(next++, plans.length - 1)] ?? 'unprepared';
      if (plan === 'unprepared') return { kind: 'unprepared', entities: [] };
      const before = plan.state === undefined ? null : { state: plan.state };
      const planned = { version: plan.version, before, unfoldable: plan.unfoldable ?? null };
      return { kind: 'planned', plans: new Map([['a', planned]]) };
    },
  };
  const parts = {
    domain: { ...orders, view: { ...orders.view, row, isReady: () => true } },
    due: new DueRules([]),
    store: { readEntities: async () => [record] },
    targetsFromBeginning: new Set<string>(),
    maxEvents: 5,
    ...(plans === null ? {} : { long }),
  };
  const found = await compareEntities(parts as unknown as CompareParts<unknown, unknown>, ['a']);
  return { ...found, asked, looks: next };
}

describe('the comparison of an order with a long journal', () => {
  it('finds nothing where the row is the fold of the same version', async () => {
    const found = await compared({ row: { row: ROW, version: 9 } }, [{ version: 9, state: ROW }]);
    expect(found).toEqual({ entities: 1, parked: 0, unsettled: 0, differences: [], asked: [], looks: 1 });
  });

  it('prepares the fold for each further look, and gives up after five', async () => {
    for (const plan of ['unprepared', { version: 8, state: ROW }] as const) {
      const { unsettled, differences, asked, looks } = await compared({ row: { row: ROW, version: 9 } }, [
        plan,
      ]);
      expect([unsettled, differences, looks]).toEqual([1, [], 5]);
      expect(asked).toEqual(Array(4).fill([{ entityId: 'a', needs: 'fold' }]));
    }
  });

  it('compares with the first fold of the version that the row has', async () => {
    const { differences, unsettled, looks } = await compared(
      { row: { row: [null, null, null, false], version: 9 } },
      ['unprepared', { version: 8, state: ROW }, { version: 9, state: ROW }],
    );
    expect([unsettled, looks]).toEqual([0, 3]);
    expect(differences).toMatchObject([{ kind: 'row_altered', entityId: 'a', columns: { length: 3 } }]);
  });

  it('says why the order cannot be folded, or that its row does not fit', async () => {
    const unfoldable = { reason: 'event_not_understood', detail: 'It is new.' };
    const row = { row: ROW, version: 9 };
    expect((await compared({ row }, [{ version: 9, unfoldable }])).differences).toEqual([
      { kind: 'unfoldable', entityId: 'a', ...unfoldable },
    ]);
    expect((await compared({ row }, [{ version: 9, state: [] }])).differences).toEqual([
      {
        kind: 'unfoldable',
        entityId: 'a',
        reason: 'row_invalid',
        detail: 'The row has 0 values for 4 columns.',
      },
    ]);
    const throwing = () => {
      throw new RangeError('no such row');
    };
    expect((await compared({ row }, [{ version: 9, state: ROW }], throwing)).differences).toMatchObject([
      { kind: 'unfoldable', reason: 'fold_failed', detail: 'The view of the state throws: no such row' },
    ]);
  });

  it('names the missing row as far as it is known', async () => {
    expect((await compared({}, [{ version: 9, state: ROW }])).differences).toEqual([
      { kind: 'row_missing', entityId: 'a', expected: { row: ROW, version: 9 } },
    ]);
    expect((await compared({}, null)).differences).toEqual([
      { kind: 'row_missing', entityId: 'a', expected: null },
    ]);
  });

  it('compares only the version where nothing folds long journals', async () => {
    expect((await compared({ row: { row: ROW, version: 9 } }, null)).differences).toEqual([]);
    expect((await compared({ row: { row: ROW, version: 8 } }, null)).differences).toMatchObject([
      { kind: 'version_behind', columns: [{ name: 'version', stored: 8, expected: 9 }] },
    ]);
    expect((await compared({ row: { row: ROW, version: 10 } }, null)).differences).toMatchObject([
      { kind: 'version_ahead' },
    ]);
  });

  it('leaves the row of a parked order as it is, and counts the order', async () => {
    for (const row of [null, { row: ROW, version: 3 }]) {
      const { parked, differences, looks } = await compared({ row, isParked: true }, [
        { version: 9, state: ROW },
      ]);
      expect([parked, differences, looks]).toEqual([1, [], 0]);
    }
  });
});
