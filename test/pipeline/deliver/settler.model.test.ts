import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { Defects } from '../../../src/pipeline/defects.ts';
import { Settler } from '../../../src/pipeline/deliver/settler.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../../src/ports/delivery-claims.ts';
import { asyncCommand, asyncSequences, holdsInTime } from '../../helpers/properties.ts';

type Mood = 'answers' | 'refuses' | 'loses answers';

/** What the settler has to do with each attempt, and what the store saw of it. */
class Model {
  readonly added: DeliverySettlement[] = [];
  readonly unused: ClaimedDelivery[] = [];
  /** The attempts at which the recording meets a defect. */
  readonly poisoned = new Set<DeliverySettlement>();
  /** The numbers of the attempts that the store has. */
  readonly recorded: number[] = [];
  /** Those that the settler knows to be recorded. */
  readonly known: DeliverySettlement[] = [];
  readonly released: ClaimedDelivery[] = [];
  /** When the transactions began. */
  readonly begunMs: number[] = [];
  mood: Mood = 'answers';
  isBusy = false;
  isMoreToCome = true;
  isStoppedInTrouble = false;
  underWay = 0;
}

class Real {
  readonly clock = new SeededClock({ seed: 7 });
  readonly stopping = new AbortController();
  readonly settler: Settler;
  readonly running: Promise<void>;
  isOver = false;

  constructor(model: Model) {
    const { clock } = this;
    const store = {
      settleDeliveries: async (settlements: readonly DeliverySettlement[]) => {
        expect(model.underWay++, 'transactions at the same time').toBe(0);
        expect(settlements.length).toBeLessThanOrEqual(4_096);
        model.begunMs.push(clock.monotonicMs());
        const { mood } = model;
        await clock.sleep(3);
        model.underWay--;
        if (mood === 'refuses') throw new TributaryError('store_unreachable', 'Nobody is there.');
        if (settlements.some((settlement) => model.poisoned.has(settlement)))
          throw new TypeError('x is no y');
        model.recorded.push(...settlements.map((settlement) => Number(settlement.deliveryId)));
        if (mood === 'loses answers') throw new TributaryError('store_commit_unknown', 'No answer came.');
        model.known.push(...settlements);
      },
      releaseDeliveries: async (deliveries: readonly ClaimedDelivery[]) => {
        const { mood } = model;
        await clock.sleep(3);
        model.released.push(...deliveries);
        if (mood !== 'answers') throw new TributaryError('store_unreachable', 'Nobody is there.');
      },
    };
    const logger = () => undefined;
    this.settler = new Settler(
      { clock, logger, store: store as never, target: { name: 'a target' } as never },
      {
        isMoreToCome: () => model.isMoreToCome,
        isBusy: () => model.isBusy,
        settled: () => undefined,
        defects: new Defects(clock, logger),
        stopping: this.stopping.signal,
      },
    );
    this.running = this.settler.run().then(() => {
      this.isOver = true;
    });
  }
}

const NEXT = ['delivered', 'dead', { retryAtMs: 5 }] as const;

function settlement(number: number): DeliverySettlement {
  const next = NEXT[number % 3] ?? 'delivered';
  const verdict = next === 'delivered' ? next : number % 2 === 0 ? 'park' : 'retry';
  return {
    delivery: { entityId: `entity ${number}`, version: 1 } as ClaimedDelivery,
    deliveryId: String(number),
    attemptedAtMs: 0,
    verdict,
    status: 200,
    latencyMs: 1,
    answer: '',
    error: null,
    next,
  };
}

const ends = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom(0, 0, 0, 1)).map(([count, poisons]) =>
  asyncCommand<Model, Real>(
    `${count} calls end, ${poisons} of them with a defect`,
    async (model, { settler }) => {
      for (let index = 0; index < count; index++) {
        const one = settlement(model.added.length);
        if (index < poisons) model.poisoned.add(one);
        model.added.push(one);
        settler.add(one);
      }
    },
  ),
);

const manyEnd = fc.constant(
  asyncCommand<Model, Real>(
    '4,200 calls end',
    async (model, { settler }) => {
      for (let count = 0; count < 4_200; count++) {
        const one = settlement(model.added.length);
        model.added.push(one);
        settler.add(one);
      }
    },
    ({ added }) => added.length < 4_000,
  ),
);

const givesBack = fc.integer({ min: 0, max: 4 }).map((count) =>
  asyncCommand<Model, Real>(`${count} claims are given back`, async (model, { settler }) => {
    const unused = Array.from({ length: count }, (_, index) => {
      return { entityId: `unused ${model.unused.length + index}` } as ClaimedDelivery;
    });
    model.unused.push(...unused);
    settler.giveBack(unused);
  }),
);

const timePasses = fc.constantFrom(0, 1, 10, 60, 1_000, 30_000, 100_000).map((ms) =>
  asyncCommand<Model, Real>(`${ms} ms pass`, async (_, real) => {
    await real.clock.advance(ms);
    expect(real.isOver).toBe(false);
  }),
);

const moods = fc.constantFrom<Mood>('answers', 'answers', 'refuses', 'loses answers').map((mood) =>
  asyncCommand<Model, Real>(`the store ${mood}`, async (model) => {
    model.mood = mood;
  }),
);

const isBusy = fc.boolean().map((value) =>
  asyncCommand<Model, Real>(value ? 'more states wait' : 'no more states wait', async (model) => {
    model.isBusy = value;
  }),
);

function totalsOf(recorded: readonly DeliverySettlement[]) {
  const count = (isMeant: (one: DeliverySettlement) => boolean) => recorded.filter(isMeant).length;
  const dead = (verdict: boolean) =>
    count((one) => one.next === 'dead' && (one.verdict === 'park') === verdict);
  return {
    delivered: count(({ next }) => next === 'delivered'),
    retried: count(({ next }) => typeof next === 'object'),
    dead: count(({ next }) => next === 'dead'),
    deadBy: { refused: dead(true), attempts_exhausted: dead(false) },
  };
}

/** Stops the delivery, and waits until the settler has ended. */
async function stop(model: Model, real: Real): Promise<void> {
  model.isStoppedInTrouble = model.mood !== 'answers';
  model.isMoreToCome = false;
  real.stopping.abort();
  real.settler.wake();
  for (let passed = 0; !real.isOver && passed < 300; passed++) await real.clock.advance(1_000);
  await real.running;
}

/** Whether so many attempts in a row are defects that a stop gives the rest up, as if every recording were one. */
function hasDefectsInARow({ added, poisoned }: Model): boolean {
  return added.some((_, index) =>
    [0, 1, 2].every((further) => poisoned.has(added[index + further] as never)),
  );
}

function expectAllSettled(model: Model, { settler, clock }: Real): void {
  const { added, poisoned, recorded, known, unused, released, isStoppedInTrouble } = model;
  expect(settler.unsettled).toBe(0);
  expect(clock.sleepers).toBe(0);
  expect(settler.totals).toEqual(totalsOf(known));
  // Whatever the store did, each claim is given back once, and its lease ends otherwise.
  expect(released).toEqual(unused);
  const firstTimes = [...new Set(recorded)];
  expect(firstTimes).toEqual([...firstTimes].sort((one, other) => one - other));
  const expected = added.filter((one) => !poisoned.has(one)).map(({ deliveryId }) => Number(deliveryId));
  // A stop does not wait for a store that gives no answer: the leases of these states end.
  const found = new Set(recorded);
  const missing = expected.filter((number) => !found.has(number));
  expect(firstTimes.length + missing.length).toBe(expected.length);
  if (!isStoppedInTrouble && !hasDefectsInARow(model)) expect(missing).toEqual([]);
}

it('every attempt is recorded in its sequence, whatever the store does, unless its own recording is a defect', async () => {
  const commands = [
    { weight: 12, arbitrary: ends },
    manyEnd,
    { weight: 12, arbitrary: timePasses },
    { weight: 4, arbitrary: givesBack },
    { weight: 6, arbitrary: moods },
    { weight: 2, arbitrary: isBusy },
  ];
  await holdsInTime(
    fc.asyncProperty(asyncSequences(commands, 40), async (steps) => {
      const model = new Model();
      const real = new Real(model);
      await fc.asyncModelRun(() => ({ model, real }), steps);
      await stop(model, real);
      expectAllSettled(model, real);
    }),
    150,
  );
});

it('transactions begin 150 ms apart while more states wait to be sent, unless 4,096 attempts are to be recorded', async () => {
  const arrivals = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 60 }), fc.constantFrom(0, 1, 7, 20, 149, 150)),
    {
      minLength: 1,
      maxLength: 20,
      size: 'max',
    },
  );
  await holdsInTime(
    fc.asyncProperty(arrivals, async (list) => {
      const model = new Model();
      model.isBusy = true;
      const real = new Real(model);
      for (const [count, afterMs] of list) {
        for (let index = 0; index < count; index++)
          real.settler.add(settlement(model.added.push(settlement(0)) - 1));
        await real.clock.advance(afterMs);
      }
      await real.clock.advance(400);
      for (let index = 1; index < model.begunMs.length; index++)
        expect((model.begunMs[index] ?? 0) - (model.begunMs[index - 1] ?? 0)).toBeGreaterThanOrEqual(150);
      expect(real.settler.unsettled).toBe(0);
      await stop(model, real);
    }),
    50,
  );
});
