import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Breaker, type CallReport } from '../../../src/pipeline/deliver/breaker.ts';
import type { BreakerOptions } from '../../../src/pipeline/deliver/options.ts';
import { command, HandClock, holds, passing, sequences } from '../../helpers/properties.ts';
import { type Call, Model, OPTIONS, type Real } from './breaker-model.ts';

function expectSame(model: Model, { breaker }: Real): void {
  const { state, generation, nowMs, openUntilMs, ramp, notClosedSinceMs } = model;
  expect({
    state: breaker.state,
    generation: breaker.generation,
    opensInMs: breaker.opensInMs,
    rampPerSecond: breaker.rampPerSecond,
    first: breaker.allowance('first'),
    later: breaker.allowance('later'),
    notClosedForMs: breaker.notClosedForMs,
    nextTickMs: breaker.nextTickMs,
  }).toEqual({
    state,
    generation,
    opensInMs: state === 'open' ? Math.max(0, openUntilMs - nowMs) : null,
    rampPerSecond: state === 'ramping' ? ramp.rate : null,
    first: model.allowance(true),
    later: model.allowance(false),
    notClosedForMs: notClosedSinceMs === null ? null : nowMs - notClosedSinceMs,
    nextTickMs:
      state === 'ramping'
        ? Math.max(0, ramp.untilMs - nowMs)
        : state === 'open'
          ? Math.max(0, openUntilMs - nowMs)
          : null,
  });
}

const entityIds = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), {
  minLength: 1,
  maxLength: 3,
});
const outcomes = fc.constantFrom<CallReport['outcome']>('accepted', 'refused', 'fault', 'fault');

/** A call that begins now, if the breaker allows it. */
function begin(
  model: Model,
  { breaker }: Real,
  isFirstAttempt: boolean,
  ids: readonly string[],
): Call | null {
  model.tick();
  breaker.tick();
  if (model.allowance(isFirstAttempt) < 1) return null;
  breaker.began(isFirstAttempt);
  if (model.state === 'half_open') {
    model.trials.left--;
    if (!isFirstAttempt) model.trials.retriesLeft--;
    model.trials.out++;
  }
  const { nowMs: startedMs, generation } = model;
  return { generation, startedMs, isFirstAttempt, entityIds: ids };
}

function end(model: Model, real: Real, call: Call, outcome: CallReport['outcome']): void {
  const { generation, startedMs, isFirstAttempt } = call;
  const ids = outcome === 'refused' ? call.entityIds : call.entityIds.slice(0, 1);
  const report = { generation, startedMs, isFirstAttempt, outcome, entityIds: ids };
  real.breaker.ended({ ...report, error: outcome === 'accepted' ? null : 'It failed.' });
  model.ended({ ...call, entityIds: ids }, outcome, real);
  expectSame(model, real);
}

const begins = fc.tuple(fc.boolean(), entityIds).map(([isFirstAttempt, ids]) =>
  command<Model, Real>(`a ${isFirstAttempt ? 'first attempt' : 'retry'} of ${ids} begins`, (model, real) => {
    const call = begin(model, real, isFirstAttempt, ids);
    if (call !== null) model.calls.push(call);
    expectSame(model, real);
  }),
);

const callEnds = fc.tuple(fc.nat(), outcomes).map(([which, outcome]) =>
  command<Model, Real>(
    `call ${which} ends: ${outcome}`,
    (model, real) => {
      const [call] = model.calls.splice(which % model.calls.length, 1) as [Call];
      end(model, real, call, outcome);
    },
    ({ calls }) => calls.length > 0,
  ),
);

const isDoneAtOnce = fc.tuple(fc.boolean(), entityIds, outcomes).map(([isFirstAttempt, ids, outcome]) =>
  command<Model, Real>(`a call of ${ids} (first: ${isFirstAttempt}) is ${outcome} at once`, (model, real) => {
    const call = begin(model, real, isFirstAttempt, ids);
    if (call !== null) end(model, real, call, outcome);
  }),
);

const asks = fc
  .tuple(
    fc.nat(),
    fc.constantFrom(1, 500, 29_999, 30_000, 30_001, 600_000, 2 ** 40),
    fc.constantFrom(1, 1, 2),
  )
  .map(([which, ms, states]) =>
    command<Model, Real>(
      `call ${which} of ${states} states is asked to wait ${ms} ms`,
      (model, real) => {
        const [call] = model.calls.splice(which % model.calls.length, 1) as [Call];
        const { generation, isFirstAttempt } = call;
        const [entityId = ''] = call.entityIds;
        real.breaker.asked({ generation, isFirstAttempt, entityId, ms, states });
        model.askedFor(call, ms, states);
        expectSame(model, real);
      },
      ({ calls }) => calls.length > 0,
    ),
  );

const timePasses = fc.oneof(passing, fc.constantFrom(999, 1_000, 5_000, 30_000)).map((ms) =>
  command<Model, Real>(`${ms} ms pass`, (model, { clock }) => {
    clock.nowMs += ms;
    model.nowMs += ms;
  }),
);

const isWaitedFor = fc.constant(
  command<Model, Real>('the next change by time is waited for', (model, real) => {
    const waitMs = real.breaker.nextTickMs ?? 0;
    real.clock.nowMs += waitMs;
    model.nowMs += waitMs;
    real.breaker.tick();
    model.tick();
    expectSame(model, real);
  }),
);

const chance = fc.constantFrom(0, 0.5, 1 - 2 ** -53).map((value) =>
  command<Model, Real>(`random numbers are ${value}`, (_, { clock }) => {
    clock.chance = value;
  }),
);

const disables = fc.constant(
  command<Model, Real>('the target wants no more', (model, real) => {
    real.breaker.disable('410');
    if (model.state !== 'disabled') model.reset('disabled');
    expectSame(model, real);
  }),
);

function makeReal(options: BreakerOptions): Real {
  const clock = new HandClock();
  const logged: string[] = [];
  const breaker = new Breaker(options, clock, (level, message) => logged.push(`${level}: ${message}`));
  return { clock, breaker, logged };
}

describe('the breaker', () => {
  it('goes through its states as a plain account of what has failed since the last success', () => {
    const commands = [
      { weight: 4, arbitrary: timePasses },
      { weight: 5, arbitrary: isWaitedFor },
      { weight: 6, arbitrary: begins },
      { weight: 6, arbitrary: callEnds },
      { weight: 9, arbitrary: isDoneAtOnce },
      { weight: 3, arbitrary: asks },
      chance,
    ];
    holds(
      fc.property(sequences(commands, 100), (steps) => {
        fc.modelRun(() => ({ model: new Model(), real: makeReal(OPTIONS) }), steps);
      }),
      500,
    );
  });

  it('sends nothing more after the target wanted no more, whatever comes', () => {
    const commands = [begins, callEnds, isDoneAtOnce, asks, isWaitedFor, timePasses];
    holds(
      fc.property(sequences(commands, 20), disables, sequences(commands, 20), (before, disable, after) => {
        const [model, real] = [new Model(), makeReal(OPTIONS)];
        fc.modelRun(() => ({ model, real }), before);
        disable.run(model, real);
        fc.modelRun(() => ({ model, real }), after);
        expect(real.breaker.state).toBe('disabled');
      }),
      100,
    );
  });

  it('never opens because of one entity, however often and however it fails', () => {
    const kinds = fc.constantFrom('fault', 'refused', 'asked');
    const failures = fc.array(fc.tuple(kinds, fc.boolean(), fc.nat({ max: 3_000 })), {
      maxLength: 60,
      size: 'max',
    });
    holds(
      fc.property(failures, (list) => {
        const { breaker, clock } = makeReal(OPTIONS);
        for (const [kind, isFirstAttempt, tookMs] of list) {
          const { generation } = breaker;
          const startedMs = clock.nowMs;
          breaker.began(isFirstAttempt);
          clock.nowMs += tookMs;
          const call = { generation, startedMs, isFirstAttempt };
          if (kind === 'asked') breaker.asked({ ...call, entityId: 'one', ms: 60_000, states: 1 });
          else breaker.ended({ ...call, outcome: kind as 'fault', entityIds: ['one'], error: 'It failed.' });
          breaker.tick();
          expect(breaker.state).toBe('closed');
        }
      }),
      200,
    );
  });

  it('opens when half of the first attempts fail, where each window halves what was before it', () => {
    const options = { ...OPTIONS, faults: Number.MAX_SAFE_INTEGER, minimumCalls: 10 };
    const call = fc.record({
      afterMs: fc.oneof(
        { weight: 8, arbitrary: fc.nat({ max: 600 }) },
        { weight: 1, arbitrary: fc.constantFrom(10_000, 25_000, 3_600_000) },
      ),
      isFault: fc.constantFrom(true, true, false),
      isFirstAttempt: fc.boolean(),
    });
    holds(
      fc.property(fc.array(call, { maxLength: 60, size: 'max' }), (list) => {
        const { breaker, clock } = makeReal(options);
        let counted: { readonly weight: number; readonly isFault: boolean }[] = [];
        let untilMs = 0;
        for (const { afterMs, isFault, isFirstAttempt } of list) {
          clock.nowMs += afterMs;
          if (clock.nowMs >= untilMs) {
            const windows = 1 + Math.floor((clock.nowMs - untilMs) / options.windowMs);
            counted = counted.map((each) => ({ ...each, weight: each.weight / 2 ** windows }));
            untilMs = clock.nowMs + options.windowMs;
          }
          if (isFirstAttempt) counted.push({ weight: 1, isFault });
          const outcome = isFault ? 'fault' : 'accepted';
          const { generation } = breaker;
          const entityIds = [String(clock.nowMs)];
          breaker.ended({
            generation,
            startedMs: clock.nowMs,
            outcome,
            entityIds,
            isFirstAttempt,
            error: null,
          });
          const sum = (some: typeof counted) => some.reduce((total, { weight }) => total + weight, 0);
          const calls = sum(counted);
          const faults = sum(counted.filter((each) => each.isFault));
          const opens = isFault && calls >= options.minimumCalls && faults >= calls / 2;
          expect(breaker.state).toBe(opens ? 'open' : 'closed');
          if (opens) return;
        }
      }),
      400,
    );
  });
});
