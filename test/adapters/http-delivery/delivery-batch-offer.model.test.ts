import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DeliveryBatchOffer } from '../../../src/adapters/http-delivery/delivery-batch-offer.ts';
import { command, HandClock, holds, passing, sequences } from '../../helpers/properties.ts';

const ORIGIN = 'http://localhost:3001';
const URL_OF_STATES = new URL(`${ORIGIN}/shop/orders?key=1`);
const TEN_MINUTES_MS = 600_000;

interface Real {
  readonly clock: HandClock;
  readonly offer: DeliveryBatchOffer;
}

interface Model {
  nowMs: number;
  /** The last announcement that differed from the one before it; null if it cannot be used. */
  offered: { readonly states: number; readonly path: string } | null;
  header: string | null;
  refusedAtMs: number;
  tooLarge: { readonly states: number; readonly atMs: number } | null;
}

/** Headers, with what they offer. */
const HEADERS: readonly (readonly [header: string, offered: Model['offered']])[] = [
  ['500;path="/batch"', { states: 500, path: '/batch' }],
  ['5000;path="/batch"', { states: 5_000, path: '/batch' }],
  ['1;path="/one?x=1"', { states: 1, path: '/one?x=1' }],
  [' 20 ; path="/spaced";other=1 ', null],
  ['20;other=1;path="/other"', { states: 20, path: '/other' }],
  ['20;path="/first";path="/last"', { states: 20, path: '/last' }],
  ['20;path="http://elsewhere/batch"', null],
  ['20;path="//elsewhere/batch"', null],
  [`20;path="${ORIGIN}/whole"`, { states: 20, path: '/whole' }],
  ['20;path="batch"', { states: 20, path: '/shop/orders/batch?key=1' }],
  ['20;path="../batch?x=1"', { states: 20, path: '/shop/batch?x=1' }],
  ['0;path="/none"', null],
  ['-5;path="/less"', null],
  ['20', null],
  ['20;path=""', null],
  ['no number', null],
];

const commands = [
  {
    weight: 3,
    arbitrary: fc.oneof(passing, fc.constantFrom(TEN_MINUTES_MS - 1, TEN_MINUTES_MS)).map((ms) =>
      command<Model, Real>(`${ms} ms pass`, (model, { clock }) => {
        clock.nowMs += ms;
        model.nowMs += ms;
      }),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(...HEADERS, [undefined, null] as const).map(([header, offered]) =>
      command<Model, Real>(`the header is ${header}`, (model, { offer }) => {
        offer.hear(header);
        if (header !== undefined) Object.assign(model, { header, offered });
      }),
    ),
  },
  fc.constantFrom(400, 404, 500).map((status) =>
    command<Model, Real>(`a delivery batch is refused with ${status}`, (model, { offer }) => {
      offer.refused(status);
      model.refusedAtMs = model.nowMs;
    }),
  ),
  fc.constantFrom(1, 2, 3, 100, 999, 1_000).map((states) =>
    command<Model, Real>(`a delivery batch of ${states} is too large`, (model, { offer }) => {
      offer.tooLarge(states);
      model.tooLarge = { states, atMs: model.nowMs };
    }),
  ),
  fc.constant(
    command<Model, Real>('a single state is too large as well', (model, { offer }) => {
      offer.wasNotTooLarge();
      model.tooLarge = null;
    }),
  ),
  {
    weight: 4,
    arbitrary: fc.constant(
      command<Model, Real>('a look', ({ nowMs, offered, refusedAtMs, tooLarge }, { offer }) => {
        const isRefused = nowMs - refusedAtMs < TEN_MINUTES_MS;
        const isLess = tooLarge !== null && nowMs - tooLarge.atMs < TEN_MINUTES_MS;
        const most = isLess ? Math.max(1, Math.floor(tooLarge.states / 2)) : 1_000;
        expect(offer.maxDeliveryBatch).toBe(
          offered === null || isRefused ? 1 : Math.min(most, 1_000, offered.states),
        );
        expect(offer.path).toBe(offered?.path ?? '');
      }),
    ),
  },
];

it('the target is offered what its last header says, less or nothing for ten minutes after a refusal', () => {
  holds(
    fc.property(sequences(commands, 40), (steps) => {
      const setup = () => {
        const clock = new HandClock();
        // The clock of a machine never stands at 0.
        clock.nowMs = 1e9;
        const model: Model = {
          nowMs: clock.nowMs,
          offered: null,
          header: null,
          refusedAtMs: 0,
          tooLarge: null,
        };
        const offer = new DeliveryBatchOffer({
          url: URL_OF_STATES,
          targetName: 'a',
          clock,
          logger: () => undefined,
        });
        return { model, real: { clock, offer } };
      };
      fc.modelRun(setup, steps);
    }),
    250,
  );
});
