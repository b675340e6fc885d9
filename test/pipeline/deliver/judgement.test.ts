import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { Blame, type Failure } from '../../../src/pipeline/deliver/blame.ts';
import type { CallSummary } from '../../../src/pipeline/deliver/call-summary.ts';
import { Judge, type JudgedParts } from '../../../src/pipeline/deliver/judge.ts';
import type { DeliverOptions } from '../../../src/pipeline/deliver/options.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';
import type { DeliveryOutcome } from '../../../src/ports/delivery-target.ts';
import { DELIVERED, DOWN, names, simulate } from './simulated.ts';

/** A judge with a clock that stands still, and calls that take 10 ms. */
function judge() {
  let nowMs = 1_000_000;
  const blame = new Blame({ monotonicMs: () => nowMs });
  const tried = new Set<string>();
  const delivery = (entityId: string) => {
    const isRetry = tried.has(entityId);
    tried.add(entityId);
    return { entityId, version: 1, isRetry };
  };
  const fails = (entityId: string, facts: Partial<Failure> & { tookMs?: number } = {}) => {
    const startedMs = nowMs;
    nowMs += facts.tookMs ?? 10;
    return blame.failed({
      delivery: delivery(entityId),
      startedMs,
      isRefused: false,
      othersWereDelivered: false,
      target: 'well',
      ...facts,
    });
  };
  return {
    blame,
    fails,
    refuses: (entityId: string, facts: Partial<Failure> = {}) =>
      fails(entityId, { isRefused: true, ...facts }),
    pass(ms: number) {
      nowMs += ms;
    },
    accepts(...entityIds: string[]) {
      const startedMs = nowMs;
      nowMs += 10;
      blame.accepted(
        entityIds.map((entityId) => delivery(entityId)),
        startedMs,
      );
    },
  };
}

describe('the judgement of a failure', () => {
  it('one state that fails alone is blamed, and the target is blamed from the second state on', () => {
    const { fails } = judge();
    expect(fails('a').blames).toBe('state');
    expect(fails('a').blames).toBe('state');
    expect(fails('b').blames).toBe('target');
    expect(fails('a').blames).toBe('target');
  });

  it('a state that failed before and after another was accepted is blamed, whatever else fails then', () => {
    const { fails, accepts } = judge();
    fails('a');
    accepts('other');
    for (const entityId of ['x', 'y', 'z']) fails(entityId);
    expect(fails('a').blames).toBe('state');
    expect(fails('x').blames).toBe('target');
  });

  it('a success that began before the failure was known proves nothing', () => {
    const { blame, fails } = judge();
    blame.accepted([{ entityId: 'before', isRetry: false }], 999_999);
    fails('a');
    fails('x');
    expect(fails('a').blames).toBe('target');
  });

  it('a success beside a call that hung blames the state of that call', () => {
    const { blame, fails } = judge();
    blame.accepted([{ entityId: 'beside', isRetry: false }], 1_000_500);
    fails('x');
    expect(fails('a', { startedMs: 1_000_000, tookMs: 15_000 }).blames).toBe('state');
  });

  it('the target is blamed while the breaker is open, even for a state that was blamed before', () => {
    const { fails, accepts } = judge();
    fails('a');
    accepts('other');
    expect(fails('a').blames).toBe('state');
    expect(fails('a', { target: 'down' }).blames).toBe('target');
    expect(fails('a', { target: 'recovering' }).blames).toBe('state');
    expect(fails('b', { target: 'recovering' }).blames).toBe('target');
  });

  it('a state is parked if it was refused in a call that delivered others', () => {
    const { refuses } = judge();
    expect(refuses('a', { othersWereDelivered: true })).toMatchObject({ blames: 'state', mayPark: true });
  });

  it('a state is parked at its second refusal if another was accepted between the two', () => {
    const { refuses, fails, accepts } = judge();
    expect(refuses('a').mayPark).toBe(false);
    expect(refuses('a').mayPark).toBe(false);
    accepts('other');
    expect(refuses('a').mayPark).toBe(true);
    fails('b');
    accepts('other');
    expect(fails('b').mayPark).toBe(false);
    accepts('other');
    expect(refuses('b').mayPark).toBe(false);
    accepts('other');
    expect(refuses('b').mayPark).toBe(true);
  });

  it('no state is parked while another state is suspected', () => {
    const { refuses, accepts } = judge();
    refuses('a');
    accepts('other');
    refuses('b');
    expect(refuses('a').mayPark).toBe(false);
    accepts('other');
    expect(refuses('a').mayPark).toBe(true);
  });

  it('no state is parked at a refusal if no other state was accepted since its last one', () => {
    const { refuses, accepts, pass } = judge();
    refuses('a');
    for (const name of names('bad', 10)) refuses(name);
    accepts('other');
    // Refusals are frequent now.
    expect(refuses('a').mayPark).toBe(false);
    for (let windows = 0; windows < 10; windows++) {
      pass(10_001);
      refuses('a');
    }
    // Refusals are rare again, but no other state was accepted since.
    expect(refuses('a').mayPark).toBe(false);
    accepts('other');
    expect(refuses('a').mayPark).toBe(true);
  });

  it('the last state of many is parked at its third refusal, after ten seconds, if no other has failed', () => {
    for (const { others, wait, pauseMs, isParked } of [
      { others: 0, wait: 0, pauseMs: 5_000, isParked: true },
      { others: 0, wait: 0, pauseMs: 4_900, isParked: false },
      { others: 1, wait: 0, pauseMs: 5_000, isParked: false },
      { others: 0, wait: 6_000, pauseMs: 5_000, isParked: false },
    ]) {
      const { refuses, accepts, pass, fails } = judge();
      accepts('before');
      pass(wait);
      refuses('last');
      for (const name of names('other', others)) fails(name);
      pass(pauseMs);
      expect(refuses('last').mayPark).toBe(false);
      pass(pauseMs);
      const facts = JSON.stringify({ others, wait, pauseMs });
      expect(refuses('last').mayPark, facts).toBe(isParked);
    }
  });

  it('a state that fails beside another is neither blamed nor parked, however long it has been refused', () => {
    const { refuses, accepts, pass, fails } = judge();
    accepts('before');
    fails('other');
    refuses('last');
    for (let minute = 0; minute < 5; minute++) {
      pass(60_000);
      expect(refuses('last')).toMatchObject({ blames: 'target', mayPark: false });
    }
  });

  it('a new version of an entity is judged without the refusals of the old one', () => {
    const { refuses, accepts } = judge();
    refuses('a');
    accepts('other');
    const newer = { entityId: 'a', version: 2, isRetry: false };
    expect(refuses('a', { delivery: newer }).mayPark).toBe(false);
  });

  it('the judgement remembers 10,000 failing states and no more', () => {
    const { blame, fails, accepts } = judge();
    for (const name of names('order', 10_001)) fails(name);
    accepts('other');
    expect(blame.isProven({ entityId: 'order-0', version: 1 })).toBe(false);
    expect(blame.isProven({ entityId: 'order-1', version: 1 })).toBe(true);
  });
});

describe('a target that refuses everything', () => {
  it('a target that refuses everything is tried every few seconds, and gets all ten seconds after it accepts a state', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(1);
    target.answer = () => ({ ...DOWN, verdict: 'park', status: 400 });
    ledger.due(...names('order', 300));
    deliver.start();
    await clock.advance(30 * 60_000);
    // Every five seconds: three trials as long as there are first attempts, then one.
    expect(target.calls.length).toBeGreaterThan(450);
    expect(deliver.status()).toMatchObject({ dead: 0, delivered: 0 });
    target.answer = () => DELIVERED;
    await clock.advance(10_000);
    expect(deliver.status().delivered).toBeGreaterThan(200);
    await stop();
  });
});

describe('the judge of a call', () => {
  it.each([
    [2, 1, true],
    [2, 2, false],
    [1, 2, false],
  ])(
    'gives up a refused state at once if %d others were taken and %d refused: %s',
    (taken, refused, isDead) => {
      const clock = new SeededClock({ seed: 1 });
      const options = {
        target: { name: 'order-mgt' },
        clock,
        logger: () => {},
        backoff: { baseMs: 1_000, capMs: 60_000 },
        maxAttempts: 10,
      };
      const parts = { breaker: { state: 'closed' } };
      const judge = new Judge(options as unknown as DeliverOptions, parts as JudgedParts);
      const delivery = { entityId: 'a', version: 1, attempt: 1, isRetry: false } as ClaimedDelivery;
      const outcome: DeliveryOutcome = {
        verdict: 'park',
        status: 422,
        error: 'Refused.',
        answer: '',
        latencyMs: 1,
        retryAfterMs: null,
      };
      const call = { taken: Array(taken).fill(delivery), refused: Array(refused).fill(delivery) };
      const next = judge.next(delivery, outcome, clock.monotonicMs(), call as unknown as CallSummary);
      expect(next === 'dead').toBe(isDead);
    },
  );
});
