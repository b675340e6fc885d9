import { expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { Defects } from '../../../src/pipeline/defects.ts';
import { Renewals } from '../../../src/pipeline/deliver/renewals.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';

const LEASE_MS = 30_000;

function setUp(isSlowToEnd: boolean) {
  const clock = new SeededClock({ seed: 1 });
  const renewed: string[][] = [];
  const logged: string[] = [];
  let isDown = false;
  let isBroken = false;
  const defects = new Defects(clock, () => {});
  const options = {
    clock,
    logger: (level: string, message: string) => void logged.push(`${level}: ${message}`),
    leaseMs: LEASE_MS,
    target: { name: 'states', maxDeliveryBatch: 1, isSlowToEnd, deliver: () => {}, close: async () => {} },
    store: {
      claimDeliveries: async () => [],
      settleDeliveries: async () => {},
      releaseDeliveries: async () => {},
      renewDeliveries: async (held: readonly ClaimedDelivery[]) => {
        if (isDown) throw new TributaryError('store_unreachable', 'The store is down.');
        if (isBroken) throw new TypeError('held is undefined');
        renewed.push(held.map(({ entityId }) => entityId));
      },
    },
  } satisfies ConstructorParameters<typeof Renewals>[0];
  const renewals = new Renewals(options, defects);
  return {
    clock,
    defects,
    logged,
    renewed,
    renewals,
    breakDown: () => {
      isDown = true;
    },
    breakBy: () => {
      isBroken = true;
    },
    mend: () => {
      isDown = false;
      isBroken = false;
    },
  };
}

const group = (...ids: string[]) => ids.map((entityId) => ({ entityId }) as ClaimedDelivery);

it('the claims of calls under way are renewed several times in a lease, and no others', async () => {
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

it('the renewal goes on after an outage of the store', async () => {
  const { clock, logged, renewals, renewed, breakDown, mend } = setUp(true);
  const calls = group('a');
  renewals.began(calls);
  breakDown();
  await clock.advance(LEASE_MS / 3);
  mend();
  await clock.advance(LEASE_MS / 3);
  expect(renewed).toEqual([['a']]);
  expect(logged).toEqual(['warn: Claims of states could not be renewed: The store is down.']);
  renewals.ended(calls);
});

it('the renewal goes on after a defect, and counts it', async () => {
  const { clock, defects, logged, renewals, renewed, breakBy, mend } = setUp(true);
  const calls = group('a');
  renewals.began(calls);
  breakBy();
  await clock.advance(LEASE_MS / 3);
  mend();
  await clock.advance(LEASE_MS / 3);
  expect(renewed).toEqual([['a']]);
  expect(logged).toEqual([]);
  expect(defects.status()).toMatchObject({
    count: 1,
    latest: [{ place: 'the renewal of claims of states' }],
  });
  renewals.ended(calls);
});

it('nothing is renewed for a target whose calls end before their claims', async () => {
  const { clock, renewals, renewed } = setUp(false);
  renewals.began(group('a'));
  await clock.advance(LEASE_MS);
  expect(renewed).toEqual([]);
});
