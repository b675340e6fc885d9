import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import { DEFAULT_BREAKER } from '../../../src/pipeline/deliver/options.ts';
import { DELIVERED, DOWN, names, simulate } from './simulated.ts';

describe('a target that hangs for some orders', () => {
  it('no other order is delayed by two seconds: 200 orders a second, of which 5 % hang for 15 s', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(1);
    const hangs = (id: string) => Number(id.split('-')[1]) % 20 === 0;
    target.latencyMs = ([delivery]) => (hangs(delivery?.entityId ?? '') ? 15_000 : 5);
    target.answer = ({ entityId }) => (hangs(entityId) ? DOWN : DELIVERED);
    deliver.start();
    const all = names('order', 200 * 60);
    for (let at = 0; at < all.length; at += 10) {
      ledger.due(...all.slice(at, at + 10));
      deliver.wake();
      await clock.advance(50);
    }
    await clock.advance(2_000);
    const healthy = [...ledger.rows.values()].filter(({ entityId }) => !hangs(entityId));
    expect(healthy).toHaveLength(190 * 60);
    const slowestMs = Math.max(...healthy.map((row) => (row.deliveredMs ?? Infinity) - row.dueSinceMs));
    expect(slowestMs).toBeLessThan(2_000);
    expect(deliver.status().breaker).toBe('closed');
    expect(Math.max(...[...ledger.rows.values()].map(({ attempts }) => attempts))).toBeGreaterThan(1);
    expect(target.mostUnderWay).toBeLessThanOrEqual(512);
    await stop();
  });

  it('half of the slots stay free for first attempts when all retries hang', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(2, {
      concurrency: 8,
      backoff: { baseMs: 1, capMs: 1 },
      breaker: { ...DEFAULT_BREAKER, faults: 1_000, minimumCalls: 1_000 },
      maxAttempts: 1_000,
    });
    const isBad = (id = '') => id.startsWith('bad');
    let isHanging = false;
    target.latencyMs = ([delivery]) => (isHanging && isBad(delivery?.entityId) ? 15_000 : 5);
    target.answer = ({ entityId }) => (isBad(entityId) ? DOWN : DELIVERED);
    ledger.due(...names('bad', 100));
    deliver.start();
    await clock.advance(500);
    isHanging = true;
    await clock.advance(2_000);
    expect(target.underWay).toBe(4);
    ledger.due(...names('good', 100));
    deliver.wake();
    await clock.advance(1_000);
    expect(ledger.undelivered.filter(({ entityId }) => !isBad(entityId))).toEqual([]);
    await stop();
  });
});

describe('a target that answers', () => {
  it('the requests under way grow from 64 to half of all slots while the target answers', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(13, { concurrency: 400 });
    target.latencyMs = () => 20;
    ledger.due(...names('order', 60_000));
    deliver.start();
    await clock.advance(15);
    expect(target.mostUnderWay).toBe(64);
    await clock.advance(500);
    expect(target.underWay).toBe(200);
    await clock.advance(5_000);
    expect(target.mostUnderWay).toBe(200);
    await stop();
  });

  it('the requests under way do not grow while every answer is a fault', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(14, {
      breaker: { ...DEFAULT_BREAKER, faults: 100_000, minimumCalls: 100_000 },
    });
    target.answer = () => DOWN;
    ledger.due(...names('order', 5_000));
    deliver.start();
    await clock.advance(5_000);
    expect(target.sentBetween(0, 5_000)).toBeGreaterThan(1_000);
    expect(target.mostUnderWay).toBe(64);
    await stop();
  });
});

describe('a target that is down', () => {
  it('a target that is down gets a few trials alone, and twice as many states each second once it is back', async () => {
    const { clock, ledger, target, deliver, logged, stop } = simulate(3);
    let isUp = false;
    target.answer = () => (isUp ? DELIVERED : DOWN);
    ledger.due(...names('order', 20_000));
    deliver.start();
    await clock.advance(1_000);
    expect(deliver.status().breaker).toBe('open');
    const sentAtFirst = target.sentBetween(0, 1_000);
    expect(sentAtFirst).toBeLessThanOrEqual(64 + 2 * 10);
    await clock.advance(10 * 60_000);
    // Trials alone: three at a time, every 10 to 20 s once the breaker waits its longest.
    const trials = target.sentBetween(1_000, clock.monotonicMs());
    expect(trials).toBeGreaterThanOrEqual(10);
    expect(trials).toBeLessThan(180);
    const neverClaimed = ledger.undelivered.filter(({ attempts }) => attempts === 0);
    expect(neverClaimed.length).toBeGreaterThan(19_000);
    expect(Math.max(...ledger.undelivered.map(({ attempts }) => attempts))).toBeLessThan(12);
    // Claims that were not sent when the breaker opened were given back without a counted attempt.
    const counted = ledger.undelivered.filter(({ attempts }) => attempts > 0).map(({ entityId }) => entityId);
    expect(new Set(counted)).toEqual(new Set(target.calls.flatMap(({ ids }) => ids)));
    expect(Math.max(...ledger.undelivered.map(({ attempts }) => attempts))).toBe(1);
    expect(deliver.status()).toMatchObject({ waiting: 0 });

    isUp = true;
    while (deliver.status().breaker !== 'ramping') await clock.advance(100);
    const backMs = clock.monotonicMs();
    await clock.advance(10_000);
    const perSecond = Array.from({ length: 5 }, (_, second) =>
      target.sentBetween(backMs + second * 1_000, backMs + (second + 1) * 1_000),
    );
    for (const [second, sent] of perSecond.entries()) {
      expect(sent, `second ${second}`).toBeLessThanOrEqual(50 * 2 ** (second + 1) * 1.15);
      expect(sent, `second ${second}`).toBeGreaterThanOrEqual(40 * 2 ** second * 0.5);
    }
    await clock.advance(10 * 60_000);
    expect(deliver.status()).toMatchObject({ breaker: 'closed', delivered: 20_000, dead: 0 });
    expect(logged.join('\n')).toMatch(/warn: .*Nothing is sent .*info: .*takes states again/s);
    await stop();
  });

  it('the breaker opens again when the target fails again while more and more is sent', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(4);
    let isUp = false;
    target.answer = () => (isUp ? DELIVERED : DOWN);
    ledger.due(...names('order', 5_000));
    deliver.start();
    await clock.advance(1_000);
    isUp = true;
    while (deliver.status().breaker !== 'ramping') await clock.advance(100);
    await clock.advance(1_500);
    isUp = false;
    await clock.advance(200);
    expect(deliver.status().breaker).toBe('open');
    await stop();
  });

  it('one order that the target cannot accept does not hold up the others, however often it is tried', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(5, {
      backoff: { baseMs: 1, capMs: 1 },
      maxAttempts: 1_000,
    });
    target.answer = ({ entityId }) => (entityId === 'bad' ? { ...DOWN, status: 500 } : DELIVERED);
    ledger.due('bad');
    deliver.start();
    await clock.advance(60_000);
    expect(ledger.rows.get('bad')?.attempts).toBeGreaterThan(50);
    expect(deliver.status().breaker).toBe('closed');
    await stop();
  });

  it('the breaker stays closed while one state in two is refused', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(6, { maxAttempts: 4 });
    const isBad = (id: string) => id.startsWith('order') && Number(id.split('-')[1]) % 2 === 0;
    target.answer = ({ entityId }) =>
      isBad(entityId) ? { ...DOWN, verdict: 'park', status: 422 } : DELIVERED;
    deliver.start();
    const all = names('order', 1_000);
    for (let at = 0; at < all.length; at += 10) {
      ledger.due(...all.slice(at, at + 10));
      deliver.wake();
      await clock.advance(100);
      expect(deliver.status().breaker).toBe('closed');
    }
    await clock.advance(60_000);
    // The last few refused states are not parked until other states are accepted.
    expect(deliver.status().dead).toBeGreaterThan(450);
    for (const name of names('good', 20)) {
      ledger.due(name);
      deliver.wake();
      await clock.advance(5_000);
    }
    expect(deliver.status()).toMatchObject({ breaker: 'closed', delivered: 520, dead: 500 });
    await stop();
  });
});

describe('a target that says how it wants to be treated', () => {
  it('a target that asks for 30 s at several orders gets nothing in that time, and the others keep their attempts', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(7);
    target.answer = () => ({ ...DOWN, verdict: 'throttle', status: 503, retryAfterMs: 30_000 });
    ledger.due(...names('first', 4));
    deliver.start();
    await clock.advance(1_000);
    target.answer = () => DELIVERED;
    ledger.due(...names('other', 300));
    deliver.wake();
    await clock.advance(28_000);
    expect(target.calls).toHaveLength(4);
    expect(ledger.undelivered.filter(({ attempts }) => attempts > 0)).toHaveLength(4);
    await clock.advance(31_000);
    expect(ledger.undelivered).toEqual([]);
    await stop();
  });

  it('a request for an hour at one order holds up that order alone, for 15 minutes', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(15);
    const ask = { ...DOWN, verdict: 'throttle', status: 429, retryAfterMs: 60 * 60_000 } as const;
    target.answer = ({ entityId }) => (entityId === 'asked' ? ask : DELIVERED);
    ledger.due('asked');
    deliver.start();
    await clock.advance(1_000);
    for (const name of names('other', 50)) {
      ledger.due(name);
      deliver.wake();
      await clock.advance(1_000);
      expect(ledger.rows.get(name)?.deliveredMs, name).not.toBeNull();
    }
    expect(deliver.status().breaker).toBe('closed');
    target.answer = () => DELIVERED;
    await clock.advance(13 * 60_000);
    expect(ledger.rows.get('asked')?.deliveredMs).toBeNull();
    await clock.advance(2 * 60_000);
    expect(ledger.undelivered).toEqual([]);
    await stop();
  });

  it('a target that asks for an hour at all orders is tried every half minute, and gets all once it accepts one', async () => {
    const { clock, ledger, target, deliver, logged, stop } = simulate(16);
    target.answer = () => ({ ...DOWN, verdict: 'throttle', status: 503, retryAfterMs: 60 * 60_000 });
    ledger.due(...names('order', 300));
    deliver.start();
    await clock.advance(1_000);
    expect(deliver.status().breaker).toBe('open');
    const atFirst = target.calls.length;
    await clock.advance(10 * 60_000);
    const trials = target.calls.length - atFirst;
    expect(trials).toBeGreaterThanOrEqual(15);
    expect(trials).toBeLessThanOrEqual(21);
    expect(logged.filter((line) => line.includes('asks to be left alone')).length).toBeLessThanOrEqual(21);
    target.answer = () => DELIVERED;
    await clock.advance(60_000);
    // Three orders were answered before the breaker opened, and wait for 15 minutes each.
    expect(ledger.undelivered.length).toBeLessThanOrEqual(3);
    await clock.advance(15 * 60_000);
    expect(deliver.status()).toMatchObject({ delivered: 300, dead: 0 });
    await stop();
  });

  it('orders for which the target does not ask to wait go on: 100 orders a second, of which 10 % are to wait', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(10, {
      backoff: { baseMs: 200, capMs: 1_000 },
      maxAttempts: 6,
    });
    const asks = (id: string) => Number(id.split('-')[1]) % 10 === 5;
    target.answer = ({ entityId }) =>
      asks(entityId) ? { ...DOWN, verdict: 'throttle', status: 429, retryAfterMs: 1_000 } : DELIVERED;
    deliver.start();
    const all = names('order', 100 * 20);
    for (let at = 0; at < all.length; at += 10) {
      ledger.due(...all.slice(at, at + 10));
      deliver.wake();
      await clock.advance(100);
    }
    await clock.advance(30_000);
    const others = [...ledger.rows.values()].filter(({ entityId }) => !asks(entityId));
    const slowestMs = Math.max(...others.map((row) => (row.deliveredMs ?? Infinity) - row.dueSinceMs));
    expect(slowestMs).toBeLessThan(2_000);
    expect(deliver.status()).toMatchObject({ delivered: 1_800, dead: 200 });
    await stop();
  });

  it('a target that accepted states until a moment ago gets nothing more after it asked to wait for a few', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(11);
    ledger.due(...names('before', 100));
    deliver.start();
    await clock.advance(1_000);
    expect(ledger.undelivered).toEqual([]);
    target.answer = () => ({ ...DOWN, verdict: 'throttle', status: 429, retryAfterMs: 30_000 });
    for (const name of names('after', 100)) {
      ledger.due(name);
      deliver.wake();
      await clock.advance(100);
    }
    expect(deliver.status().breaker).toBe('open');
    expect(target.calls.length).toBeLessThanOrEqual(100 + 5);
    await stop();
  });

  it('a target that wants no more deliveries gets none, an error says so, and nothing is given up', async () => {
    const { clock, ledger, target, deliver, logged, stop } = simulate(8);
    target.answer = () => ({ ...DOWN, verdict: 'disable', status: 410, error: 'Gone.' });
    ledger.due('first');
    deliver.start();
    await clock.advance(1_000);
    ledger.due(...names('other', 50));
    await clock.advance(24 * 60 * 60_000);
    expect(target.calls).toHaveLength(1);
    expect(deliver.status()).toMatchObject({ breaker: 'disabled', dead: 0 });
    expect(logged).toEqual([expect.stringMatching(/^error: .*NOTHING is sent/)]);
    await stop();
  });

  it('the rate limit is kept in every second, and all states are delivered in the end', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(9, { ratePerSecond: 100 });
    target.maxDeliveryBatch = 50;
    ledger.due(...names('order', 1_000));
    deliver.start();
    await clock.advance(15_000);
    for (let second = 0; second < 9; second++) {
      const sent = target.sentBetween(second * 1_000, (second + 1) * 1_000);
      expect(sent, `second ${second}`).toBeLessThanOrEqual(111);
      expect(sent, `second ${second}`).toBeGreaterThanOrEqual(85);
    }
    expect(ledger.undelivered).toEqual([]);
    await stop();
  });
});

describe('delivery batches', () => {
  it('a delivery batch carries what is due, up to the limit of the target, and a few states go singly', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(10);
    target.maxDeliveryBatch = 100;
    ledger.due('a', 'b', 'c');
    deliver.start();
    await clock.advance(1_000);
    expect(target.calls.map(({ ids }) => ids.length)).toEqual([1, 1, 1]);
    ledger.due(...names('order', 5_000));
    deliver.wake();
    await clock.advance(2_000);
    expect(ledger.undelivered).toEqual([]);
    const sizes = target.calls.slice(3).map(({ ids }) => ids.length);
    expect(Math.max(...sizes)).toBe(100);
    expect(sizes.length).toBeLessThan(200);
    await stop();
  });

  it('a delivery batch never holds a retry, and states go singly for a while after a batch that failed as a whole', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(11, { backoff: { baseMs: 500, capMs: 500 } });
    target.maxDeliveryBatch = 100;
    let isFirst = true;
    target.answer = () => (isFirst ? DOWN : DELIVERED);
    ledger.due(...names('order', 400));
    deliver.start();
    await clock.advance(8);
    isFirst = false;
    await clock.advance(5_000);
    expect(ledger.undelivered).toEqual([]);
    const retries = target.calls.filter(({ attempts }) => attempts.some((attempt) => attempt > 1));
    expect(retries.length).toBeGreaterThan(0);
    for (const { ids } of retries) expect(ids).toHaveLength(1);
    ledger.due(...names('later', 400));
    deliver.wake();
    await clock.advance(2_000);
    expect(Math.max(...target.calls.slice(-400).map(({ ids }) => ids.length))).toBe(1);
    await clock.advance(20_000);
    ledger.due(...names('latest', 400));
    deliver.wake();
    await clock.advance(2_000);
    expect(Math.max(...target.calls.slice(-10).map(({ ids }) => ids.length))).toBeGreaterThan(1);
    await stop();
  });
});

describe('a store that is gone while a stop is asked for', () => {
  it('a stop asks an unreachable store at most three times more, however much is not recorded', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(21);
    target.maxDeliveryBatch = 1_000;
    let asked = 0;
    ledger.settleDeliveries = async () => {
      asked++;
      throw new TributaryError('store_unreachable', 'The database does not answer.');
    };
    ledger.due(...names('order', 30_000));
    deliver.start();
    await clock.advance(60_000);
    expect(deliver.status().inFlight).toBeGreaterThan(10_000);
    const before = asked;
    const beganMs = clock.monotonicMs();
    let stoppedMs = Number.NaN;
    void deliver.stop().then(() => {
      stoppedMs = clock.monotonicMs();
    });
    await stop();
    expect(asked - before).toBeLessThanOrEqual(3);
    expect(stoppedMs - beganMs).toBeLessThan(3_000);
  });
});
