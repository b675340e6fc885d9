import { describe, expect, it } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import type { Domain } from '../../../src/core/domain.ts';
import type { LongJournals } from '../../../src/ports/long-journals.ts';
import type { Store } from '../../../src/ports/store.ts';
import type { StockEvent, StockState } from '../../helpers/stock-types.ts';
import { Place } from './harness.ts';
import { decoded, LongDriver } from './long-driver.ts';

async function stockStore(): Promise<Store> {
  return (await Place.make({ movements: 1, counts: 1 })).store;
}

const movement = (minute: number, quantity: number) =>
  decoded({ articleId: 'bolt', isCount: false, quantity, minute });

/** Movements of two pieces each, the first of them in minute 10. */
const pairs = (count: number) => Array.from({ length: count }, (_, index) => movement(10 + index, 2));

async function boltOf(store: Store) {
  return (await store.readView(['bolt'])).get('bolt');
}

/** What a store says at its front, whichever of several servers is behind it. */
function frontOf<Port extends object>(current: () => Port, facts: Partial<Port> = {}): Port {
  const get = (_: object, name: PropertyKey) => {
    const value: unknown = Reflect.get(facts, name) ?? Reflect.get(current(), name);
    return typeof value === 'function' ? value.bind(current()) : value;
  };
  return new Proxy<Port>({} as Port, { get });
}

describe('what is kept of a long history', () => {
  it('holds no rung that a late event made wrong, also if the new state cannot be stored', async () => {
    const store = await stockStore();
    const domain: Domain<StockState, StockEvent> = {
      ...stockLedger,
      evolve(state, event) {
        const { onHand, movementsSinceCount } = stockLedger.evolve(state, event);
        return { onHand, movementsSinceCount, ...(onHand % 2 === 0 ? {} : { note: () => 1 }) };
      },
    };
    const restarted = () => new LongDriver(store, { domain });
    await restarted().commit(pairs(20));
    await restarted().commit([movement(40, 2)]);
    await restarted().commit([movement(1, 1)]);
    await restarted().commit([movement(41, 2)]);
    const row = stockLedger.view.row({ onHand: 45, movementsSinceCount: 23 });
    expect(await boltOf(store)).toEqual({ row, version: 23 });
  });

  it('ends with a failover to a server that lacks some events and has others', async () => {
    const [before, after] = [await stockStore(), await stockStore()];
    await new LongDriver(before).commit(pairs(20));
    await new LongDriver(after).commit(pairs(19));
    await new LongDriver(after).commit([movement(50, 5)]);
    let current = before;
    const longJournals = frontOf<LongJournals>(() => current.longJournals);
    const driver = new LongDriver(frontOf(() => current, { longJournals }));
    await driver.prepare('bolt', new AbortController().signal);
    current = after;
    driver.believe(1);
    await driver.commit([movement(60, 1)]);
    const row = stockLedger.view.row({ onHand: 44, movementsSinceCount: 21 });
    expect(await boltOf(after)).toEqual({ row, version: 21 });
  });
});
