import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TokenBucket } from '../../../src/pipeline/deliver/token-bucket.ts';
import { command, HandClock, holds, passing, sequences, share } from '../../helpers/properties.ts';

interface Real {
  readonly clock: HandClock;
  readonly bucket: TokenBucket;
}

interface Moment {
  readonly atMs: number;
  /** The states a second from here on. */
  readonly rate: number;
  /** The states that were taken here. */
  readonly taken: number;
}

const burstOf = (rate: number) => Math.max(1, rate / 10);

/**
 * No level is kept here: what may go now follows from all that has gone since the limit was set. From any moment on, no
 * more may go than the states of a tenth of a second and what the rate gave since.
 */
class Model {
  nowMs = 0;
  rate: number | null = null;
  moments: Moment[] = [];

  setRate(rate: number | null): void {
    if (rate === this.rate) return;
    if (rate === null) this.moments = [];
    // The limit begins with room for one state.
    else this.moments.push({ atMs: this.nowMs, rate, taken: 0 });
    this.rate = rate;
  }

  take(taken: number): void {
    if (this.rate !== null) this.moments.push({ atMs: this.nowMs, rate: this.rate, taken });
  }

  /** What may go now, with its fraction. */
  get room(): number {
    if (this.rate === null) return Number.POSITIVE_INFINITY;
    let least = burstOf(this.rate);
    let gained = 0;
    let taken = 0;
    let untilMs = this.nowMs;
    for (let index = this.moments.length - 1; index >= 0; index--) {
      const moment = this.moments[index] as Moment;
      gained += ((untilMs - moment.atMs) / 1_000) * moment.rate;
      taken += moment.taken;
      untilMs = moment.atMs;
      const before = this.moments[index - 1];
      least = Math.min(least, (before === undefined ? 1 : burstOf(before.rate)) + gained - taken);
    }
    return least;
  }
}

const ROUNDING = 1e-6;

function compare(model: Model, { bucket }: Real): void {
  const { room, rate } = model;
  expect(bucket.ratePerSecond).toBe(rate);
  if (rate === null) {
    expect([bucket.available(), bucket.waitMs()]).toEqual([Number.POSITIVE_INFINITY, 0]);
    return;
  }
  expect([Math.floor(room - ROUNDING), Math.floor(room + ROUNDING)]).toContain(bucket.available());
  const waitMs = ((1 - room) / rate) * 1_000;
  expect(bucket.waitMs()).toBeGreaterThanOrEqual(Math.max(0, waitMs - ROUNDING));
  expect(bucket.waitMs()).toBeLessThan(Math.max(0, waitMs) + 1 + ROUNDING);
}

const rates = fc.oneof(
  fc.constant(null),
  fc.constantFrom(0.1, 1, 3, 10, 50, 1_000, 20_000),
  fc.integer({ min: 1, max: 1_000_000 }).map((rate) => rate / 10),
);

const commands = [
  passing.map((ms) =>
    command<Model, Real>(`${ms} ms pass`, (model, real) => {
      real.clock.nowMs += ms;
      model.nowMs += ms;
    }),
  ),
  rates.map((rate) =>
    command<Model, Real>(`the rate is ${rate}`, (model, real) => {
      real.bucket.setRate(rate);
      model.setRate(rate);
    }),
  ),
  // Only some steps look, because a look fills the bucket.
  fc.constant(command<Model, Real>('a look', compare)),
  share.map((part) =>
    command<Model, Real>(`${part} of what may go is taken`, (model, real) => {
      const available = real.bucket.available();
      const count = Math.floor(Math.min(available, 5_000) * part);
      real.bucket.take(count);
      model.take(count);
    }),
  ),
  fc.constant(
    command<Model, Real>('the wait is waited', (model, real) => {
      const waitMs = real.bucket.waitMs();
      real.clock.nowMs += waitMs;
      model.nowMs += waitMs;
      expect(model.room).toBeGreaterThanOrEqual(1 - ROUNDING);
      compare(model, real);
    }),
  ),
];

it('the bucket lets through what the rate gives, a tenth of a second at once, and no more', () => {
  holds(
    fc.property(sequences(commands, 40), (steps) => {
      const setup = () => {
        const clock = new HandClock();
        return { model: new Model(), real: { clock, bucket: new TokenBucket(clock) } };
      };
      fc.modelRun(setup, steps);
    }),
    400,
  );
});
