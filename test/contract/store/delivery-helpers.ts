import type { ClaimedDelivery, DeliverySettlement, Store } from '../../../src/ports/store.ts';
import { type StorePlace, TARGET } from './fixtures.ts';

export const LEASE_MS = 30_000;

/** Claims the one delivery that is due to the target. */
export async function claimOnly(
  store: Store,
  place: StorePlace,
  claimant = 'claimant',
): Promise<ClaimedDelivery> {
  const claimed = await store.claimDeliveries({
    target: TARGET,
    claimant,
    limit: 10,
    nowMs: place.clock.now(),
    leaseMs: LEASE_MS,
  });
  const [only] = claimed;
  if (only === undefined || claimed.length > 1) throw new Error(`Expected one claim, got ${claimed.length}.`);
  return only;
}

export function settlement(
  delivery: ClaimedDelivery,
  next: DeliverySettlement['next'],
  facts: Partial<DeliverySettlement> = {},
): DeliverySettlement {
  return {
    delivery,
    deliveryId: `delivery of ${delivery.version}`,
    attemptedAtMs: 1_000,
    verdict: next === 'delivered' ? 'delivered' : next === 'dead' ? 'park' : 'retry',
    status: next === 'delivered' ? 200 : 503,
    latencyMs: 12.5,
    answer: '{"ok":1}',
    error: next === 'delivered' ? null : 'It answered 503.',
    next,
    ...facts,
  };
}
