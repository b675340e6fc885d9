import { describe, expect, it } from 'vitest';
import { DEFAULT_BREAKER } from '../../../src/pipeline/deliver/options.ts';
import { DELIVERED, DOWN, names, simulate } from './simulated.ts';

/** A breaker that never opens, so that the slots, turns and sizes alone decide. */
const NO_BREAKER = { ...DEFAULT_BREAKER, faults: 100_000, minimumCalls: 100_000 };
const isBad = (id = '') => id.startsWith('bad');

describe('the calls of a delivery loop', () => {
  it('half of the quick places stay free for first attempts while 500 retries of 900 ms are due', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(1, {
      breaker: NO_BREAKER,
      backoff: { baseMs: 1, capMs: 1 },
      maxAttempts: 10_000,
    });
    let latencyMs = 5;
    target.latencyMs = ([delivery]) => (isBad(delivery?.entityId) ? latencyMs : 5);
    target.answer = ({ entityId }) => (isBad(entityId) ? DOWN : DELIVERED);
    ledger.due(...names('bad', 500));
    deliver.start();
    await clock.advance(2_000);
    // 900 ms is not slow enough for a slow place, and 500 retries are enough to take every quick place.
    latencyMs = 900;
    await clock.advance(5_000);
    ledger.due(...names('good', 30));
    deliver.wake();
    await clock.advance(300);
    expect(ledger.undelivered.filter(({ entityId }) => !isBad(entityId))).toEqual([]);
    await stop();
  });

  it('retries get every fourth turn while more first attempts are due than can be sent', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(2, {
      breaker: NO_BREAKER,
      concurrency: 8,
      backoff: { baseMs: 1, capMs: 1 },
    });
    let isUp = false;
    target.latencyMs = () => 20;
    target.answer = ({ entityId }) => (isUp || !isBad(entityId) ? DELIVERED : DOWN);
    ledger.due(...names('bad', 40));
    deliver.start();
    await clock.advance(200);
    isUp = true;
    ledger.due(...names('good', 20_000));
    deliver.wake();
    await clock.advance(5_000);
    expect(ledger.undelivered.filter(({ entityId }) => isBad(entityId))).toEqual([]);
    expect(ledger.undelivered.length).toBeGreaterThan(10_000);
    await stop();
  });

  it('first attempts get most of a rate that retries alone would use up', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(9, {
      breaker: NO_BREAKER,
      ratePerSecond: 100,
      backoff: { baseMs: 1, capMs: 1 },
      maxAttempts: 10_000,
    });
    target.answer = ({ entityId }) => (isBad(entityId) ? DOWN : DELIVERED);
    ledger.due(...names('bad', 300));
    deliver.start();
    await clock.advance(10_000);
    ledger.due(...names('good', 500));
    deliver.wake();
    await clock.advance(10_000);
    expect(ledger.undelivered.filter(({ entityId }) => !isBad(entityId))).toEqual([]);
    await stop();
  });

  it('a retry never goes together with another state, however many of both are due', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(3, {
      breaker: NO_BREAKER,
      backoff: { baseMs: 200, capMs: 200 },
      maxAttempts: 1_000,
    });
    target.maxDeliveryBatch = 100;
    target.answer = ({ entityId }) => (isBad(entityId) ? { ...DOWN, status: 500 } : DELIVERED);
    deliver.start();
    for (let round = 0; round < 40; round++) {
      ledger.due(...names(`bad ${round}`, 10), ...names(`good ${round}`, 100));
      deliver.wake();
      await clock.advance(100);
    }
    const tried = new Set<string>();
    let retries = 0;
    for (const { ids } of target.calls) {
      const again = ids.filter((id) => tried.has(id));
      if (again.length > 0) expect(ids).toHaveLength(1);
      retries += again.length;
      for (const id of ids) tried.add(id);
    }
    expect(retries).toBeGreaterThan(100);
    expect(Math.max(...target.calls.map(({ ids }) => ids.length))).toBeGreaterThan(10);
    await stop();
  });

  it('two states of one order are never under way at once, whether first attempt or retry', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(4, {
      breaker: NO_BREAKER,
      backoff: { baseMs: 10, capMs: 10 },
      maxAttempts: 1_000,
    });
    const open = new Set<string>();
    let overlaps = 0;
    target.latencyMs = (deliveries) => {
      for (const { entityId } of deliveries) {
        if (open.has(entityId)) overlaps++;
        open.add(entityId);
      }
      return 30;
    };
    target.answer = ({ entityId }) => {
      open.delete(entityId);
      return clock.random() < 0.3 ? DOWN : DELIVERED;
    };
    ledger.due(...names('order', 300));
    deliver.start();
    await clock.advance(10_000);
    expect(overlaps).toBe(0);
    expect(ledger.undelivered).toEqual([]);
    await stop();
  });

  it('states go singly for ten seconds after a delivery batch of which no state was accepted', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(5, {
      breaker: NO_BREAKER,
      backoff: { baseMs: 60_000, capMs: 60_000 },
    });
    target.maxDeliveryBatch = 100;
    let isUp = false;
    target.answer = () => (isUp ? DELIVERED : DOWN);
    ledger.due(...names('order', 400));
    deliver.start();
    await clock.advance(20);
    const before = target.calls.length;
    expect(Math.max(...target.calls.map(({ ids }) => ids.length))).toBeGreaterThan(10);
    isUp = true;
    for (let second = 0; second < 9; second++) {
      ledger.due(...names(`second ${second}`, 200));
      deliver.wake();
      await clock.advance(1_000);
    }
    expect(new Set(target.calls.slice(before).map(({ ids }) => ids.length))).toEqual(new Set([1]));
    await clock.advance(5_000);
    const singles = target.calls.length;
    ledger.due(...names('then', 400));
    deliver.wake();
    await clock.advance(1_000);
    expect(Math.max(...target.calls.slice(singles).map(({ ids }) => ids.length))).toBeGreaterThan(1);
    await stop();
  });

  it('a state that was claimed and given back unsent has no attempt counted, after a timeout, a pause and a stop', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(6, {
      concurrency: 4,
      holdMs: 200,
      leaseMs: 60_000,
      backoff: { baseMs: 60_000, capMs: 60_000 },
    });
    const given = new Map<string, number>();
    target.latencyMs = (deliveries) => {
      for (const { entityId } of deliveries) given.set(entityId, (given.get(entityId) ?? 0) + 1);
      return 500;
    };
    ledger.due(...names('order', 200));
    deliver.start();
    const expectCounted = () => {
      for (const { entityId, attempts } of ledger.rows.values()) {
        const sent = given.get(entityId) ?? 0;
        expect(attempts - sent, entityId).toBeGreaterThanOrEqual(0);
        if (deliver.status().waiting === 0) expect(attempts, entityId).toBe(sent);
      }
    };
    // A timeout: the states wait longer than the loop may hold them.
    await clock.advance(3_000);
    expectCounted();
    // A pause: the breaker opens while some states wait.
    target.answer = () => DOWN;
    while (deliver.status().breaker !== 'open') await clock.advance(100);
    await clock.advance(100);
    expect(deliver.status().waiting).toBe(0);
    expectCounted();
    // A stop.
    target.answer = () => DELIVERED;
    await clock.advance(30_000);
    await stop();
    expect(deliver.status().waiting).toBe(0);
    expectCounted();
    expect(new Set(given.values()).size).toBeGreaterThan(0);
  });
});

describe('redirects', () => {
  it.each([300, 301, 302, 303, 304, 307, 308, 399])(
    'redirects by %i of every request open the breaker, and nothing is parked',
    async (status) => {
      const { clock, ledger, target, deliver, stop } = simulate(7, { maxAttempts: 2 });
      target.answer = () => ({ ...DOWN, status, error: `It answered ${status}.` });
      ledger.due(...names('order', 100));
      deliver.start();
      await clock.advance(1_000);
      expect(deliver.status()).toMatchObject({ breaker: 'open', dead: 0 });
      expect(target.calls.length).toBeLessThanOrEqual(64 + 20);
      await stop();
    },
  );

  it('redirects of every other request open the breaker', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(8);
    const isMoved = (id: string) => Number(id.split('-')[1]) % 2 === 0;
    target.answer = ({ entityId }) => (isMoved(entityId) ? { ...DOWN, status: 302 } : DELIVERED);
    deliver.start();
    for (const name of names('order', 30)) {
      ledger.due(name);
      deliver.wake();
      await clock.advance(100);
    }
    expect(deliver.status().breaker).not.toBe('closed');
    await stop();
  });
});

describe('a state that becomes due while others are claimed', () => {
  it('a wake during a claim is followed by the next claim at once, not at the next poll', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(21, { pollMs: 60_000 });
    const claim = ledger.claimDeliveries.bind(ledger);
    let claims = 0;
    ledger.claimDeliveries = async (request) => {
      const claimed = await claim(request);
      if (request.attempts === 'first' && ++claims === 1) {
        // The claim has seen the ledger, and its answer is under way.
        ledger.due('late');
        deliver.wake();
      }
      return claimed;
    };
    deliver.start();
    await clock.advance(1_000);
    expect(target.calls.flatMap(({ ids }) => ids)).toEqual(['late']);
    await stop();
  });
});
