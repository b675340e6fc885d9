import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { orders } from '../../../src/orders/index.ts';
import { Folder } from '../../../src/pipeline/rebuild/folder.ts';
import { SqliteHarness } from '../../adapters/sqlite/harness.ts';
import { wrap } from '../ingest/harness.ts';
import { OrderWorld } from '../verify/order-world.ts';

const harness = new SqliteHarness();
let world: OrderWorld;

beforeEach(async () => {
  world = await OrderWorld.make(harness);
});
afterEach(() => harness.cleanup());

const folderOf = (domain: typeof orders) =>
  new Folder({ domain, decoder: world.decoder, store: world.store });

describe('the folder of a rebuild', () => {
  it('folds orders with few events and with more than memory holds, and leaves out those without', async () => {
    const events = Array.from({ length: 1_030 }, (_, minute) =>
      world.event('long', minute === 7 ? 'o' : minute % 2 === 0 ? 'par' : 'paa', minute),
    );
    await world.commit(new Map([['long', events]]));
    await world.happens('short', 'o', 'pa');
    const rows = await world.store.readView(['long', 'short']);
    const folder = folderOf(orders);
    for (let time = 0; time < 2; time++) {
      const folded = await folder.fold(['long', 'nobody', 'short']);
      expect(new Map(folded.map((each) => [each.entityId, each]))).toEqual(
        new Map([
          ['long', { entityId: 'long', ...rows.get('long'), isReady: true, fault: null }],
          ['short', { entityId: 'short', ...rows.get('short'), isReady: true, fault: null }],
        ]),
      );
    }
    // An event that comes later is folded too.
    await world.happens('long', 'pad');
    expect(await folder.fold(['long'])).toMatchObject([{ version: 1_031, isReady: false, fault: null }]);
  });

  it('says why an order cannot be folded, be it long or short', async () => {
    const events = Array.from({ length: 1_030 }, (_, minute) => world.event('long', 'par', minute));
    await world.commit(new Map([['long', events]]));
    await world.happens('short', 'o');
    const misfitting = folderOf({ ...orders, view: { ...orders.view, row: () => [] } });
    const throwing = folderOf({
      ...orders,
      evolve() {
        throw new RangeError('no such order');
      },
    });
    for (const [entityId, version] of [
      ['long', 1_030],
      ['short', 1],
    ] as const) {
      const unfolded = { entityId, version, row: null, isReady: false };
      expect(await misfitting.fold([entityId])).toEqual([
        { ...unfolded, fault: { reason: 'row_invalid', detail: 'The row has 0 values for 4 columns.' } },
      ]);
      expect(await throwing.fold([entityId])).toEqual([
        { ...unfolded, fault: { reason: 'fold_failed', detail: expect.stringContaining('no such order') } },
      ]);
    }
  });

  it('says that the view of a long order throws', async () => {
    const events = Array.from({ length: 1_030 }, (_, minute) => world.event('long', 'par', minute));
    await world.commit(new Map([['long', events]]));
    const row = () => {
      throw new RangeError('no such row');
    };
    expect(await folderOf({ ...orders, view: { ...orders.view, row } }).fold(['long'])).toMatchObject([
      { fault: { reason: 'fold_failed', detail: 'The view of the state throws: no such row' } },
    ]);
  });

  it('prepares a long order again whose index is lost meanwhile, but not for ever', async () => {
    const events = Array.from({ length: 1_030 }, (_, minute) => world.event('long', 'par', minute));
    await world.commit(new Map([['long', events]]));
    let losses = 2;
    const { store } = world;
    const longJournals = wrap(store.longJournals, {
      async lookUp(requests) {
        return losses-- > 0 ? new Map() : store.longJournals.lookUp(requests);
      },
    });
    const readJournals: typeof store.readJournals = (...asked) => store.readJournals(...asked);
    const folder = new Folder({
      domain: orders,
      decoder: world.decoder,
      store: { readJournals, longJournals },
    });
    expect(await folder.fold(['long'])).toMatchObject([{ version: 1_030, fault: null }]);
    losses = 1_000;
    await expect(folder.fold(['long'])).rejects.toThrow('could not be prepared for its fold');
  });
});
