import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Slot, Slots } from '../../../src/pipeline/deliver/slots.ts';
import { command, HandClock, holds, passing, sequences } from '../../helpers/properties.ts';

interface Real {
  readonly clock: HandClock;
  readonly slots: Slots;
}

interface Call {
  readonly slot: Slot;
  readonly startedMs: number;
  readonly isRetry: boolean;
  isSlow: boolean;
}

const half = (places: number) => Math.max(1, Math.floor(places / 2));

/** All calls under way, in a list that is counted anew for each question. */
class Model {
  nowMs = 0;
  calls: Call[] = [];
  readonly places: number;
  quickPlaces: number;

  constructor(places: number) {
    this.places = places;
    this.quickPlaces = Math.min(64, places);
  }

  count(isWanted: (call: Call) => boolean): number {
    return this.calls.filter(isWanted).length;
  }

  hasRoom(isRetry: boolean): boolean {
    const isQuick = (call: Call) => !call.isSlow;
    const isQuickRetry = (call: Call) => call.isRetry && isQuick(call);
    if (this.calls.length === this.places) return false;
    if (this.count(isQuick) >= this.quickPlaces) this.makeSlow();
    if (this.count(isQuick) >= this.quickPlaces) return false;
    if (!isRetry) return true;
    if (this.count((call) => call.isRetry) >= half(this.places)) return false;
    if (this.count(isQuickRetry) >= half(this.quickPlaces)) this.makeSlow();
    return this.count(isQuickRetry) < half(this.quickPlaces);
  }

  makeSlow(): void {
    for (const call of this.calls) if (this.nowMs - call.startedMs >= 1_000) call.isSlow = true;
  }

  get nextSlowMs(): number | null {
    const quick = this.calls.filter(({ isSlow }) => !isSlow).map(({ startedMs }) => startedMs);
    if (this.calls.length === this.places || quick.length === 0) return null;
    return Math.max(0, Math.min(...quick) + 1_000 - this.nowMs);
  }
}

function nextSlowMs({ clock, slots }: Real): number | null {
  const { nextSlowAtMs } = slots;
  return nextSlowAtMs === null ? null : Math.max(0, nextSlowAtMs - clock.monotonicMs());
}

function begin(isRetry: boolean, times: number) {
  const what = isRetry ? 'retries' : 'first attempts';
  return command<Model, Real>(`${times} ${what} want to begin`, (model, real) => {
    for (let time = 0; time < times; time++) {
      const expected = model.hasRoom(isRetry);
      expect(real.slots.hasRoom(isRetry)).toBe(expected);
      if (!expected) return;
      const slot = real.slots.begin(isRetry);
      model.calls.push({ slot, startedMs: model.nowMs, isRetry, isSlow: false });
    }
    expect(model.count((call) => call.isRetry)).toBeLessThanOrEqual(half(model.places));
  });
}

const commands = [
  fc.tuple(fc.boolean(), fc.constantFrom(1, 3, 20, 40)).map(([isRetry, times]) => begin(isRetry, times)),
  fc.oneof(passing, fc.constantFrom(300, 999, 1_000)).map((ms) =>
    command<Model, Real>(`${ms} ms pass`, (model, real) => {
      real.clock.nowMs += ms;
      model.nowMs += ms;
    }),
  ),
  fc.array(fc.nat(), { minLength: 1, maxLength: 30, size: 'max' }).map((which) =>
    command<Model, Real>(`the calls ${which} end`, (model, { slots }) => {
      for (const each of which) {
        const [call] = model.calls.splice(each % Math.max(1, model.calls.length), 1);
        if (call !== undefined) slots.end(call.slot);
      }
    }),
  ),
  fc.integer({ min: 1, max: 40 }).map((times) =>
    command<Model, Real>(`${times} calls end well`, (model, { slots }) => {
      for (let time = 0; time < times; time++) slots.widen();
      while (times-- > 0 && model.quickPlaces < half(model.places)) model.quickPlaces++;
    }),
  ),
  fc.constant(
    command<Model, Real>('a look', (model, real) => {
      const { slots } = real;
      expect(slots.quickCalls).toBe(model.quickPlaces);
      expect(slots.quickRetryCalls).toBe(half(model.quickPlaces));
      expect(nextSlowMs(real)).toBe(model.nextSlowMs);
    }),
  ),
  fc.constant(
    command<Model, Real>(
      'the oldest call is waited for until it is slow',
      (model, real) => {
        const waitMs = nextSlowMs(real);
        expect(waitMs).toBe(model.nextSlowMs);
        real.clock.nowMs += waitMs ?? 0;
        model.nowMs += waitMs ?? 0;
        expect(real.slots.hasRoom(false)).toBe(model.hasRoom(false));
        expect(nextSlowMs(real)).toBe(model.nextSlowMs);
      },
      ({ nextSlowMs }) => nextSlowMs !== null,
    ),
  ),
];

const places = fc.oneof(
  fc.integer({ min: 1, max: 6 }),
  fc.constantFrom(63, 64, 65, 127, 128),
  fc.constantFrom(200, 300, 512),
);

it('the slots have room for a call whenever a list of all calls says so', () => {
  holds(
    fc.property(places, sequences(commands, 80), (count, steps) => {
      const setup = () => {
        const clock = new HandClock();
        return { model: new Model(count), real: { clock, slots: new Slots(count, clock) } };
      };
      fc.modelRun(setup, steps);
    }),
    500,
  );
});

it('first attempts have room while all retries hang, and retries while all first attempts hang', () => {
  holds(
    fc.property(fc.integer({ min: 2, max: 600 }), fc.boolean(), (count, retriesHang) => {
      const clock = new HandClock();
      const slots = new Slots(count, clock);
      const hanging = retriesHang ? half(count) : count - half(count);
      for (let call = 0; call < hanging; call++) {
        if (!slots.hasRoom(retriesHang)) clock.nowMs += nextSlowMs({ clock, slots }) ?? 0;
        expect(slots.hasRoom(retriesHang)).toBe(true);
        slots.begin(retriesHang);
      }
      clock.nowMs += 1_000;
      expect(slots.hasRoom(!retriesHang)).toBe(true);
      if (retriesHang) expect(slots.hasRoom(true)).toBe(false);
    }),
    100,
  );
});
