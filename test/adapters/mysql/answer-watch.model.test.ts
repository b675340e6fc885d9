import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AnswerWatch, type Wait } from '../../../src/adapters/mysql/answer-watch.ts';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { asyncCommand, asyncSequences, holdsInTime } from '../../helpers/properties.ts';

interface Known {
  readonly wait: Wait;
  /** When it began, or when bytes of its answer came last. */
  sinceMs: number;
  state: 'waiting' | 'ended' | 'given up';
  givenUp: number;
}

class Model {
  nowMs = 0;
  readonly waits: Known[] = [];

  get open(): Known[] {
    return this.waits.filter(({ state }) => state === 'waiting');
  }
}

class Real {
  readonly clock = new SeededClock({ seed: 5 });
  readonly watch = new AnswerWatch(this.clock);
}

/** A wait is given up between its deadline and 1 s later, as looks come twice a second; never before, and only once. */
function compare({ waits, nowMs }: Model): void {
  for (const { state, givenUp, sinceMs, wait } of waits) {
    expect(givenUp).toBe(state === 'given up' ? 1 : 0);
    if (state === 'waiting') expect(nowMs - sinceMs).toBeLessThanOrEqual(wait.deadlineMs + 1_000);
  }
}

const commands = [
  {
    weight: 4,
    arbitrary: fc.constantFrom(100, 500, 3_000, 15_000).map((deadlineMs) =>
      asyncCommand<Model, Real>(`a wait of ${deadlineMs} ms begins`, async (model, { watch }) => {
        const wait: Wait = {
          deadlineMs,
          looks: 0,
          message: (seconds) => `${seconds} s`,
          giveUp: (error) => {
            expect(error.message).toBe(`${known.wait.deadlineMs / 1_000} s`);
            expect(known.state).toBe('waiting');
            known.state = 'given up';
            known.givenUp++;
          },
        };
        const known: Known = { wait, sinceMs: model.nowMs, state: 'waiting', givenUp: 0 };
        model.waits.push(known);
        watch.began(wait);
        compare(model);
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(), fc.boolean()).map(([which, isTwice]) =>
      asyncCommand<Model, Real>(
        `wait ${which} ends${isTwice ? ' twice' : ''}`,
        async (model, { watch }) => {
          const known = model.open[which % model.open.length] as Known;
          known.state = 'ended';
          watch.ended(known.wait);
          if (isTwice) watch.ended(known.wait);
        },
        ({ open }) => open.length > 0,
      ),
    ),
  },
  fc.nat().map((which) =>
    asyncCommand<Model, Real>(
      `bytes come for wait ${which}`,
      async (model) => {
        const known = model.open[which % model.open.length] as Known;
        known.wait.looks = 0;
        known.sinceMs = model.nowMs;
      },
      ({ open }) => open.length > 0,
    ),
  ),
  fc.tuple(fc.nat(), fc.constantFrom(3_000, 15_000)).map(([which, deadlineMs]) =>
    asyncCommand<Model, Real>(
      `wait ${which} begins again with ${deadlineMs} ms`,
      async (model, { watch }) => {
        // As a connection does for its next statement.
        const known = model.waits[which % model.waits.length] as Known;
        if (known.state === 'given up') return;
        known.wait.deadlineMs = deadlineMs;
        known.sinceMs = model.nowMs;
        known.state = 'waiting';
        watch.began(known.wait);
      },
      ({ waits }) => waits.length > 0,
    ),
  ),
  {
    weight: 6,
    arbitrary: fc.constantFrom(1, 499, 500, 1_000, 5_000).map((ms) =>
      asyncCommand<Model, Real>(`${ms} ms pass`, async (model, { clock }) => {
        for (let left = ms; left > 0; left -= 250) {
          const before = model.open.map((known) => ({ known, waitedMs: model.nowMs - known.sinceMs }));
          await clock.advance(Math.min(left, 250));
          model.nowMs += Math.min(left, 250);
          for (const { known, waitedMs } of before)
            if (known.state === 'given up')
              expect(waitedMs + 250).toBeGreaterThanOrEqual(known.wait.deadlineMs);
          compare(model);
        }
        // There is a timer only while something is waited for.
        if (model.open.length > 0) expect(clock.sleepers).toBe(1);
      }),
    ),
  },
];

it('a wait is given up soon after its deadline, once, and never before', async () => {
  await holdsInTime(
    fc.asyncProperty(asyncSequences(commands, 40), async (steps) => {
      const [model, real] = [new Model(), new Real()];
      await fc.asyncModelRun(() => ({ model, real }), steps);
      for (const { wait, state } of model.waits) if (state === 'waiting') real.watch.ended(wait);
      await real.clock.advance(1_000);
      expect(real.clock.sleepers).toBe(0);
    }),
    100,
  );
});
