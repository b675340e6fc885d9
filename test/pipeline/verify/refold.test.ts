import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OrderEvent, type OrderState, orders } from '../../../src/orders/index.ts';
import { digestOf } from '../../../src/pipeline/reconcile/comparison.ts';
import { type RefoldParts, refold } from '../../../src/pipeline/verify/refold.ts';
import type { IngestBatch } from '../../../src/ports/commit.ts';
import type { Store } from '../../../src/ports/store.ts';
import { SqliteHarness } from '../../adapters/sqlite/harness.ts';
import { wrap } from '../ingest/harness.ts';
import { FIRST, OrderWorld } from './order-world.ts';

const harness = new SqliteHarness();
let world: OrderWorld;

beforeEach(async () => {
  world = await OrderWorld.make(harness);
});
afterEach(() => harness.cleanup());

/** The parts of a refold, with every commit that is asked for. */
function partsWith(replaced: Partial<Store> = {}) {
  const commits: IngestBatch[] = [];
  const store = wrap(world.store, {
    commit: (batch) => {
      commits.push(batch);
      return world.store.commit(batch);
    },
    ...replaced,
  });
  const parts: RefoldParts<OrderState, OrderEvent> = { ...world.parts(), store };
  return { parts, commits };
}

/** The fold that takes an authorised payment for a declined one. */
const strict: typeof orders = {
  ...orders,
  foldVersion: 1,
  view: {
    ...orders.view,
    row: (state) => {
      const [order = null, , ...others] = orders.view.row(state);
      return [order, 'AUTHORIZATION_REVIEW_DECLINED', ...others];
    },
  },
};

const throwing: typeof orders = {
  ...orders,
  evolve() {
    throw new RangeError('no such order');
  },
};

async function rowOf(id: string) {
  return (await world.store.readView([id])).get(id);
}

describe('a refold', () => {
  it('takes each entity once, and leaves out those without a journal', async () => {
    await world.happens('a', 'o', 'pa');
    await world.happens('b', 'o');
    const { parts, commits } = partsWith();
    expect(await refold(parts, ['b', 'a', 'nobody', 'b'], 'repair')).toEqual([
      { entityId: 'a', fault: null },
      { entityId: 'b', fault: null },
    ]);
    expect(commits).toMatchObject([
      { moves: [], quarantined: [], entityIds: ['a', 'b', 'nobody'], mode: 'locking' },
    ]);
    expect(commits[0]).not.toHaveProperty('viewEpoch');
    expect(await refold(parts, [], 'repair')).toEqual([]);
  });

  it('writes nothing under another epoch of the view', async () => {
    await world.happens('a', 'o', 'pa');
    await harness.rawQuery("DELETE FROM orders WHERE order_id = 'a'");
    const { epoch } = await world.store.viewState();
    const { parts } = partsWith();
    await expect(refold({ ...parts, viewEpoch: epoch + 1 }, ['a'], 'repair')).rejects.toMatchObject({
      code: 'view_switching',
    });
    expect(await rowOf('a')).toBeUndefined();
    expect(await refold({ ...parts, viewEpoch: epoch }, ['a'], 'repair')).toHaveLength(1);
    expect(await rowOf('a')).toMatchObject({ version: 2 });
  });

  it('hands on what the store throws', async () => {
    await world.happens('a', 'o');
    let calls = 0;
    const { parts } = partsWith({
      commit: async () => {
        calls++;
        throw new RangeError('The disk is full.');
      },
    });
    await expect(refold(parts, ['a'], 'repair')).rejects.toThrow('The disk is full.');
    expect(calls).toBe(1);
  });

  it('folds an order with more events than memory holds, beside one with few', async () => {
    const events = Array.from({ length: 1_030 }, (_, minute) =>
      world.event('long', minute === 7 ? 'o' : minute % 2 === 0 ? 'par' : 'paa', minute),
    );
    await world.commit(new Map([['long', events]]));
    await world.happens('short', 'o', 'pa');
    const right = await world.store.readView(['long', 'short']);
    await harness.rawQuery("UPDATE orders SET payment_status = NULL WHERE order_id IN ('long', 'short')");
    const { parts } = partsWith();
    expect(await refold(parts, ['long', 'short'], 'repair')).toEqual([
      { entityId: 'long', fault: null },
      { entityId: 'short', fault: null },
    ]);
    expect(await world.store.readView(['long', 'short'])).toEqual(right);
    const misfitting = { ...orders, view: { ...orders.view, row: () => [] } };
    expect(await refold({ ...parts, domain: misfitting }, ['long'], 'rebuild')).toEqual([
      { entityId: 'long', fault: { reason: 'row_invalid', detail: 'The row has 0 values for 4 columns.' } },
    ]);
    const [faulty] = await refold({ ...parts, domain: throwing }, ['long'], 'rebuild');
    expect(faulty?.fault).toMatchObject({
      reason: 'fold_failed',
      detail: expect.stringContaining('no such order'),
    });
  });
});

describe('a refold for a repair', () => {
  it('makes nothing due, however the row was altered', async () => {
    await world.happens('a', 'o', 'pa');
    await world.deliver(FIRST);
    await harness.rawQuery("DELETE FROM orders WHERE order_id = 'a'");
    const { parts } = partsWith();
    await refold({ ...parts, domain: strict }, ['a'], 'repair');
    expect((await rowOf('a'))?.row[1]).toBe('AUTHORIZATION_REVIEW_DECLINED');
    expect((await world.claim(FIRST)).map(({ entityId }) => entityId)).toEqual([]);
  });

  it('parks an entity that cannot be folded, and leaves its row', async () => {
    await world.happens('a', 'o', 'pa');
    const before = await rowOf('a');
    const { parts } = partsWith();
    const [{ fault } = { fault: null }] = await refold({ ...parts, domain: throwing }, ['a'], 'repair');
    expect(fault).toMatchObject({ reason: 'fold_failed', detail: expect.stringContaining('no such order') });
    expect(await world.store.readParked('a')).toMatchObject({ ...fault, parkedAtMs: world.clock.now() });
    expect(await rowOf('a')).toEqual(before);
  });

  it('passes over an entity that somebody has parked', async () => {
    await world.happens('a', 'o', 'pa');
    await world.happens('b', 'o', 'pa');
    await world.commit(new Map([['a', [world.event('a', 'pa', 9)]]]), true);
    await harness.rawQuery("DELETE FROM orders WHERE order_id IN ('a', 'b')");
    const { parts } = partsWith();
    expect(await refold(parts, ['a', 'b'], 'repair')).toEqual([{ entityId: 'b', fault: null }]);
    expect(await rowOf('a')).toBeUndefined();
    expect(await rowOf('b')).toMatchObject({ version: 2 });
  });
});

describe('a refold for a release', () => {
  beforeEach(async () => {
    await world.happens('a', 'o', 'pa');
    await world.deliver(FIRST);
    await world.commit(new Map([['a', [world.event('a', 'pad', 9)]]]), true);
  });

  it('writes the row of a parked entity, and makes the new state due', async () => {
    const { parts } = partsWith();
    expect(await refold(parts, ['a'], 'release')).toEqual([{ entityId: 'a', fault: null }]);
    expect(await world.store.readParked('a')).toBeNull();
    expect(await rowOf('a')).toMatchObject({
      version: 3,
      row: ['CREATED', 'AUTHORIZATION_REVIEW_DECLINED', 'DECLINED', false],
    });
    expect(await world.claim(FIRST)).toMatchObject([{ entityId: 'a', version: 3 }]);
  });

  it('leaves an entity parked that cannot be folded', async () => {
    const { parts } = partsWith();
    const before = [await rowOf('a'), await world.store.readParked('a')];
    const refolded = await refold({ ...parts, domain: throwing }, ['a'], 'release');
    expect(refolded).toMatchObject([{ entityId: 'a', fault: { reason: 'fold_failed' } }]);
    expect([await rowOf('a'), await world.store.readParked('a')]).toEqual(before);
    expect(await world.claim(FIRST)).toEqual([]);
  });

  it('makes nothing due if the row is the same', async () => {
    await world.release('a');
    await world.deliver(FIRST);
    await world.commit(new Map([['a', [world.event('a', 'pad', 11)]]]), true);
    await refold(partsWith().parts, ['a'], 'release');
    expect(await rowOf('a')).toMatchObject({ version: 4 });
    expect(await world.claim(FIRST)).toEqual([]);
  });
});

describe('a refold for a rebuild', () => {
  beforeEach(async () => {
    await world.happens('a', 'o', 'pa');
    await world.happens('b', 'o');
    await world.deliver(FIRST);
  });

  it('makes the changed row due, in the place of the one with the same version', async () => {
    const former = await rowOf('a');
    const { parts } = partsWith();
    expect(await refold({ ...parts, domain: strict }, ['a'], 'rebuild')).toEqual([
      { entityId: 'a', fault: null },
    ]);
    const row = ['CREATED', 'AUTHORIZATION_REVIEW_DECLINED', null, true];
    expect(await rowOf('a')).toEqual({ row, version: 2 });
    const replaces = digestOf([{ entityId: 'a', version: 2, row: former?.row ?? [] }]);
    expect(await world.claim(FIRST)).toMatchObject([{ entityId: 'a', version: 2, row, replaces }]);
  });

  it('makes nothing due where the row is the same', async () => {
    const { parts } = partsWith();
    expect(await refold(parts, ['a', 'b'], 'rebuild')).toHaveLength(2);
    expect(await world.claim(FIRST)).toEqual([]);
  });

  it('leaves an entity alone that changes meanwhile, or whose row is gone', async () => {
    await harness.rawQuery("DELETE FROM orders WHERE order_id = 'b'");
    const { parts } = partsWith({
      readView: async (ids) => {
        const rows = await world.store.readView(ids);
        await world.happens('a', 'pad');
        return rows;
      },
    });
    await refold({ ...parts, domain: strict }, ['a', 'b'], 'rebuild');
    expect(await rowOf('a')).toMatchObject({
      version: 3,
      row: ['CREATED', expect.anything(), 'DECLINED', false],
    });
    expect(await rowOf('b')).toBeUndefined();
  });

  it('leaves an entity as it is that cannot be folded, and does not park it', async () => {
    const before = await rowOf('a');
    const { parts } = partsWith();
    const refolded = await refold({ ...parts, domain: throwing }, ['a'], 'rebuild');
    expect(refolded).toMatchObject([{ entityId: 'a', fault: { reason: 'fold_failed' } }]);
    expect([await rowOf('a'), await world.store.readParked('a')]).toEqual([before, null]);
  });
});
