import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SeededClock } from '../../src/adapters/seeded-clock.ts';
import { Gate } from '../../src/pipeline/gate.ts';
import { asyncCommand, asyncSequences, holdsInTime } from '../helpers/properties.ts';

interface Waiter {
  readonly stop: AbortController;
  /** When its time is over; null if it waits without an end. */
  readonly untilMs: number | null;
  isOver: boolean;
}

interface Model {
  nowMs: number;
  waiters: Waiter[];
  /** The waiters that the gate has to have let go. */
  readonly gone: Set<Waiter>;
}

class Real {
  readonly gate = new Gate();
  readonly clock = new SeededClock({ seed: 3 });
}

function leave(model: Model, isMeant: (waiter: Waiter) => boolean): void {
  for (const waiter of model.waiters) if (isMeant(waiter)) model.gone.add(waiter);
}

/** Every wait has ended that had to, and no other. A wait that has ended leaves no timer and no listener behind. */
async function compare({ waiters, gone }: Model, { clock }: Real): Promise<void> {
  await clock.advance(0);
  for (const waiter of waiters) {
    expect(waiter.isOver).toBe(gone.has(waiter));
    const listeners = getEventListeners(waiter.stop.signal, 'abort').length;
    expect(listeners > 0).toBe(!gone.has(waiter));
  }
  const timed = waiters.filter((waiter) => waiter.untilMs !== null && !gone.has(waiter));
  expect(clock.sleepers).toBe(timed.length);
}

const commands = [
  {
    weight: 4,
    arbitrary: fc.tuple(fc.option(fc.constantFrom(0, 1, 50, 2 ** 40)), fc.boolean()).map(([ms, isAborted]) =>
      asyncCommand<Model, Real>(`a loop waits for ${ms} ms (aborted: ${isAborted})`, async (model, real) => {
        const stop = new AbortController();
        if (isAborted) stop.abort();
        const { gate, clock } = real;
        const waiter: Waiter = { stop, untilMs: ms === null ? null : model.nowMs + ms, isOver: false };
        const wait = ms === null ? gate.wait(stop.signal) : gate.waitFor(ms, clock, stop.signal);
        void wait.then(() => {
          waiter.isOver = true;
        });
        model.waiters.push(waiter);
        if (isAborted || ms === 0) model.gone.add(waiter);
        await compare(model, real);
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(1, 2).map((times) =>
      asyncCommand<Model, Real>(`the gate opens ${times} times`, async (model, real) => {
        for (let time = 0; time < times; time++) real.gate.open();
        leave(model, () => true);
        await compare(model, real);
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat().map((which) =>
      asyncCommand<Model, Real>(
        `waiter ${which} is stopped`,
        async (model, real) => {
          const waiter = model.waiters[which % model.waiters.length];
          waiter?.stop.abort();
          leave(model, (each) => each === waiter);
          await compare(model, real);
        },
        ({ waiters }) => waiters.length > 0,
      ),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(1, 49, 50).map((ms) =>
      asyncCommand<Model, Real>(`${ms} ms pass`, async (model, real) => {
        await real.clock.advance(ms);
        model.nowMs += ms;
        leave(model, ({ untilMs }) => untilMs !== null && untilMs <= model.nowMs);
        await compare(model, real);
      }),
    ),
  },
];

it('opening the gate wakes those that wait, once and all, and nothing stays of a wait that has ended', async () => {
  await holdsInTime(
    fc.asyncProperty(asyncSequences(commands, 30), async (steps) => {
      const model: Model = { nowMs: 0, waiters: [], gone: new Set() };
      await fc.asyncModelRun(() => ({ model, real: new Real() }), steps);
    }),
    100,
  );
});
