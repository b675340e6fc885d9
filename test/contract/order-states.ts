// The promises of every store of order-mgt (src/apps/order-mgt/states.ts).

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf, type OrderState } from '../../src/apps/order-mgt/order-state.ts';
import type { OrderStates, ReceivedDelivery } from '../../src/apps/order-mgt/states.ts';
import { compareUtf8 } from '../../src/core/text.ts';

export interface OrderStatesHarness {
  /** Opens a store in a new, empty database. */
  open(): Promise<OrderStates>;
  /** Opens another store on the same database, as another process would. */
  openAgain(): Promise<OrderStates>;
  /** Runs a statement behind the store's back. The function gets the names of the tables. */
  tamper(sql: (tables: { orders: string; deliveries: string }) => string): Promise<void>;
  ledger(): Promise<{ delivery_id: string; effect: string }[]>;
  cleanup(): Promise<void>;
}

export function orderState(changes: Partial<OrderState> = {}): OrderState {
  return {
    order_id: 'order123',
    order_status: 'CREATED',
    payment_status: 'PAYMENT_AUTHORIZED',
    review_status: null,
    ready_to_send: true,
    version: 2,
    ...changes,
  };
}

const delivery = (deliveryId: string, changes: Partial<OrderState> = {}): ReceivedDelivery => ({
  deliveryId,
  state: orderState(changes),
  receivedAtMs: 1_760_000_000_123,
});

const ALL = { after: null, limit: 1_000, filters: {} };
const STRANGE_IDS = [
  'A1',
  'a1',
  'A1 ',
  'é',
  'e\u0301',
  '\uffee',
  '🛒',
  'nul\0',
  "quote'\\",
  'x'.repeat(255),
  '٣',
];

export function describeOrderStates(name: string, harness: OrderStatesHarness): void {
  describe(`order states in ${name}`, () => {
    let states: OrderStates;
    beforeEach(async () => {
      states = await harness.open();
    });
    afterEach(() => harness.cleanup());

    const effects = async (...deliveries: ReceivedDelivery[]) =>
      (await states.receive(deliveries)).map(({ effect, heldVersion }) => `${effect} ${heldVersion}`);

    it('later versions are applied, others ignored, and an id is known again, within a transaction and after it', async () => {
      expect(
        await effects(
          delivery('a'),
          delivery('b', { version: 5 }),
          delivery('c', { version: 4 }),
          delivery('d', { version: 5, ready_to_send: false }),
          delivery('a'),
          delivery('a', { version: 9 }),
        ),
      ).toEqual(['applied 2', 'applied 5', 'ignored 5', 'ignored 5', 'duplicate 5', 'payload_differs 5']);
      expect(await effects(delivery('c', { version: 4 }), delivery('c', { order_id: 'other' }))).toEqual([
        'duplicate 5',
        'payload_differs null',
      ]);
      expect(await states.read('order123')).toEqual(orderState({ version: 5 }));
      expect(await harness.ledger()).toEqual([
        { delivery_id: 'a', effect: 'applied' },
        { delivery_id: 'b', effect: 'applied' },
        { delivery_id: 'c', effect: 'ignored' },
        { delivery_id: 'd', effect: 'ignored' },
      ]);
    });

    it('ids are told apart by their bytes, and texts and numbers are kept unchanged', async () => {
      const odd = {
        order_status: ' ',
        payment_status: '"\'\\\n\0🛒',
        review_status: null,
        ready_to_send: false,
      };
      const deliveries = STRANGE_IDS.map((order_id, index) =>
        delivery(`id-${index}`, { ...odd, order_id, version: Number.MAX_SAFE_INTEGER - index }),
      );
      expect(new Set((await states.receive(deliveries)).map(({ effect }) => effect))).toEqual(
        new Set(['applied']),
      );
      for (const { state } of deliveries) expect(await states.read(state.order_id)).toEqual(state);
      expect(await states.read('A1  ')).toBeNull();
      expect(await effects(delivery('ID-0', odd), delivery('id-0 ', { order_id: 'new' }))).toEqual([
        'applied 2',
        'applied 2',
      ]);
    });

    it('one transaction takes any number of deliveries', async () => {
      const many = Array.from({ length: 1_111 }, (_, index) =>
        delivery(`msg_${index}`, { order_id: `order-${index % 700}`, version: 1 + Math.floor(index / 700) }),
      );
      expect((await states.receive(many)).every(({ effect }) => effect === 'applied')).toBe(true);
      expect((await states.receive(many)).every(({ effect }) => effect === 'duplicate')).toBe(true);
      expect((await states.list(ALL)).states).toHaveLength(700);
      expect(await states.receive([])).toEqual([]);
    });

    describe('a repair', () => {
      const declined = { payment_status: 'AUTHORIZATION_REVIEW_DECLINED', ready_to_send: false };
      const repair = (deliveryId: string, replaces: string, changes: Partial<OrderState> = {}) => ({
        ...delivery(deliveryId, { ...declined, ...changes }),
        replaces,
      });
      beforeEach(() => effects(delivery('a')));

      it('a repair replaces the state of the same version that it names, once', async () => {
        const replaces = digestOf([orderState()]);
        expect(await effects(repair('r', replaces), repair('r', replaces))).toEqual([
          'applied 2',
          'duplicate 2',
        ]);
        expect(await states.read('order123')).toEqual(orderState(declined));
        expect(await effects(repair('r', replaces))).toEqual(['duplicate 2']);
        expect(await harness.ledger()).toEqual([
          { delivery_id: 'a', effect: 'applied' },
          { delivery_id: 'r', effect: 'applied' },
        ]);
      });

      it('a repair that names another state than the held one changes nothing', async () => {
        expect(await effects(repair('r', digestOf([orderState({ order_status: null })])))).toEqual([
          'ignored 2',
        ]);
        expect(await states.read('order123')).toEqual(orderState());
      });

      it('a repair never makes the version fall, whichever state it names', async () => {
        expect(await effects(repair('r', digestOf([orderState()]), { version: 1 }))).toEqual(['ignored 2']);
        expect(await effects(delivery('b', { version: 3 }), repair('s', digestOf([orderState()])))).toEqual([
          'applied 3',
          'ignored 3',
        ]);
        expect(await states.read('order123')).toEqual(orderState({ version: 3 }));
      });

      it('a repair of a later version, or of an order that is not held, is an ordinary delivery', async () => {
        const nothing = '0'.repeat(64);
        expect(
          await effects(repair('r', nothing, { version: 3 }), repair('s', nothing, { order_id: 'new' })),
        ).toEqual(['applied 3', 'applied 2']);
      });
    });

    describe('a delivery that comes again', () => {
      beforeEach(() => effects(delivery('a', { version: 5 })));

      it('a repeated delivery brings a lost row back, and the ledger keeps one row for each id', async () => {
        await harness.tamper(({ orders }) => `DELETE FROM ${orders}`);
        expect(await effects(delivery('a', { version: 5 }), delivery('a', { version: 5 }))).toEqual([
          'repaired 5',
          'duplicate 5',
        ]);
        expect(await states.read('order123')).toEqual(orderState({ version: 5 }));
        expect(await harness.ledger()).toEqual([{ delivery_id: 'a', effect: 'applied' }]);
      });

      it.each(['version = 4', 'ready_to_send = 0', "review_status = 'ACCEPTED'", 'payment_status = NULL'])(
        'a repeated delivery corrects a row that was altered: %s',
        async (change) => {
          await harness.tamper(({ orders }) => `UPDATE ${orders} SET ${change}`);
          expect(await effects(delivery('a', { version: 5 }))).toEqual(['repaired 5']);
          expect(await states.read('order123')).toEqual(orderState({ version: 5 }));
        },
      );

      it('a repeated delivery leaves a later row alone, whatever the row holds', async () => {
        await effects(delivery('b', { version: 7, ready_to_send: false }));
        expect(await effects(delivery('a', { version: 5 }))).toEqual(['duplicate 7']);
        expect(await states.read('order123')).toEqual(orderState({ version: 7, ready_to_send: false }));
      });

      it('a repeated delivery stays ignored if it was ignored in favour of the same version', async () => {
        const other = delivery('b', { version: 5, ready_to_send: false });
        expect(await effects(other, other)).toEqual(['ignored 5', 'duplicate 5']);
        expect(await states.read('order123')).toEqual(orderState({ version: 5 }));
      });

      it('a repeated delivery that was ignored brings a missing row back, and may then repair it', async () => {
        await effects(delivery('b', { version: 4 }));
        await harness.tamper(({ orders }) => `DELETE FROM ${orders}`);
        expect(await effects(delivery('b', { version: 4 }))).toEqual(['repaired 4']);
        await harness.tamper(({ orders }) => `UPDATE ${orders} SET ready_to_send = 0`);
        expect(await effects(delivery('b', { version: 4 }))).toEqual(['repaired 4']);
        expect(await states.read('order123')).toEqual(orderState({ version: 4 }));
      });
    });

    describe('a list', () => {
      const ids = [...STRANGE_IDS, ...Array.from({ length: 40 }, (_, index) => `order-${index}`)];
      const sorted = [...ids].sort(compareUtf8);
      beforeEach(() =>
        states.receive(
          ids.map((order_id, index) =>
            delivery(order_id === '' ? 'none' : `msg_${index}`, {
              order_id,
              order_status: index % 4 === 0 ? null : 'CREATED',
              review_status: ['ACCEPTED', 'ACCEPTED ', 'accepted', ''][index % 4] ?? null,
              ready_to_send: index % 2 === 0,
            }),
          ),
        ),
      );

      async function walk(limit: number, filters = {}): Promise<string[]> {
        const found: string[] = [];
        let after: string | null = null;
        do {
          const page = await states.list({ after, limit, filters });
          expect(page.states.length).toBeLessThanOrEqual(limit);
          found.push(...page.states.map(({ order_id }) => order_id));
          after = page.next;
        } while (after !== null);
        return found;
      }

      it("a list has each order once, in the sequence of the ids' bytes, with pages of any size", async () => {
        for (const limit of [1, 7, ids.length - 1, ids.length, 1_000])
          expect(await walk(limit)).toEqual(sorted);
        expect(await states.list({ after: sorted.at(-1) ?? '', limit: 1, filters: {} })).toEqual({
          states: [],
          next: null,
        });
      });

      it('a list has exactly the orders that the filters ask for', async () => {
        const withIndex = (wanted: (index: number) => boolean) =>
          sorted.filter((id) => wanted(ids.indexOf(id)));
        expect(await walk(5, { order_status: null })).toEqual(withIndex((index) => index % 4 === 0));
        expect(await walk(5, { review_status: 'ACCEPTED' })).toEqual(withIndex((index) => index % 4 === 0));
        expect(await walk(5, { review_status: 'ACCEPTED ' })).toEqual(withIndex((index) => index % 4 === 1));
        expect(await walk(5, { ready_to_send: true, order_status: 'CREATED' })).toEqual(
          withIndex((index) => index % 4 === 2),
        );
        expect(await walk(5, { order_id: 'A1 ' })).toEqual(['A1 ']);
        expect(await walk(5, { payment_status: 'x' })).toEqual([]);
      });
    });

    describe('the changes of orders', () => {
      it('changesAfter gives the last change of each order in the sequence of the commits, after any receipt number', async () => {
        expect(await states.changesAfter(0, 10)).toEqual({ changes: [], receiptNumber: 0 });
        await effects(delivery('a1'), delivery('b1', { order_id: 'b' }));
        const between = await states.lastReceiptNumber();
        await effects(delivery('old', { version: 1 }), delivery('a2', { version: 3 }));
        const all = await states.changesAfter(0, 10);
        expect(all.changes.map(({ state }) => `${state.order_id} ${state.version}`)).toEqual([
          'b 2',
          'order123 3',
        ]);
        expect(all.receiptNumber).toBe(await states.lastReceiptNumber());
        const rest = await states.changesAfter(between, 10);
        expect(rest.changes).toEqual(all.changes.slice(1));
        const first = await states.changesAfter(0, 1);
        expect(first.changes).toEqual(all.changes.slice(0, 1));
        expect((await states.changesAfter(first.receiptNumber, 1)).changes).toEqual(all.changes.slice(1));
        expect(await states.changesAfter(all.receiptNumber, 10)).toEqual({
          changes: [],
          receiptNumber: all.receiptNumber,
        });
      });

      it('changesAfter gives repairs, too', async () => {
        await effects(delivery('a'), delivery('b', { order_id: 'b' }));
        const receiptNumber = await states.lastReceiptNumber();
        await harness.tamper(({ orders }) => `DELETE FROM ${orders} WHERE order_id = 'order123'`);
        await effects(delivery('a'));
        const { changes } = await states.changesAfter(receiptNumber, 10);
        expect(changes.map(({ state }) => state)).toEqual([orderState()]);
      });

      it('changesAfter misses no change when several processes write at once', async () => {
        const other = await harness.openAgain();
        const seen = new Map<string, number>();
        let receiptNumber = 0;
        let isWriting = true;
        const write = async (store: OrderStates, name: string) => {
          for (let round = 1; round <= 15; round++) {
            await store.receive(
              [1, 2, 3].map((index) =>
                delivery(`${name}-${round}-${index}`, { order_id: `${name}-${index}`, version: round }),
              ),
            );
          }
        };
        const read = async () => {
          for (let isLast = false; !isLast; ) {
            isLast = !isWriting;
            const page = await states.changesAfter(receiptNumber, 2);
            if (page.receiptNumber > receiptNumber) isLast = false;
            receiptNumber = page.receiptNumber;
            for (const { state } of page.changes) seen.set(state.order_id, state.version);
            await new Promise((resolve) => setImmediate(resolve));
          }
        };
        const reading = read();
        await Promise.all([write(states, 'x'), write(other, 'y'), write(other, 'z')]);
        isWriting = false;
        await reading;
        expect(seen.size).toBe(9);
        expect([...seen.values()].every((version) => version === 15)).toBe(true);
      });
    });

    it('each id has one effect when two processes get the same deliveries at once', async () => {
      const other = await harness.openAgain();
      const batch = Array.from({ length: 50 }, (_, index) =>
        delivery(`msg_${index}`, { order_id: `o-${index}` }),
      );
      const outcomes = await Promise.all(
        [states, other, states, other].map((store, index) =>
          store.receive(index % 2 === 0 ? batch : [...batch].reverse()),
        ),
      );
      expect(outcomes.flat().filter(({ effect }) => effect === 'applied')).toHaveLength(50);
      expect(outcomes.flat().filter(({ effect }) => effect === 'duplicate')).toHaveLength(150);
      expect(await harness.ledger()).toHaveLength(50);
    });

    it('a store is healthy while it is open, has everything after a restart, and may be closed twice', async () => {
      await effects(delivery('a'));
      expect(await states.health()).toEqual({ ok: true });
      await states.close();
      await states.close();
      expect(await states.health()).toMatchObject({ ok: false });
      const again = await harness.openAgain();
      expect(await again.read('order123')).toEqual(orderState());
      expect((await again.receive([delivery('a')]))[0]?.effect).toBe('duplicate');
    });
  });
}
