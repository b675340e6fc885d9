import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Endable, UnderWay } from '../../../src/adapters/http-delivery/under-way.ts';
import { command, HandClock, holds, sequences } from '../../helpers/properties.ts';

const DEADLINE_MS = 100;

interface Known {
  readonly attempt: Endable;
  readonly startedMs: number;
  readonly signal: number;
  /** How it ended, once and for all. */
  end: 'removed' | 'stopped' | 'expired' | null;
  ends: number;
}

class Model {
  nowMs = 0;
  readonly attempts: Known[] = [];

  get open(): Known[] {
    return this.attempts.filter(({ end }) => end === null);
  }
}

class Real {
  readonly clock = new HandClock();
  readonly underWay = new UnderWay(this.clock, DEADLINE_MS);
  readonly stops = [0, 1].map(() => new AbortController());
  /** Whether an attempt that expires begins another one at once, as a retry of a delivery batch does. */
  beginsAnother = false;
}

function begin(model: Model, real: Real, signal: number): void {
  const known: Known = {
    attempt: {
      previous: null,
      next: null,
      signal: (real.stops[signal] as AbortController).signal,
      startedMs: model.nowMs,
      stop: () => ends('stopped'),
      expire: () => {
        ends('expired');
        if (real.beginsAnother && model.attempts.length < 40) begin(model, real, signal);
      },
    },
    startedMs: model.nowMs,
    signal,
    end: null,
    ends: 0,
  };
  const ends = (how: 'stopped' | 'expired') => {
    known.end ??= how;
    known.ends++;
    // An attempt that has ended takes itself out.
    real.underWay.remove(known.attempt);
  };
  model.attempts.push(known);
  real.underWay.add(known.attempt);
}

/** Time passes in steps of 1 ms, so that each timer finds the clock at its moment. */
function pass(model: Model, real: Real, ms: number): void {
  for (let step = 0; step < ms; step++) {
    real.clock.nowMs++;
    model.nowMs++;
    vi.advanceTimersByTime(1);
  }
}

function compare({ attempts, nowMs, open }: Model, { stops }: Real): void {
  for (const known of attempts) {
    expect(known.ends).toBeLessThanOrEqual(1);
    if (known.end === 'expired') expect(nowMs - known.startedMs).toBeGreaterThanOrEqual(DEADLINE_MS);
    if (known.end === 'stopped') expect(stops[known.signal]?.signal.aborted).toBe(true);
  }
  // None is left open beyond its deadline, and there is one timer for all of them.
  for (const { startedMs } of open) expect(nowMs - startedMs).toBeLessThan(DEADLINE_MS);
  expect(vi.getTimerCount()).toBe(open.length > 0 ? 1 : 0);
  for (const { signal } of stops) expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(1);
}

const commands = [
  {
    weight: 5,
    arbitrary: fc.nat({ max: 1 }).map((signal) =>
      command<Model, Real>(`an attempt begins with signal ${signal}`, (model, real) => {
        if (real.stops[signal]?.signal.aborted === true) return;
        begin(model, real, signal);
        compare(model, real);
      }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.nat().map((which) =>
      command<Model, Real>(`attempt ${which} ends`, (model, real) => {
        const known = model.open[which % Math.max(1, model.open.length)];
        if (known === undefined) return;
        known.end = 'removed';
        real.underWay.remove(known.attempt);
        // Twice, as when an answer and an error come for one attempt.
        real.underWay.remove(known.attempt);
        compare(model, real);
      }),
    ),
  },
  {
    weight: 5,
    arbitrary: fc.constantFrom(1, 10, 49, 99, 100, 101, 250).map((ms) =>
      command<Model, Real>(`${ms} ms pass`, (model, real) => {
        pass(model, real, ms);
        compare(model, real);
      }),
    ),
  },
  fc.nat({ max: 1 }).map((signal) =>
    command<Model, Real>(`signal ${signal} aborts`, (model, real) => {
      real.stops[signal]?.abort();
      expect(model.open.filter((known) => known.signal === signal)).toEqual([]);
      compare(model, real);
    }),
  ),
  fc.boolean().map((value) =>
    command<Model, Real>(`attempts that expire begin another one: ${value}`, (_, real) => {
      real.beginsAnother = value;
    }),
  ),
];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

it('each attempt ends once: by itself, at its deadline to the millisecond, or with its signal', () => {
  holds(
    fc.property(sequences(commands, 40), (steps) => {
      vi.clearAllTimers();
      fc.modelRun(() => ({ model: new Model(), real: new Real() }), steps);
    }),
    120,
  );
});
