import { describe, expect, it } from 'vitest';
import type { DeliveryOutcome } from '../../../src/ports/delivery-target.ts';
import { DELIVERED, DOWN, names, simulate } from './simulated.ts';

/** What the HTTP adapter says of an answer with this status. */
function answered(status: number): DeliveryOutcome {
  const verdict = status === 400 || status === 413 || status === 422 ? 'park' : 'retry';
  return { ...DOWN, verdict, status, error: `It answered ${status}.`, advice: 'Look at the setting.' };
}
const REFUSED = answered(422);
/** Three attempts, which an outage of seconds would use up if its attempts counted. */
const FEW = { maxAttempts: 3, backoff: { baseMs: 100, capMs: 1_000 } };
/** The same with rare polls of the ledger, for tests in which hours pass. */
const LONG = { ...FEW, pollMs: 5_000 };
const HOURS_MS = 3 * 60 * 60_000;

describe('trouble of the whole target', () => {
  it.each([null, 302, 400, 401, 403, 404, 405, 407, 408, 413, 422, 500])(
    'an outage that is told by %s for 2.5 seconds parks none of 500 orders, and all are delivered within half a minute',
    async (status) => {
      const { clock, ledger, target, deliver, stop } = simulate(1, FEW);
      ledger.due(...names('before', 50));
      deliver.start();
      await clock.advance(1_000);
      const fault = status === null ? DOWN : answered(status);
      target.answer = () => fault;
      ledger.due(...names('order', 500));
      deliver.wake();
      await clock.advance(2_500);
      expect(deliver.status().breaker).toMatch(/open/);
      target.answer = () => DELIVERED;
      await clock.advance(30_000);
      expect(deliver.status()).toMatchObject({ delivered: 550, dead: 0 });
      await stop();
    },
  );

  it.each([null, 302, 400, 401, 404, 413, 422, 500])(
    'an outage that is told by %s for three hours parks none of 500 orders, and the target is asked now and then',
    async (status) => {
      const { clock, ledger, target, deliver, logged, stop } = simulate(2, LONG);
      const fault = status === null ? DOWN : answered(status);
      target.answer = () => fault;
      ledger.due(...names('order', 500));
      deliver.start();
      await clock.advance(HOURS_MS);
      expect(deliver.status()).toMatchObject({ delivered: 0, dead: 0 });
      expect(target.calls.length).toBeLessThan(HOURS_MS / 1_000);
      expect(logged.length).toBeLessThan(HOURS_MS / 30_000 + 10);
      target.answer = () => DELIVERED;
      await clock.advance(60_000);
      expect(deliver.status()).toMatchObject({ delivered: 500, dead: 0 });
      await stop();
    },
    60_000,
  );

  it.each([null, 401, 404, 422])(
    'an outage that is told by %s for three hours parks none of three orders, for which the breaker stays closed',
    async (status) => {
      const { clock, ledger, target, deliver, stop } = simulate(3, LONG);
      const fault = status === null ? DOWN : answered(status);
      target.answer = () => fault;
      ledger.due(...names('order', 3));
      deliver.start();
      await clock.advance(HOURS_MS);
      expect(deliver.status()).toMatchObject({ breaker: 'closed', dead: 0 });
      target.answer = () => DELIVERED;
      await clock.advance(30_000);
      expect(deliver.status()).toMatchObject({ delivered: 3, dead: 0 });
      await stop();
    },
    60_000,
  );

  it('an outage that begins while one order comes every ten seconds parks none of them', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(4);
    deliver.start();
    let isUp = true;
    target.answer = () => (isUp ? DELIVERED : REFUSED);
    for (const [number, name] of names('order', 60).entries()) {
      if (number === 5) isUp = false;
      if (number === 50) isUp = true;
      ledger.due(name);
      deliver.wake();
      await clock.advance(10_000);
      expect(deliver.status().dead, name).toBe(0);
    }
    await clock.advance(60_000);
    expect(deliver.status()).toMatchObject({ delivered: 60, dead: 0 });
    await stop();
  });

  it('an outage of one of three servers of the target for a minute parks none of 100 orders a second', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(5);
    deliver.start();
    let isWhole = false;
    target.answer = () => (!isWhole && clock.random() < 1 / 3 ? REFUSED : DELIVERED);
    const all = names('order', 100 * 60);
    for (let at = 0; at < all.length; at += 10) {
      ledger.due(...all.slice(at, at + 10));
      deliver.wake();
      await clock.advance(100);
    }
    isWhole = true;
    await clock.advance(10 * 60_000);
    expect(deliver.status()).toMatchObject({ breaker: 'closed', delivered: 6_000, dead: 0 });
    await stop();
  });

  it('an outage costs no order more than its first attempt', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(6, FEW);
    target.answer = () => answered(401);
    ledger.due(...names('order', 500));
    deliver.start();
    await clock.advance(60 * 60_000);
    expect(Math.max(...[...ledger.rows.values()].map(({ attempts }) => attempts))).toBe(1);
    await stop();
  });
});

describe('trouble of one order', () => {
  /** Makes ten other orders due in each of `seconds` seconds. */
  async function flow({ clock, ledger, deliver }: ReturnType<typeof simulate>, seconds: number) {
    for (const name of names('other', seconds * 10)) {
      ledger.due(name);
      deliver.wake();
      await clock.advance(100);
    }
  }

  it.each([null, 302, 401, 404, 500])(
    'an order that is answered by %s at every attempt, while others are accepted, is parked after its last attempt',
    async (status) => {
      const simulated = simulate(7, FEW);
      const { ledger, target, deliver, stop } = simulated;
      const fault = status === null ? DOWN : answered(status);
      target.answer = ({ entityId }) => (entityId === 'bad' ? fault : DELIVERED);
      ledger.due('bad');
      deliver.start();
      await flow(simulated, 30);
      expect(ledger.rows.get('bad')).toMatchObject({ isDead: true, attempts: 3 });
      expect(deliver.status()).toMatchObject({ breaker: 'closed', delivered: 300, dead: 1 });
      await stop();
    },
  );

  it('an order that is refused while others are accepted is parked at its second refusal', async () => {
    const simulated = simulate(8);
    const { ledger, target, deliver, logged, stop } = simulated;
    target.answer = ({ entityId }) => (entityId === 'bad' ? REFUSED : DELIVERED);
    ledger.due('bad');
    deliver.start();
    await flow(simulated, 30);
    expect(ledger.rows.get('bad')).toMatchObject({ isDead: true, attempts: 2 });
    expect(logged.join('\n')).toContain(
      'The delivery of order "bad" version 1 to simulated is dead after 2 attempts: It answered 422.',
    );
    expect(deliver.status()).toMatchObject({ breaker: 'closed', delivered: 300, dead: 1 });
    await stop();
  });

  it('an order that is refused alone is parked once another one is accepted, or at its last attempt', async () => {
    const simulated = simulate(9, { ...FEW, maxAttempts: 24 });
    const { clock, ledger, target, deliver, stop } = simulated;
    target.answer = ({ entityId }) => (entityId.startsWith('bad') ? REFUSED : DELIVERED);
    ledger.due('bad');
    deliver.start();
    await clock.advance(5_000);
    expect(ledger.rows.get('bad')?.isDead).toBe(false);
    await flow(simulated, 10);
    expect(ledger.rows.get('bad')?.isDead).toBe(true);
    await clock.advance(10_000);
    ledger.due('bad, and alone');
    deliver.wake();
    await clock.advance(60_000);
    expect(ledger.rows.get('bad, and alone')).toMatchObject({ isDead: true, attempts: 24 });
    await stop();
  });

  it('an order that is refused as the last one of 256 is parked a few refusals later, with nothing else due', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(20);
    target.answer = ({ entityId }) => (entityId === 'bad' ? REFUSED : DELIVERED);
    ledger.due(...names('order', 255), 'bad');
    deliver.start();
    await clock.advance(5 * 60_000);
    expect(ledger.rows.get('bad')).toMatchObject({ isDead: true });
    expect(ledger.rows.get('bad')?.attempts).toBeGreaterThanOrEqual(3);
    expect(deliver.status()).toMatchObject({ delivered: 255, dead: 1 });
    await stop();
  });

  it('an order that is refused among 256 of one call is parked at once, and the 255 others are delivered', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(10);
    target.maxDeliveryBatch = 1_000;
    target.answer = ({ entityId }) => (entityId === 'order-77' ? REFUSED : DELIVERED);
    ledger.due(...names('order', 256));
    deliver.start();
    await clock.advance(1_000);
    expect(ledger.undelivered).toMatchObject([{ entityId: 'order-77', isDead: true, attempts: 1 }]);
    await stop();
  });

  it('an order that failed before an outage of the target does not use up its attempts during it', async () => {
    const simulated = simulate(11, { ...FEW, maxAttempts: 6 });
    const { clock, ledger, target, deliver, stop } = simulated;
    let isUp = true;
    target.answer = ({ entityId }) => (isUp && entityId !== 'bad' ? DELIVERED : answered(500));
    ledger.due('bad');
    deliver.start();
    await flow(simulated, 1);
    isUp = false;
    ledger.due(...names('more', 100));
    deliver.wake();
    await clock.advance(60 * 60_000);
    expect(ledger.rows.get('bad')?.isDead).toBe(false);
    isUp = true;
    await flow(simulated, 60);
    expect(ledger.rows.get('bad')?.isDead).toBe(true);
    expect(deliver.status()).toMatchObject({ dead: 1 });
    await stop();
  });
});

describe('a state that was not sent', () => {
  it('a state that was not sent is given back at once, with no attempt and nothing in the ledger', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(12);
    target.maxDeliveryBatch = 100;
    let isFirst = true;
    target.answer = ({ attempt }) =>
      isFirst ? { ...DOWN, verdict: 'unsent' } : { ...DELIVERED, latencyMs: attempt };
    ledger.due(...names('order', 40));
    deliver.start();
    await clock.advance(8);
    isFirst = false;
    await clock.advance(1_000);
    expect(deliver.status()).toMatchObject({ delivered: 40, retried: 0, dead: 0, breaker: 'closed' });
    expect(new Set([...ledger.rows.values()].map(({ attempts }) => attempts))).toEqual(new Set([1]));
    await stop();
  });
});

describe('the health of deliveries', () => {
  it('the health is bad once the target has accepted nothing for 15 seconds, says why, and is good once it accepts a state', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(13);
    deliver.start();
    await clock.advance(60_000);
    expect(deliver.health()).toEqual({ ok: true });
    target.answer = () => answered(401);
    ledger.due(...names('order', 100));
    deliver.wake();
    await clock.advance(10_000);
    expect(deliver.health()).toEqual({ ok: true });
    await clock.advance(10_000);
    expect(deliver.health()).toEqual({
      ok: false,
      reason: expect.stringMatching(
        /^Target simulated has accepted nothing for (19|20) s, though states are due: It answered 401\. Look at the setting\.$/,
      ),
    });
    for (let minutes = 0; minutes < 30; minutes++) {
      await clock.advance(60_000);
      expect(deliver.health().ok).toBe(false);
    }
    target.answer = () => DELIVERED;
    await clock.advance(30_000);
    expect(deliver.health()).toEqual({ ok: true });
    await stop();
  });

  it('the health is bad if two orders fail before any order was accepted', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(14, FEW);
    target.answer = () => DOWN;
    ledger.due('a', 'b');
    deliver.start();
    await clock.advance(16_000);
    expect(deliver.health().ok).toBe(false);
    target.answer = () => DELIVERED;
    await clock.advance(30_000);
    expect(deliver.health()).toEqual({ ok: true });
    await stop();
  });

  it('the health is good while the target refuses one order alone, and when another instance delivered what failed here', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(15, {
      maxAttempts: 100_000,
      backoff: { baseMs: 100, capMs: 2_000 },
    });
    target.answer = ({ entityId }) => (entityId === 'bad' ? DOWN : DELIVERED);
    deliver.start();
    ledger.due('bad');
    for (const name of names('other', 100)) {
      ledger.due(name);
      deliver.wake();
      await clock.advance(1_000);
      expect(deliver.health()).toEqual({ ok: true });
    }
    await clock.advance(120_000);
    expect(deliver.health()).toEqual({ ok: true });
    target.answer = () => DOWN;
    ledger.due('elsewhere');
    deliver.wake();
    await clock.advance(50);
    ledger.rows.clear();
    await clock.advance(60_000);
    expect(deliver.health()).toEqual({ ok: true });
    await stop();
  });

  it('the health is bad for a target that hangs, as soon as its first call has failed', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(16);
    target.latencyMs = () => 15_000;
    target.answer = () => DOWN;
    ledger.due('a');
    deliver.start();
    await clock.advance(15_100);
    expect(deliver.health().ok).toBe(false);
    await stop();
  });

  it('the 15 seconds begin with the present outage, and not with a state that was given up before', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(21);
    target.answer = ({ entityId }) => (entityId === 'bad' ? REFUSED : DELIVERED);
    ledger.due(...names('order', 50), 'bad');
    deliver.start();
    await clock.advance(10 * 60_000);
    expect(ledger.rows.get('bad')?.isDead).toBe(true);
    expect(deliver.health()).toEqual({ ok: true });
    target.answer = () => answered(401);
    ledger.due(...names('later', 50));
    deliver.wake();
    await clock.advance(14_000);
    expect(deliver.health()).toEqual({ ok: true });
    await clock.advance(3_000);
    expect(deliver.health()).toMatchObject({ reason: expect.stringContaining('nothing for 1') });
    await stop();
  });

  it('the health is bad for a target that wants no more deliveries', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(17);
    target.answer = () => ({ ...DOWN, verdict: 'disable', status: 410, error: 'It answered 410 Gone.' });
    ledger.due('a');
    deliver.start();
    await clock.advance(1_000);
    expect(deliver.health()).toMatchObject({ ok: false, reason: expect.stringContaining('410 Gone') });
    await stop();
  });
});

describe('the log lines of an outage', () => {
  it('a target that has accepted nothing yet gets one line a minute, with what it said, the order, and the setting to look at', async () => {
    const { clock, ledger, target, deliver, logged, stop } = simulate(18);
    target.answer = () => answered(404);
    ledger.due('a', 'b');
    deliver.start();
    await clock.advance(600_000);
    expect(logged[0]).toBe(
      'warn: Deliveries to simulated: it has not taken any state yet. It answered 404. Look at the setting. ' +
        '(order "a" version 1, attempt 1)',
    );
    const lines = logged.filter((line) => line.includes('has not taken any state yet'));
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.length).toBeLessThanOrEqual(10);
    await stop();
  });

  it('the opening of the breaker is logged with what the target said and the setting to look at, and then every half minute', async () => {
    const { clock, ledger, target, deliver, logged, stop } = simulate(19);
    ledger.due('a');
    deliver.start();
    await clock.advance(1_000);
    target.answer = () => answered(403);
    ledger.due(...names('order', 100));
    deliver.wake();
    await clock.advance(1_000);
    expect(logged).toEqual([
      expect.stringMatching(
        /^warn: .*Nothing is sent for \d+ ms, since 10 .*It answered 403\. Look at the setting\.$/,
      ),
    ]);
    await clock.advance(10 * 60_000);
    expect(logged.length).toBeGreaterThan(10);
    expect(logged.length).toBeLessThanOrEqual(21);
    await stop();
  });
});
