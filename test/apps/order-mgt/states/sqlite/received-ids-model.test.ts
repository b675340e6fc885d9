// Compares the receipts on SQLite with a plain model of them. The limits are low, so that ids are merged all the time.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { OrderState } from '../../../../../src/apps/order-mgt/order-state.ts';
import type { ReceivedIdsLimits } from '../../../../../src/apps/order-mgt/states/sqlite/received-ids.ts';
import type { OrderStates, Receipt, ReceivedDelivery } from '../../../../../src/apps/order-mgt/states.ts';
import { orderState } from '../../../../contract/order-states.ts';
import { sqliteStates } from '../../../../helpers/order-states.ts';

const ORDERS = 3;

const FAILING: Readonly<Record<'statement' | 'commit', ReceivedDelivery>> = {
  // The column does not take this version.
  statement: { deliveryId: 'broken', state: orderState({ version: 0.5 }), receivedAtMs: 0 },
  commit: { deliveryId: 'never', state: orderState(), receivedAtMs: 0 },
};

interface KnownReceipt {
  readonly state: string;
  effect: 'applied' | 'ignored';
  sequence: number;
}

/** The expected receipts and states: the promises of `OrderStates.receive` in a few lines. */
class Model {
  receipts = new Map<string, KnownReceipt>();
  orders = new Map<string, OrderState>();
  last = 0;

  receive({ deliveryId, state }: ReceivedDelivery): Receipt {
    const held = this.orders.get(state.order_id);
    const known = this.receipts.get(deliveryId);
    const given = JSON.stringify(state);
    if (known === undefined) {
      const isLater = held === undefined || state.version > held.version;
      const effect = isLater ? 'applied' : 'ignored';
      this.receipts.set(deliveryId, { state: given, effect, sequence: ++this.last });
      if (isLater) this.orders.set(state.order_id, state);
      return { effect, heldVersion: isLater ? state.version : held.version };
    }
    if (known.state !== given) return { effect: 'payload_differs', heldVersion: held?.version ?? null };
    const isAltered =
      held?.version === state.version && known.effect === 'applied' && JSON.stringify(held) !== given;
    if (held !== undefined && held.version >= state.version && !isAltered)
      return { effect: 'duplicate', heldVersion: held.version };
    this.orders.set(state.order_id, state);
    known.effect = 'applied';
    known.sequence = ++this.last;
    return { effect: 'repaired', heldVersion: state.version };
  }
}

/** Compares one file, which two processes have open, with one model. */
class Comparison {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tributary-model-'));
  readonly #file = join(this.#folder, 'order-mgt.sqlite');
  readonly #limits: ReceivedIdsLimits;
  readonly #processes: OrderStates[] = [];
  readonly #outside: DatabaseSync;
  readonly model = new Model();
  end = 0;

  static async open(limits: ReceivedIdsLimits): Promise<Comparison> {
    const comparison = new Comparison(limits);
    comparison.#processes.push(await comparison.#open(), await comparison.#open());
    comparison.#prepareFailures();
    return comparison;
  }

  private constructor(limits: ReceivedIdsLimits) {
    this.#limits = limits;
    this.#outside = new DatabaseSync(this.#file);
  }

  #prepareFailures(): void {
    // The receipt of this id cannot be committed: the COMMIT fails.
    this.#outside.exec(`
      CREATE TABLE nobody (id INTEGER PRIMARY KEY);
      CREATE TABLE dangling (id INTEGER REFERENCES nobody DEFERRABLE INITIALLY DEFERRED);
      CREATE TRIGGER never AFTER INSERT ON delivery_receipts WHEN NEW.delivery_id = 'never' BEGIN
        INSERT INTO dangling VALUES (1); END`);
  }

  #open(): Promise<OrderStates> {
    return sqliteStates(this.#file, { limits: this.#limits });
  }

  async run(step: Step): Promise<void> {
    const states = this.#processes[step.by] as OrderStates;
    switch (step.verb) {
      case 'receive':
        expect(await states.receive(step.group)).toEqual(
          step.group.map((delivery) => this.model.receive(delivery)),
        );
        break;
      case 'fail':
        await expect(states.receive([...step.group, FAILING[step.at]])).rejects.toMatchObject({
          code: 'store_failed',
        });
        break;
      case 'reopen':
        await states.close();
        this.#processes[step.by] = await this.#open();
        break;
      case 'alter':
        this.#alter(`order-${step.order}`, step.how);
        break;
    }
  }

  /** Changes the file behind the programs' back. */
  #alter(orderId: string, how: 'lost' | 'older' | 'other'): void {
    const held = this.model.orders.get(orderId);
    if (held === undefined) return;
    if (how === 'lost') {
      this.model.orders.delete(orderId);
      this.#outside.prepare('DELETE FROM orders WHERE order_id = ?').run(orderId);
      return;
    }
    const altered = how === 'older' ? { ...held, version: held.version - 1 } : { ...held, order_status: 'X' };
    this.model.orders.set(orderId, altered);
    this.#outside
      .prepare('UPDATE orders SET version = ?, order_status = ? WHERE order_id = ?')
      .run(altered.version, altered.order_status, orderId);
  }

  async expectAlike(): Promise<void> {
    const rows = (sql: string) =>
      this.#outside
        .prepare(sql)
        .all()
        .map((row) => ({ ...row }));
    expect(rows('SELECT sequence, delivery_id, effect FROM deliveries_received ORDER BY sequence')).toEqual(
      [...this.model.receipts]
        .map(([delivery_id, { sequence, effect }]) => ({ sequence, delivery_id, effect }))
        .sort((a, b) => a.sequence - b.sequence),
    );
    const orders = [...this.model.orders.keys()].sort().map((orderId) => this.model.orders.get(orderId));
    for (const states of this.#processes)
      expect((await states.list({ after: null, limit: 100, filters: {} })).states).toEqual(orders);
    // The index is right up to its end, holds no other ids, and its end never falls.
    expect(
      rows(
        `SELECT r.delivery_id FROM delivery_receipts r LEFT JOIN delivery_ids i USING (delivery_id)
         WHERE r.sequence <= (SELECT sequence FROM delivery_ids_end) AND i.sequence IS NOT r.sequence`,
      ),
    ).toEqual([]);
    expect(
      rows('SELECT delivery_id FROM delivery_ids EXCEPT SELECT delivery_id FROM delivery_receipts'),
    ).toEqual([]);
    const end = Number(rows('SELECT sequence FROM delivery_ids_end')[0]?.sequence);
    expect(end).toBeGreaterThanOrEqual(this.end);
    expect(end).toBeLessThanOrEqual(this.model.last);
    this.end = end;
  }

  async close(): Promise<void> {
    for (const states of this.#processes) await states.close();
    this.#outside.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

type Step = { readonly by: number } & (
  | { readonly verb: 'receive'; readonly group: readonly ReceivedDelivery[] }
  | { readonly verb: 'fail'; readonly group: readonly ReceivedDelivery[]; readonly at: keyof typeof FAILING }
  | { readonly verb: 'reopen' }
  | { readonly verb: 'alter'; readonly order: number; readonly how: 'lost' | 'older' | 'other' }
);

/** Deliveries. As a rule an id has one state, as with order-sync; sometimes it has another. */
const delivery = fc
  .record({ id: fc.nat({ max: 29 }), isOther: fc.nat({ max: 7 }).map((chance) => chance === 0) })
  .map(({ id, isOther }): ReceivedDelivery => {
    const order_id = `order-${id % ORDERS}`;
    const version = 1 + (id % 7);
    return {
      deliveryId: `id-${id}`,
      state: orderState({ order_id, version, ready_to_send: isOther }),
      receivedAtMs: 0,
    };
  });
const by = fc.nat({ max: 1 });
const group = fc.array(delivery, { maxLength: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ by, verb: fc.constant('receive' as const), group }) },
  {
    weight: 2,
    arbitrary: fc.record({
      by,
      verb: fc.constant('fail' as const),
      group,
      at: fc.constantFrom('statement' as const, 'commit' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ by, verb: fc.constant('reopen' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      by,
      verb: fc.constant('alter' as const),
      order: fc.nat({ max: ORDERS - 1 }),
      how: fc.constantFrom('lost' as const, 'older' as const, 'other' as const),
    }),
  },
);
const limits = fc.record({
  recentMax: fc.integer({ min: 0, max: 8 }),
  mergedMin: fc.integer({ min: 1, max: 4 }),
  caughtUpMax: fc.integer({ min: 1, max: 10 }),
});

it('two processes on one file answer and keep the same as the model through any sequence of deliveries, failures and restarts', async () => {
  let merged = 0;
  await fc.assert(
    fc.asyncProperty(
      limits,
      fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }),
      async (given, steps) => {
        const comparison = await Comparison.open(given);
        try {
          for (const next of steps) {
            await comparison.run(next);
            await comparison.expectAlike();
          }
          if (comparison.end > 0) merged++;
        } finally {
          await comparison.close();
        }
      },
    ),
    { numRuns: 50 },
  );
  expect(merged).toBeGreaterThan(25);
}, 60_000);
