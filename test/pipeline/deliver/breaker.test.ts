import { describe, expect, it } from 'vitest';
import { Breaker } from '../../../src/pipeline/deliver/breaker.ts';
import { DEFAULT_BREAKER } from '../../../src/pipeline/deliver/options.ts';

describe('the breaker', () => {
  it('tells since when it is not closed, through trials and ramp, until it is closed again', () => {
    let nowMs = 0;
    const breaker = new Breaker(DEFAULT_BREAKER, { monotonicMs: () => nowMs, random: () => 0 }, () => {});
    const ended = (outcome: 'accepted' | 'fault', entityId: string) =>
      breaker.ended({
        generation: breaker.generation,
        startedMs: nowMs,
        outcome,
        entityIds: [entityId],
        isFirstAttempt: true,
        error: null,
      });
    expect(breaker.notClosedForMs).toBe(null);
    for (let order = 0; order < DEFAULT_BREAKER.faults; order++) ended('fault', `order-${order}`);
    expect([breaker.state, breaker.notClosedForMs]).toEqual(['open', 0]);
    nowMs += 2_000;
    breaker.tick();
    expect([breaker.state, breaker.notClosedForMs]).toEqual(['half_open', 2_000]);
    breaker.began(true);
    ended('accepted', 'order-1');
    expect(breaker.state).toBe('ramping');
    while (breaker.state === 'ramping' && nowMs < 60_000) {
      ended('accepted', 'order-1');
      nowMs += 1_000;
      breaker.tick();
      if (breaker.state === 'ramping') expect(breaker.notClosedForMs).toBe(nowMs);
    }
    expect([breaker.state, breaker.notClosedForMs]).toEqual(['closed', null]);
  });
});
