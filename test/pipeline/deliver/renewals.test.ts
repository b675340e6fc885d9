import { expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { Renewals } from '../../../src/pipeline/deliver/renewals.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';

const LEASE_MS = 30_000;

function setUp(isSlowToEnd: boolean) {
  const clock = new SeededClock({ seed: 1 });
  const renewed: string[][] = [];
  let isDown = false;
  const renewals = new Renewals({
    clock,
    logger: () => {},
    leaseMs: LEASE_MS,
    target: { name: 'states', maxBatch: 1, isSlowToEnd, deliver: () => {}, close: async () => {} },
    store: {
      claimDeliveries: async () => [],
      settleDeliveries: async () => {},
      releaseDeliveries: async () => {},
      renewDeliveries: async (held) => {
        if (isDown) throw new Error('The store is down.');
        renewed.push(held.map(({ entityId }) => entityId));
      },
    },
  });
  return {
    clock,
    renewed,
    renewals,
    breakDown: () => {
      isDown = true;
    },
    mend: () => {
      isDown = false;
    },
  };
}

const group = (...ids: string[]) => ids.map((entityId) => ({ entityId }) as ClaimedDelivery);

it('renews the claims of calls that are under way, several times in a lease, and of no others', async () => {
  const { clock, renewals, renewed } = setUp(true);
  const [first, second] = [group('a', 'b'), group('c')];
  renewals.began(first);
  renewals.began(second);
  await clock.advance(LEASE_MS / 3);
  expect(renewed).toEqual([['a', 'b', 'c']]);
  renewals.ended(first);
  await clock.advance(LEASE_MS / 3);
  expect(renewed).toEqual([['a', 'b', 'c'], ['c']]);
  renewals.ended(second);
  await clock.advance(LEASE_MS * 3);
  expect(renewed).toHaveLength(2);
  renewals.began(first);
  await clock.advance(LEASE_MS / 3);
  expect(renewed.at(-1)).toEqual(['a', 'b']);
  renewals.ended(first);
});

it('goes on renewing after the store was down', async () => {
  const { clock, renewals, renewed, breakDown, mend } = setUp(true);
  const calls = group('a');
  renewals.began(calls);
  breakDown();
  await clock.advance(LEASE_MS / 3);
  mend();
  await clock.advance(LEASE_MS / 3);
  expect(renewed).toEqual([['a']]);
  renewals.ended(calls);
});

it('renews nothing for a target whose calls end before their claims', async () => {
  const { clock, renewals, renewed } = setUp(false);
  renewals.began(group('a'));
  await clock.advance(LEASE_MS);
  expect(renewed).toEqual([]);
});
