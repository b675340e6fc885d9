import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { Defects } from '../../../src/pipeline/defects.ts';
import { Settler } from '../../../src/pipeline/deliver/settler.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../../src/ports/delivery-claims.ts';

/** A clock whose random waits are as long as they can be, and whose wall-clock time somebody may set. */
class PatientClock extends SeededClock {
  setByMs = 0;

  override now(): number {
    return super.now() + this.setByMs;
  }

  override random(): number {
    return 0.999;
  }
}

const DOWN = new TributaryError('store_unreachable', 'The store is down.');

/** A settler in a time that stands until it is moved, and a store that meets `trouble`. */
function setUp() {
  const clock = new PatientClock({ seed: 1 });
  const stopping = new AbortController();
  const world = { trouble: null as Error | null, isBusy: false, isMoreToCome: true, isOver: false };
  /** When each transaction began, and the ids that it was to record. */
  const begun: { readonly atMs: number; readonly ids: readonly string[] }[] = [];
  /** In how many milliseconds each attempt of the last transaction is to be tried again. */
  let retriesInMs: readonly number[] = [];
  const settleDeliveries = async (settlements: readonly DeliverySettlement[]) => {
    begun.push({ atMs: clock.monotonicMs(), ids: settlements.map(({ deliveryId }) => deliveryId) });
    retriesInMs = settlements.flatMap(({ next }) =>
      typeof next === 'string' ? [] : [next.retryAtMs - clock.now()],
    );
    if (world.trouble !== null) throw world.trouble;
  };
  const settler = new Settler(
    { clock, logger: () => {}, store: { settleDeliveries } as never, target: { name: 'a target' } as never },
    {
      isMoreToCome: () => world.isMoreToCome,
      isBusy: () => world.isBusy,
      settled: () => {},
      defects: new Defects(clock, () => {}),
      stopping: stopping.signal,
    },
  );
  void settler.run().then(() => {
    world.isOver = true;
  });
  return { clock, stopping, world, begun, settler, retriesInMs: () => retriesInMs };
}

function attempt(deliveryId: string, ended: Partial<DeliverySettlement> = {}): DeliverySettlement {
  return {
    delivery: { entityId: deliveryId, version: 1 } as ClaimedDelivery,
    deliveryId,
    attemptedAtMs: 0,
    verdict: 'delivered',
    status: 200,
    latencyMs: 1,
    answer: '',
    error: null,
    next: 'delivered',
    ...ended,
  };
}

describe('the recording of attempts', () => {
  it('a first attempt is recorded at once, the next ones 20 ms later, and 150 ms later while states wait', async () => {
    const { clock, settler, begun, world } = setUp();
    const recordNext = async (id: string) => {
      settler.add(attempt(id));
      await clock.advance(1);
    };
    await recordNext('a');
    await recordNext('b');
    await recordNext('c');
    expect(begun.map(({ ids }) => ids)).toEqual([['a']]);
    await clock.advance(17);
    expect(begun.slice(1).map(({ ids }) => ids)).toEqual([['b', 'c']]);
    world.isBusy = true;
    await recordNext('d');
    await recordNext('e');
    await clock.advance(140);
    expect(begun).toHaveLength(2);
    await clock.advance(10);
    expect(begun.slice(2).map(({ ids }) => ids)).toEqual([['d', 'e']]);
  });

  it.each([
    ['back', -7_200_000],
    ['forward', 86_400_000],
  ])('a retry comes after its pause if the clock is set %s before it is recorded', async (_way, setByMs) => {
    const { clock, settler, world, begun, retriesInMs } = setUp();
    world.isBusy = true;
    settler.add(attempt('a'));
    await clock.advance(1);
    settler.add(attempt('b', { verdict: 'retry', next: { retryAtMs: clock.now() + 1_000 } }));
    settler.add(attempt('c'));
    clock.setByMs = setByMs;
    world.trouble = DOWN;
    await clock.advance(150);
    expect(retriesInMs()).toEqual([851]);
    world.trouble = null;
    clock.setByMs = 0;
    await clock.advance(1_000);
    expect([begun.length, retriesInMs()]).toEqual([3, [652]]);
  });

  it('a full transaction of attempts is recorded at once, whatever waits to be sent', async () => {
    const { clock, settler, begun, world } = setUp();
    world.isBusy = true;
    settler.add(attempt('a'));
    await clock.advance(1);
    for (let count = 0; count < 4_096; count++) settler.add(attempt(`${count}`));
    await clock.advance(1);
    expect(begun.map(({ ids }) => ids.length)).toEqual([1, 4_096]);
  });

  it('the recording rests once after a defect, not after the next attempts', async () => {
    const { clock, settler, begun, world } = setUp();
    world.trouble = new TypeError('x is no y');
    settler.add(attempt('a'));
    await clock.advance(1);
    world.trouble = null;
    settler.add(attempt('b'));
    await clock.advance(1);
    expect(begun.map(({ ids }) => ids)).toEqual([['a']]);
    await clock.advance(60_000);
    settler.add(attempt('c'));
    await clock.advance(20);
    settler.add(attempt('d'));
    await clock.advance(1);
    expect(begun.map(({ ids }) => ids)).toEqual([['a'], ['b'], ['c'], ['d']]);
  });

  it('attempts that end as dead are counted by the verdict of the last one', async () => {
    const { clock, settler } = setUp();
    settler.add(attempt('a', { next: 'dead', verdict: 'park' }));
    settler.add(attempt('b', { next: 'dead', verdict: 'retry' }));
    settler.add(attempt('c', { next: 'dead', verdict: 'throttle' }));
    await clock.advance(1);
    expect(settler.totals).toMatchObject({ dead: 3, deadBy: { refused: 1, attempts_exhausted: 2 } });
  });
});

describe('a stop while the store is down', () => {
  it('a stop tries once more in less than a second, however long the store has been down, and gives up', async () => {
    const { clock, settler, begun, world, stopping } = setUp();
    world.trouble = DOWN;
    settler.add(attempt('a'));
    await clock.advance(30_000);
    const before = begun.length;
    expect(before).toBeGreaterThan(3);
    world.isMoreToCome = false;
    stopping.abort();
    await clock.advance(1_000);
    expect(world.isOver).toBe(true);
    expect(settler.unsettled).toBe(0);
    expect(begun.length).toBe(before + 1);
  });

  it('a stop records what it can when the store answers at the third try', async () => {
    const { clock, settler, begun, world, stopping } = setUp();
    world.isMoreToCome = false;
    world.trouble = DOWN;
    stopping.abort();
    settler.add(attempt('a'));
    await clock.advance(250);
    expect(begun).toHaveLength(2);
    world.trouble = null;
    await clock.advance(200);
    expect(begun).toHaveLength(3);
    expect(world.isOver).toBe(true);
    expect(settler.totals.delivered).toBe(1);
  });
});
