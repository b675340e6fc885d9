import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ClaimPlace } from '../../../src/pipeline/deliver/claim-place.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';
import { command, HandClock, holds, passing, sequences } from '../../helpers/properties.ts';

interface Real {
  readonly clock: HandClock;
  readonly place: ClaimPlace;
}

interface Model {
  nowMs: number;
  /** When a claim last began at the start; null before the first one. */
  startedMs: number | null;
  /** The last delivery of the last claim, if more may be due behind it. */
  last: ClaimedDelivery | undefined;
  claimed: number;
}

const delivery = (number: number) =>
  ({ entityId: `entity ${number}`, dueSinceMs: number }) as ClaimedDelivery;

function expectNext(model: Model, { place }: Real): void {
  const isTime = model.startedMs === null || model.nowMs - model.startedMs >= 3_000;
  if (isTime) model.last = undefined;
  if (model.last === undefined) model.startedMs = model.nowMs;
  expect(place.next()).toBe(model.last);
}

const commands = [
  fc.oneof(fc.constantFrom(1, 900, 2_100, 2_999, 3_000), passing).map((ms) =>
    command<Model, Real>(`${ms} ms pass`, (model, { clock }) => {
      clock.nowMs += ms;
      model.nowMs += ms;
    }),
  ),
  fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean()).map(([count, isMore]) =>
    command<Model, Real>(
      `a claim takes ${count}, and ${isMore ? 'more' : 'no more'} is due`,
      (model, real) => {
        expectNext(model, real);
        const claimed = Array.from({ length: count }, () => delivery(model.claimed++));
        real.place.moved(claimed, isMore && count > 0);
        model.last = isMore ? claimed.at(-1) : undefined;
      },
    ),
  ),
  // Its answer is lost, so that the place stays.
  fc.constant(command<Model, Real>('a claim fails', expectNext)),
];

it('a claim begins behind the last one while more is due, and at the start every three seconds and at the end', () => {
  holds(
    fc.property(sequences(commands, 60), (steps) => {
      const setup = () => {
        const clock = new HandClock();
        const model: Model = { nowMs: 0, startedMs: null, last: undefined, claimed: 0 };
        return { model, real: { clock, place: new ClaimPlace(clock) } };
      };
      fc.modelRun(setup, steps);
    }),
    400,
  );
});
