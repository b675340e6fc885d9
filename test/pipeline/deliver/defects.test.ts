import { describe, expect, it } from 'vitest';
import { type Delivery, defectOutcome } from '../../../src/ports/delivery-target.ts';
import { DELIVERED, names, type SimulatedLedger, type SimulatedTarget, simulate } from './simulated.ts';

const MISTAKE = new TypeError("Cannot read properties of undefined (reading 'state')");
const isBad = (id = '') => id.startsWith('bad');
const QUICK = { backoff: { baseMs: 500, capMs: 500 }, leaseMs: 30_000 };

/** Makes the target throw, before it has sent anything, at each call with a state that `isStruck` names. */
function throwAt(target: SimulatedTarget, isStruck: (delivery: Delivery) => boolean): void {
  const deliver = target.deliver.bind(target);
  target.deliver = (deliveries, signal, settled) => {
    if (deliveries.some(isStruck)) throw MISTAKE;
    deliver(deliveries, signal, settled);
  };
}

function idsOf(rows: SimulatedLedger['undelivered']): string[] {
  return rows.map(({ entityId }) => entityId);
}

describe('the delivery to a target', () => {
  it('all other states are delivered when the target throws at one, and the loop can be stopped', async () => {
    const { clock, ledger, target, deliver, defects, logged, stop } = simulate(1, QUICK);
    throwAt(target, ({ entityId }) => isBad(entityId));
    ledger.due('bad-0', ...names('good', 200));
    deliver.start();
    await clock.advance(10_000);
    expect(idsOf(ledger.undelivered)).toEqual(['bad-0']);
    expect(deliver.status()).toMatchObject({ delivered: 200, inFlight: 0, breaker: 'closed' });
    expect(defects.status().count).toBeGreaterThan(3);
    expect(logged.filter((line) => line.includes('A defect of Tributary in'))).toHaveLength(1);
    expect(ledger.rows.get('bad-0')?.attempts).toBeGreaterThan(1);
    await stop();
    expect(deliver.status().inFlight).toBe(0);
  });

  it('all other states of a delivery batch are delivered when one state makes the target throw', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(2, QUICK);
    target.maxDeliveryBatch = 100;
    throwAt(target, ({ entityId }) => isBad(entityId));
    ledger.due(...names('early', 100), 'bad-0', ...names('late', 100));
    deliver.start();
    await clock.advance(30_000);
    expect(idsOf(ledger.undelivered)).toEqual(['bad-0']);
    await stop();
  });

  it('the breaker opens, and nothing is given up, when the target throws at every state', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(3, { ...QUICK, maxAttempts: 3 });
    let isBroken = true;
    throwAt(target, () => isBroken);
    ledger.due(...names('order', 100));
    deliver.start();
    await clock.advance(60_000);
    expect(deliver.status()).toMatchObject({ dead: 0, delivered: 0 });
    expect(deliver.status().breaker).not.toBe('closed');
    expect(deliver.health()).toMatchObject({
      ok: false,
      reason: expect.stringContaining(
        'A defect of Tributary: TypeError: Cannot read properties of undefined',
      ),
    });
    isBroken = false;
    await clock.advance(120_000);
    expect(ledger.undelivered).toEqual([]);
    await stop();
  });

  it('a defect that the target reports in an outcome is counted', async () => {
    const { clock, ledger, target, deliver, defects, stop } = simulate(4, QUICK);
    target.answer = ({ entityId }) => (isBad(entityId) ? defectOutcome(MISTAKE) : DELIVERED);
    ledger.due('bad-0', ...names('good', 20));
    deliver.start();
    await clock.advance(5_000);
    expect(idsOf(ledger.undelivered)).toEqual(['bad-0']);
    expect(defects.status().latest).toMatchObject([{ place: 'deliveries to simulated' }]);
    await stop();
  });

  it('states are sent again after their leases when their outcomes cannot be understood', async () => {
    const { clock, ledger, target, deliver, defects, stop } = simulate(5, QUICK);
    let isBroken = true;
    target.answer = () => {
      if (!isBroken) return DELIVERED;
      return Object.defineProperty({ ...DELIVERED }, 'verdict', {
        get: () => {
          throw MISTAKE;
        },
      });
    };
    ledger.due(...names('order', 10));
    deliver.start();
    await clock.advance(5_000);
    expect(deliver.status()).toMatchObject({ inFlight: 0, delivered: 0 });
    expect(defects.status().count).toBe(10);
    isBroken = false;
    await clock.advance(QUICK.leaseMs);
    expect(ledger.undelivered).toEqual([]);
    await stop();
  });
});

describe('the recording of attempts', () => {
  it('all attempts are recorded except the one that a defect strikes', async () => {
    const { clock, ledger, deliver, defects, stop } = simulate(6, QUICK);
    const settle = ledger.settleDeliveries.bind(ledger);
    let transactions = 0;
    ledger.settleDeliveries = async (settlements) => {
      transactions++;
      if (settlements.some(({ delivery }) => isBad(delivery.entityId))) throw MISTAKE;
      await settle(settlements);
    };
    ledger.due(...names('early', 300), 'bad-0', ...names('late', 300));
    deliver.start();
    await clock.advance(20_000);
    expect(idsOf(ledger.undelivered)).toEqual(['bad-0']);
    expect(defects.status().count).toBeGreaterThan(0);
    expect(transactions).toBeLessThan(100);
    ledger.settleDeliveries = settle;
    await clock.advance(QUICK.leaseMs);
    expect(ledger.undelivered).toEqual([]);
    await stop();
  });

  it('the recording rests for longer and longer while a defect strikes every attempt, and ends when the program stops', async () => {
    const { clock, ledger, deliver, defects, stop } = simulate(7, QUICK);
    let transactions = 0;
    ledger.settleDeliveries = async () => {
      transactions++;
      throw MISTAKE;
    };
    ledger.due(...names('order', 500));
    deliver.start();
    await clock.advance(10 * 60_000);
    expect(transactions).toBeLessThan(200);
    expect(defects.health()).toMatchObject({
      ok: false,
      reason: expect.stringContaining('the recording of attempts at simulated'),
    });
    const before = transactions;
    await stop();
    expect(transactions - before).toBeLessThan(10);
    expect(deliver.status().inFlight).toBe(0);
  });
});

describe('the claims of a target', () => {
  it('the claims go on after a defect, which is logged once and not as an outage', async () => {
    const { clock, ledger, deliver, defects, logged, stop } = simulate(8, QUICK);
    const claim = ledger.claimDeliveries.bind(ledger);
    let isBroken = true;
    ledger.claimDeliveries = async (request) => {
      if (isBroken && request.attempts === 'first') throw MISTAKE;
      return claim(request);
    };
    ledger.due(...names('order', 50));
    deliver.start();
    await clock.advance(120_000);
    expect(ledger.undelivered).toHaveLength(50);
    expect(logged.filter((line) => line.includes('paused'))).toEqual([]);
    expect(logged.filter((line) => line.startsWith('error: A defect of Tributary in'))).toHaveLength(1);
    expect(defects.health()).toMatchObject({
      ok: false,
      reason: expect.stringContaining('the claims of first attempts for simulated'),
    });
    isBroken = false;
    await clock.advance(61_000);
    expect(ledger.undelivered).toEqual([]);
    expect(defects.health()).toEqual({ ok: true });
    await stop();
  });

  it('the claims end with their leases when they cannot be given back', async () => {
    const { clock, ledger, target, deliver, defects, stop } = simulate(9, {
      ...QUICK,
      concurrency: 2,
      holdMs: 1_000,
    });
    ledger.releaseDeliveries = async () => {
      throw MISTAKE;
    };
    target.latencyMs = () => 3_000;
    ledger.due(...names('order', 20));
    deliver.start();
    await clock.advance(10 * 60_000);
    expect(ledger.undelivered).toEqual([]);
    expect(defects.status().latest).toMatchObject([{ place: 'the giving back of claims of simulated' }]);
    await stop();
  });
});
