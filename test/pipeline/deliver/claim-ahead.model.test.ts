import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ClaimAhead } from '../../../src/pipeline/deliver/claim-ahead.ts';
import type { Attempts } from '../../../src/pipeline/deliver/claim-loops.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';
import { command, HandClock, holds, passing, sequences, share } from '../../helpers/properties.ts';

interface Real {
  readonly clock: HandClock;
  readonly ahead: ClaimAhead;
}

interface Held {
  readonly delivery: ClaimedDelivery;
  /** When its claim was asked for. */
  readonly claimedMs: number;
}

interface Claim {
  readonly attempts: Attempts;
  readonly atMs: number;
  readonly limit: number;
}

const QUICK = 4;
const QUICK_RETRIES = 2;

/** Two lines of deliveries, and the number of first attempts that there should be. */
class Model {
  nowMs = 0;
  lines: Record<Attempts, Held[]> = { first: [], later: [] };
  /** The claims that are under way: at most one of each kind. */
  asked: Claim[] = [];
  ahead = QUICK * 2;
  isMoreInStore = false;
  /** The claims of first attempts that have shown already that they came too early. */
  readonly early = new Set<number>();
  disownedMs = Number.NEGATIVE_INFINITY;
  claimed = 0;
  inFlight = 0;

  get waiting(): number {
    return this.lines.first.length + this.lines.later.length;
  }

  /** Takes out what was claimed before the moment. */
  drop(beforeMs: number): ClaimedDelivery[] {
    const dropped: ClaimedDelivery[] = [];
    for (const attempts of ['first', 'later'] as const) {
      const isOld = ({ claimedMs }: Held) => claimedMs < beforeMs;
      dropped.push(...this.lines[attempts].filter(isOld).map(({ delivery }) => delivery));
      this.lines[attempts] = this.lines[attempts].filter((held) => !isOld(held));
    }
    return dropped;
  }
}

function expectSame(model: Model, { ahead }: Real): void {
  expect([ahead.first.length, ahead.later.length, ahead.waiting]).toEqual([
    model.lines.first.length,
    model.lines.later.length,
    model.waiting,
  ]);
}

/** The answer to a claim comes. */
function bring(model: Model, real: Real, { attempts, atMs, limit }: Claim, part: number): void {
  const deliveries = Array.from({ length: Math.round(limit * part) }, () => {
    return { entityId: `entity ${model.claimed++}` } as ClaimedDelivery;
  });
  const isMore = deliveries.length === limit;
  const givenBack = real.ahead.add(attempts, deliveries, atMs, isMore);
  if (atMs <= model.disownedMs) {
    expect(givenBack).toEqual(deliveries);
  } else {
    expect(givenBack).toEqual([]);
    model.lines[attempts].push(...deliveries.map((delivery) => ({ delivery, claimedMs: atMs })));
    if (attempts === 'first' && deliveries.length > 0) model.isMoreInStore = isMore;
  }
  expectSame(model, real);
}

const attemptsOf = fc.constantFrom<Attempts>('first', 'first', 'later');
const rates = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constantFrom(0.2, 1, 7, 50, 100_000) },
);

const commands = [
  {
    weight: 4,
    arbitrary: fc.oneof(passing, fc.constantFrom(500, 1_001, 10_000)).map((ms) =>
      command<Model, Real>(`${ms} ms pass`, (model, { clock }) => {
        clock.nowMs += ms;
        model.nowMs += ms;
      }),
    ),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(attemptsOf, rates, fc.option(share)).map(([attempts, rate, part]) => {
      const then = part === null ? '' : `, and brings ${part} of it`;
      return command<Model, Real>(
        `a claim of ${attempts} attempts is asked for at rate ${rate}${then}`,
        (model, real) => {
          // The loop of these attempts waits for one claim at a time.
          if (model.asked.some((claim) => claim.attempts === attempts)) return;
          const most = attempts === 'first' ? model.ahead : QUICK_RETRIES * 2;
          const wanted = Math.min(most, rate === null ? 8_192 : Math.max(1, Math.ceil(rate)));
          const missing = wanted - model.lines[attempts].length;
          const room = Math.min(missing, 32_768 - model.inFlight - model.waiting);
          const limit = real.ahead.limit(attempts, model.inFlight, rate);
          expect(limit).toBe(room >= wanted / 2 ? room : 0);
          if (limit === 0) return;
          const claim = { attempts, atMs: model.nowMs, limit };
          if (part === null) model.asked.push(claim);
          else bring(model, real, claim, part);
        },
      );
    }),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(), share).map(([which, part]) =>
      command<Model, Real>(
        `claim ${which} brings ${part} of what it asked for`,
        (model, real) => {
          const [claim] = model.asked.splice(which % model.asked.length, 1);
          if (claim !== undefined) bring(model, real, claim, part);
        },
        ({ asked }) => asked.length > 0,
      ),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(attemptsOf, fc.constantFrom(1, 2, 3, 9, 20_000)).map(([attempts, count]) =>
      command<Model, Real>(`${count} ${attempts} attempts are taken`, (model, real) => {
        const line = model.lines[attempts];
        const oldestMs = line[0]?.claimedMs;
        const taken = line.splice(0, count).map(({ delivery }) => delivery);
        if (attempts === 'later') {
          expect(real.ahead.later.take(count)).toEqual(taken);
          return;
        }
        expect(real.ahead.takeFirst(count, model.nowMs)).toEqual(taken);
        if (oldestMs !== undefined && model.nowMs - oldestMs > 1_000 && !model.early.has(oldestMs)) {
          model.early.add(oldestMs);
          model.ahead = Math.max(QUICK * 2, Math.floor(model.ahead / 2));
        }
        if (line.length === 0 && model.isMoreInStore) {
          model.isMoreInStore = false;
          model.ahead = Math.min(8_192, model.ahead * 2);
        }
        expectSame(model, real);
      }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(0, 1, 400, 1_000, 9_000).map((holdMs) =>
      command<Model, Real>(`what has waited for ${holdMs} ms is given back`, (model, real) => {
        expect(real.ahead.dropBefore(model.nowMs - holdMs)).toEqual(model.drop(model.nowMs - holdMs));
        expectSame(model, real);
      }),
    ),
  },
  fc.constant(
    command<Model, Real>('all is given back', (model, real) => {
      expect(real.ahead.drop()).toEqual(model.drop(Number.POSITIVE_INFINITY));
      expectSame(model, real);
    }),
  ),
  fc.constant(
    command<Model, Real>('another instance took this one for dead', (model, real) => {
      expect(real.ahead.disown(model.nowMs)).toEqual(model.drop(Number.POSITIVE_INFINITY));
      model.disownedMs = model.nowMs;
      expectSame(model, real);
    }),
  ),
  fc.constantFrom(0, 0, 1_000, 32_760, 32_768).map((count) =>
    command<Model, Real>(`${count} states are not settled`, (model) => {
      model.inFlight = count;
    }),
  ),
];

it('the deliveries claimed ahead leave once, in the sequence of their claims, as many as were wanted', () => {
  holds(
    fc.property(sequences(commands, 80), (steps) => {
      const setup = () => {
        const clock = new HandClock();
        return { model: new Model(), real: { clock, ahead: new ClaimAhead(QUICK, QUICK_RETRIES) } };
      };
      fc.modelRun(setup, steps);
    }),
    300,
  );
});
