import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../src/adapters/seeded-clock.ts';
import { AttemptTally } from '../../src/pipeline/deliver/attempt-tally.ts';
import type { BreakerState, DeliverStatus } from '../../src/pipeline/deliver/options.ts';
import { sweeperOn, type TargetRoute } from '../../src/pipeline/target-route.ts';
import { Pair } from './reconcile/pair.ts';

const target: TargetRoute['target'] = {
  name: 'warehouse',
  maxDeliveryBatch: 1,
  deliver: (_deliveries, _signal, settled) => queueMicrotask(() => settled([])),
  close: async () => {},
};

describe('the sweeper on a route', () => {
  it.each<[BreakerState, boolean, boolean]>([
    ['closed', false, true],
    ['closed', true, false],
    ['ramping', false, true],
    // With few states due, the breaker may wait long for a trial, and a state that the sweep makes due can be one.
    ['half_open', false, true],
    ['open', false, false],
    ['disabled', false, false],
  ])(
    'a sweep with the breaker %s, of a target that is paused: %s, begins: %s',
    async (breaker, isPaused, begins) => {
      const clock = new SeededClock({ seed: 1 });
      const pair = new Pair('a');
      pair.held.clear();
      let claims = 0;
      let wakes = 0;
      const sweep = { holdings: pair.holdings, everyMs: 60_000, perSecond: 10 };
      const status = (): DeliverStatus => ({
        delivered: 0,
        retried: 0,
        dead: 0,
        inFlight: 0,
        waiting: 0,
        isPaused,
        breaker,
        notClosedForMs: null,
        opensInMs: null,
        lastFailure: null,
        ratePerSecond: null,
        maxBatch: 1,
        attempts: new AttemptTally().status(),
        deadBy: { refused: 0, attempts_exhausted: 0 },
      });
      const sweeper = sweeperOn(
        { target, qualifies: null, sweep },
        {
          status,
          wake() {
            wakes++;
            pair.deliver();
          },
        },
        {
          store: {
            ...pair.store,
            readSweep: async () => ({ waitsSinceMs: 0, waitedMs: 1e9, last: null }),
            claimSweep: async () => ++claims === 1,
            endSweep: async () => {},
          },
          clock,
          logger: () => {},
        },
      );
      sweeper?.start();
      for (let step = 0; step < 20; step++) {
        await clock.advance(200);
        await setImmediate();
      }
      await sweeper?.stop();
      expect(pair.held.has('a')).toBe(begins);
      expect({ isClaimed: claims > 0, wakes }).toEqual({ isClaimed: begins, wakes: begins ? 1 : 0 });
    },
  );

  it.each([
    [undefined, true, [undefined]],
    [{ epoch: 7, isComparable: true }, true, [7]],
    [{ epoch: 7, isComparable: false }, false, []],
  ])('a sweep over the view %j begins: %s, and makes due under its epoch', async (view, begins, epochs) => {
    const clock = new SeededClock({ seed: 1 });
    const pair = new Pair('a');
    pair.held.clear();
    let claims = 0;
    const asked: (number | undefined)[] = [];
    const sweeper = sweeperOn(
      { target, qualifies: null, sweep: { holdings: pair.holdings, everyMs: 60_000, perSecond: 10 } },
      {
        status: () => ({ breaker: 'closed', isPaused: false }) as DeliverStatus,
        wake: () => pair.deliver(),
      },
      {
        store: {
          ...pair.store,
          async makeDueAgain(again) {
            asked.push(again.viewEpoch);
            return pair.store.makeDueAgain(again);
          },
          readSweep: async () => ({ waitsSinceMs: 0, waitedMs: 1e9, last: null }),
          claimSweep: async () => ++claims === 1,
          endSweep: async () => {},
        },
        clock,
        logger: () => {},
        ...(view === undefined ? {} : { view }),
      },
    );
    sweeper?.start();
    for (let step = 0; step < 20; step++) {
      await clock.advance(200);
      await setImmediate();
    }
    await sweeper?.stop();
    expect([pair.held.has('a'), asked]).toEqual([begins, epochs]);
  });

  it('a route without a way to ask its target has no sweeper', () => {
    const pair = new Pair();
    const store = {
      ...pair.store,
      readSweep: async () => ({ waitsSinceMs: 0, waitedMs: 1e9, last: null }),
      claimSweep: async () => true,
      endSweep: async () => {},
    };
    const deliver = { status: () => expect.unreachable(), wake() {} };
    const parts = { store, clock: pair.clock, logger: () => {} };
    expect(sweeperOn({ target, qualifies: null }, deliver, parts)).toBeNull();
  });
});
