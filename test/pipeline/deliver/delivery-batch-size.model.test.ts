import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DeliveryBatchSize } from '../../../src/pipeline/deliver/delivery-batch-size.ts';
import { command, HandClock, holds, passing, sequences } from '../../helpers/properties.ts';

interface Real {
  readonly clock: HandClock;
  readonly size: DeliveryBatchSize;
}

interface Model {
  nowMs: number;
  /** The most states of one call, by the target. */
  max: number;
  waiting: number;
  /** A quarter of the states that waited when they were divided. */
  quarter: number;
  /** The number of those that still wait, if no call took any of them besides. */
  rest: number;
  singlyUntilMs: number;
  /** The delivery batches that failed as a whole since the last one that did not. */
  failures: number;
}

const commands = [
  passing.map((ms) =>
    command<Model, Real>(`${ms} ms pass`, (model, { clock }) => {
      clock.nowMs += ms;
      model.nowMs += ms;
    }),
  ),
  fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5_000 })).map((count) =>
    command<Model, Real>(`${count} states come`, (model) => {
      model.waiting += count;
    }),
  ),
  fc.integer({ min: 1, max: 30 }).map((times) =>
    command<Model, Real>(
      `${times} calls begin`,
      (model, { size }) => {
        for (let call = 0; call < times && model.waiting > 0; call++) {
          const goSingly = model.max === 1 || model.nowMs < model.singlyUntilMs;
          if (model.waiting !== model.rest) model.quarter = Math.ceil(model.waiting / 4);
          const expected = goSingly ? 1 : Math.min(model.quarter, model.max, model.waiting);
          if (!goSingly) model.rest = model.waiting - expected;
          expect(size.of(model.waiting, model.max)).toBe(expected);
          model.waiting -= expected;
        }
      },
      ({ waiting }) => waiting > 0,
    ),
  ),
  fc.constant(
    command<Model, Real>('all that waits is given back', (model) => {
      model.waiting = 0;
    }),
  ),
  fc.constantFrom(1, 2, 5, 100, 1_000).map((max) =>
    command<Model, Real>(`the target takes ${max} states in one call`, (model) => {
      model.max = max;
    }),
  ),
  fc.boolean().map((isFaulty) =>
    command<Model, Real>(`a delivery batch ${isFaulty ? 'fails' : 'ends well'}`, (model, { size }) => {
      size.ended(isFaulty);
      if (!isFaulty) model.failures = 0;
      else if (model.nowMs >= model.singlyUntilMs) {
        model.singlyUntilMs = model.nowMs + Math.min(600_000, 10_000 * 2 ** model.failures);
        model.failures++;
      }
    }),
  ),
];

it('the states that wait are divided among four calls, and go singly for a while after a failure', () => {
  holds(
    fc.property(sequences(commands, 50), (steps) => {
      const setup = () => {
        const clock = new HandClock();
        const model: Model = {
          nowMs: 0,
          max: 100,
          waiting: 0,
          quarter: 0,
          rest: 0,
          singlyUntilMs: 0,
          failures: 0,
        };
        return { model, real: { clock, size: new DeliveryBatchSize(clock) } };
      };
      fc.modelRun(setup, steps);
    }),
    400,
  );
});
