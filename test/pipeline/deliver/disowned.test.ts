import { expect, it } from 'vitest';
import { DELIVERED, names, simulate } from './simulated.ts';

it('a loop that another instance took for dead gives back its claims at no attempt, and claims anew', async () => {
  const { clock, ledger, target, deliver, stop } = simulate(7);
  let isShutOut = true;
  target.answer = () => (isShutOut ? { ...DELIVERED, verdict: 'disowned' } : DELIVERED);
  ledger.due(...names('order', 2_000));
  deliver.start();
  await clock.advance(100);
  expect(target.calls.length).toBeGreaterThan(0);
  expect(ledger.undelivered).toHaveLength(2_000);
  isShutOut = false;
  await clock.advance(5_000);
  expect(ledger.undelivered).toEqual([]);
  expect(Math.max(...[...ledger.rows.values()].map(({ attempts }) => attempts))).toBe(1);
  expect(deliver.status()).toMatchObject({ breaker: 'closed', retried: 0, dead: 0 });
  await stop();
});

it('a loop that another instance took for dead sends nothing more of what it had claimed before', async () => {
  const { clock, ledger, target, deliver, stop } = simulate(9);
  let disownedMs: number | null = null;
  target.answer = () => {
    if (disownedMs !== null) return DELIVERED;
    disownedMs = clock.monotonicMs();
    return { ...DELIVERED, verdict: 'disowned' };
  };
  const claimedMs = new Map<string, number>();
  const claim = ledger.claimDeliveries.bind(ledger);
  ledger.claimDeliveries = async (request) => {
    const askedMs = clock.monotonicMs();
    const claimed = await claim(request);
    for (const { entityId } of claimed) claimedMs.set(entityId, askedMs);
    return claimed;
  };
  const sentLate: string[] = [];
  const send = target.deliver.bind(target);
  target.deliver = (deliveries, ...rest) => {
    for (const { entityId } of deliveries)
      if (disownedMs !== null && Number(claimedMs.get(entityId)) < disownedMs) sentLate.push(entityId);
    send(deliveries, ...rest);
  };
  ledger.due(...names('order', 2_000));
  deliver.start();
  await clock.advance(5_000);
  expect(disownedMs).not.toBeNull();
  expect(sentLate).toEqual([]);
  expect(ledger.undelivered).toEqual([]);
  await stop();
});

it('a state that may still arrive stays claimed until the end of its lease', async () => {
  const { clock, ledger, target, deliver, stop } = simulate(8);
  target.answer = () => ({ ...DELIVERED, verdict: 'unknown' });
  ledger.due('a');
  deliver.start();
  await clock.advance(1_000);
  const [row] = ledger.undelivered;
  expect(row?.nextMs).toBeGreaterThan(clock.now());
  expect(target.calls).toHaveLength(1);
  expect(deliver.status()).toMatchObject({ delivered: 0, retried: 0, dead: 0 });
  await stop();
});
