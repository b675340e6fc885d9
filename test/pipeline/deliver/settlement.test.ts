import { describe, expect, it } from 'vitest';
import {
  deliveryOf,
  idOf,
  isFault,
  NO_OUTCOME,
  nextOf,
  troubleOf,
} from '../../../src/pipeline/deliver/settlement.ts';
import { deliveryIdOf, repairIdOf } from '../../../src/pipeline/delivery-id.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';
import type { DeliveryOutcome } from '../../../src/ports/delivery-target.ts';

const NOW_MS = 1_000_000;
const clock = { now: () => NOW_MS, random: () => 0.5 } as never;
const view = {
  keyColumn: 'order_id',
  columns: [
    { name: 'status', type: 'text' },
    { name: 'is_ready', type: 'boolean' },
    { name: 'note', type: 'text' },
  ],
} as never;
const claimed = (facts: Partial<ClaimedDelivery> = {}): ClaimedDelivery => ({
  target: 'order-mgt',
  claimant: 'me',
  entityId: 'a',
  version: 3,
  row: ['PAID', true, null],
  attempt: 1,
  isRetry: false,
  dueSinceMs: 0,
  deliveryNumber: null,
  ...facts,
});
const outcome = (facts: Partial<DeliveryOutcome>): DeliveryOutcome => ({ ...NO_OUTCOME, ...facts });

describe('the delivery that is made from a claimed one', () => {
  it('a decimal and a moment are texts in the body, and JSON is a value with every digit of its numbers', () => {
    const exact = {
      keyColumn: 'order_id',
      columns: [
        { name: 'total', type: 'decimal', precision: 6, scale: 2 },
        { name: 'paid_at', type: 'timestamp' },
        { name: 'address', type: 'json' },
      ],
    } as const;
    const row = ['12.30', '2026-11-30T07:46:58.500000Z', '{"city":"Oslo","n":12345678901234567890}'];
    expect(JSON.stringify(deliveryOf(claimed({ row }), exact).body)).toBe(
      '{"order_id":"a","total":"12.30","paid_at":"2026-11-30T07:46:58.500000Z",' +
        '"address":{"city":"Oslo","n":12345678901234567890},"version":3}',
    );
    expect(deliveryOf(claimed({ row: [null, null, null] }), exact).body).toMatchObject({ address: null });
  });

  it('a delivery has the row by the names of its columns, with the key and the version', () => {
    expect(deliveryOf(claimed(), view)).toEqual({
      deliveryId: deliveryIdOf('a', 3),
      entityId: 'a',
      version: 3,
      body: { order_id: 'a', status: 'PAID', is_ready: true, note: null, version: 3 },
      isTakeover: false,
      attempt: 1,
    });
  });

  it('a delivery has another id, and names what it replaces, if a target holds another state under its version', () => {
    const delivery = deliveryOf(claimed({ replaces: 'f00' }), view);
    expect(delivery.deliveryId).toBe(repairIdOf('a', 3, 'f00'));
    expect(delivery.deliveryId).not.toBe(deliveryIdOf('a', 3));
    expect(delivery.body).toMatchObject({ version: 3, replaces: 'f00' });
    expect(idOf(claimed({ replaces: 'f00' }))).toBe(delivery.deliveryId);
  });

  it.each([
    [1, false, 1],
    [1, true, 2],
    [2, true, 2],
    [5, true, 5],
  ])('a claim with attempt %i that is a retry: %s goes out as attempt %i', (attempt, isRetry, named) => {
    expect(deliveryOf(claimed({ attempt, isRetry }), view).attempt).toBe(named);
  });

  it('says that it takes over from another instance, and carries the trace', () => {
    const trace = { traceparent: 'x' } as never;
    expect(deliveryOf(claimed({ isTakeover: true, trace }), view)).toMatchObject({ isTakeover: true, trace });
    expect(deliveryOf(claimed(), view)).not.toHaveProperty('trace');
  });
});

describe('what comes next after a failure', () => {
  const rules = { clock, backoff: { baseMs: 100, capMs: 100_000 }, maxAttempts: 5 };
  const ofState = { blames: 'state', mayPark: true, failures: 1 } as never;
  const ofTarget = (failures: number) => ({ blames: 'target', mayPark: false, failures }) as never;

  it.each([
    [1, 50],
    [2, 100],
    [4, 400],
  ])('a state that failed at attempt %i waits by that number', (attempt, ms) => {
    expect(nextOf(claimed({ attempt }), outcome({ verdict: 'retry' }), ofState, rules)).toEqual({
      retryAtMs: NOW_MS + ms,
    });
  });

  it('a state is dead after its last attempt, or if it may be parked', () => {
    expect(nextOf(claimed({ attempt: 5 }), outcome({ verdict: 'retry' }), ofState, rules)).toBe('dead');
    expect(nextOf(claimed(), outcome({ verdict: 'park' }), ofState, rules)).toBe('dead');
    const singly = { blames: 'state', mayPark: false, failures: 1 } as never;
    expect(nextOf(claimed(), outcome({ verdict: 'park' }), singly, rules)).toEqual({
      retryAtMs: NOW_MS + 50,
    });
  });

  it.each([
    [10_000, 10_000],
    [10, 50],
    [24 * 3_600_000, 15 * 60_000],
  ])('a state waits as long as it was asked to, %i ms, but at most 15 minutes', (retryAfterMs, ms) => {
    expect(nextOf(claimed(), outcome({ retryAfterMs }), ofState, rules)).toEqual({ retryAtMs: NOW_MS + ms });
  });

  it.each([
    [1, null, 50],
    [3, null, 200],
    [30, null, 15_000],
    [1, 20_000, 20_000],
    [1, 24 * 3_600_000, 30_000],
  ])(
    'a fault of the target that comes %i times, with a wish of %s ms, lets a state wait %i ms',
    (failures, retryAfterMs, ms) => {
      const next = nextOf(claimed({ attempt: 4 }), outcome({ retryAfterMs }), ofTarget(failures), rules);
      expect(next).toEqual({ retryAtMs: NOW_MS + ms, isCounted: false });
    },
  );

  it('the first attempt counts although the target is at fault, unless there is no second one', () => {
    const first = (maxAttempts: number) =>
      nextOf(claimed(), outcome({}), ofTarget(1), { ...rules, maxAttempts });
    expect(first(5)).toMatchObject({ isCounted: true });
    expect(first(1)).toMatchObject({ isCounted: false });
  });

  it('a target that wants no more deliveries kills no state, not even at its last attempt', () => {
    const next = nextOf(claimed({ attempt: 5 }), outcome({ verdict: 'disable' }), ofState, rules);
    expect(next).toEqual({ retryAtMs: NOW_MS + 50, isCounted: false });
  });
});

describe('a fault of the target as a whole', () => {
  it.each([
    ['retry', null, true],
    ['retry', 302, true],
    ['retry', 399, true],
    ['retry', 400, false],
    ['retry', 401, true],
    ['retry', 403, true],
    ['retry', 404, true],
    ['retry', 405, true],
    ['retry', 407, true],
    ['retry', 408, false],
    ['retry', 409, false],
    ['retry', 425, false],
    ['retry', 499, false],
    ['retry', 500, true],
    ['throttle', 429, true],
    ['park', 500, false],
    ['delivered', 200, false],
  ] as const)('%s with status %s: %s', (verdict, status, is) => {
    expect(isFault({ ...NO_OUTCOME, verdict, status })).toBe(is);
  });

  it('a fault is told with what to look at, if that is known', () => {
    expect(troubleOf({ error: 'It answered 401.', advice: 'Look at the key.' })).toBe(
      'It answered 401. Look at the key.',
    );
    expect(troubleOf({ error: null, advice: null })).toBe('It did not say what is wrong.');
    expect(troubleOf({ error: 'It answered 401.' })).toBe('It answered 401.');
  });
});
