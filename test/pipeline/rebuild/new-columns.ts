import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Domain, JsonObject, ViewColumn } from '../../../src/core/domain.ts';
import { decimalText, jsonText, timestampText } from '../../../src/core/view-values.ts';
import type { OrderEvent, OrderState } from '../../../src/orders/index.ts';
import { compareEntities } from '../../../src/pipeline/verify/compare.ts';
import type { StoreHarness } from '../../contract/store.ts';
import { buggyOrders, fixedOrders, type Happening, World } from './world.ts';

const NEW_COLUMNS: readonly ViewColumn[] = [
  { name: 'fee', type: 'decimal', precision: 8, scale: 3 },
  { name: 'paid_at', type: 'timestamp' },
  { name: 'summary', type: 'json' },
  { name: 'note', type: 'text', maxLength: 40 },
  { name: 'steps', type: 'integer' },
  { name: 'is_open', type: 'boolean' },
];

/** A later program: the view has a column of each type more, and its values follow from the state. */
const widerOrders: Domain<OrderState, OrderEvent> = {
  ...fixedOrders,
  view: {
    ...fixedOrders.view,
    columns: [...fixedOrders.view.columns, ...NEW_COLUMNS],
    row: (state) => {
      const row = fixedOrders.view.row(state);
      const [order, payment, review] = row;
      const summary: JsonObject = { review: review ?? null, payment: payment ?? null, exact: 1e21 };
      return [
        ...row,
        decimalText(payment === null ? '0' : '-12.5', { precision: 8, scale: 3 }),
        order === null ? null : timestampText('2026-11-30T08:46:58.123456+01:00'),
        jsonText(summary),
        `${order} `,
        row.filter((value) => value !== null).length,
        review === null,
      ];
    },
  },
};

const accepted = (orderId: string): Happening[] => [
  { orderId, status: null, minute: 0 },
  { orderId, status: 'PAYMENT_AUTHORIZED', minute: 1 },
];

/** Tests that a view gets new columns of every type, although its table has rows. */
export function describeNewColumns(name: string, harness: StoreHarness): void {
  describe(`a view on ${name} that gets new columns`, () => {
    let world: World;
    beforeEach(async () => {
      world = await World.make(harness);
    });
    afterEach(() => world.close());

    it('keeps rows and deliveries until a rebuild, and then every row has the new values', async () => {
      const old = await world.program(buggyOrders);
      await old.journal([...accepted('a'), ...accepted('b'), { orderId: 'c', status: null, minute: 0 }]);
      await old.deliverAll();

      const program = await world.program(widerOrders);
      expect(program.view.notes()).toEqual([expect.stringMatching(/rebuild/)]);
      await program.journal([{ orderId: 'c', status: 'PAYMENT_AUTH_WITHPENDING_REVIEW', minute: 2 }]);
      const blank = NEW_COLUMNS.map(() => null);
      expect((await program.rows()).get('a')?.row).toEqual([...(await oldRow(old, 'a')), ...blank]);

      const { built } = await program.rebuildAll();
      expect(built).toMatchObject({
        report: { columns: { added: NEW_COLUMNS.map((column) => column.name), removed: [] } },
      });
      const later = [...accepted('d'), { orderId: 'c', status: 'PAYMENT_AUTHORIZED', minute: 3 } as const];
      // The exchange has fenced the checkpoint, so the first commit is refused.
      expect(await program.journal(later)).toBe(false);
      expect(await program.journal(later)).toBe(true);
      const folded = await program.folded();
      expect([...folded.keys()].sort()).toEqual(['a', 'b', 'c', 'd']);
      expect(await program.rows()).toEqual(
        new Map([...folded].map(([id, { row, version }]) => [id, { row, version }])),
      );
      expect(folded.get('a')?.row.slice(4)).toEqual([
        '-12.500',
        '2026-11-30T07:46:58.123456Z',
        '{"exact":1000000000000000000000,"payment":"PAYMENT_AUTHORIZED","review":null}',
        'CREATED ',
        3,
        true,
      ]);
      await program.deliverAll();
      expect(world.target.held.get('d')?.row).toEqual(folded.get('d')?.row);
      // A new column alone makes nothing due.
      expect(world.target.held.get('a')?.row).toHaveLength(4);
      expect(world.target.conflicts).toEqual([]);
    });

    it('passes a comparison with the journal, which finds a changed value of each new column', async () => {
      const program = await world.program(widerOrders);
      await program.journal([...accepted('a'), ...accepted('b')]);
      const parts = { ...program.parts, targetsFromBeginning: new Set<string>(), maxEvents: 100 };
      expect((await compareEntities(parts, ['a', 'b'])).differences).toEqual([]);
      const altered = NEW_COLUMNS.map(() => 4).map((from, index) => from + index);
      const { view } = widerOrders;
      const [a] = (await program.store.readEntities(['a'], 100)).map(({ row }) => row?.row ?? []);
      const others = ['-12.501', '2026-11-30T07:46:58.123457Z', '{}', 'CREATED', 2, false];
      const row = (a ?? []).map(
        (value, index) => (altered.includes(index) ? others[index - 4] : value) ?? null,
      );
      await program.store.commit({
        moves: [],
        quarantined: [],
        entityIds: ['a'],
        mode: 'locking',
        plan: async () => [
          {
            entityId: 'a',
            fromVersion: 2,
            version: 2,
            row,
            events: [],
            delivery: { hasChanged: false, qualifiesFor: [] },
          },
        ],
      });
      const { differences } = await compareEntities(parts, ['a', 'b']);
      expect(differences).toEqual([
        {
          kind: 'row_altered',
          entityId: 'a',
          columns: NEW_COLUMNS.map((column, index) => ({
            name: column.name,
            stored: others[index],
            expected: (a ?? [])[view.columns.indexOf(column)],
          })),
        },
      ]);
    });
  });
}

async function oldRow(old: { rows(): Promise<Map<string, { row: readonly unknown[] }>> }, id: string) {
  return (await old.rows()).get(id)?.row ?? [];
}
