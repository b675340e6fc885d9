import type {
  ClaimedDelivery,
  DeliveryClaimRequest,
  DeliverySettlement,
} from '../../../src/ports/delivery-claims.ts';
import type { Store } from '../../../src/ports/store.ts';
import { TARGET } from './fixtures.ts';

export const LEASE_MS = 30_000;

/** Claims what is due, first attempts before retries. */
export async function claimDue(
  store: Store,
  request: Omit<DeliveryClaimRequest, 'attempts'>,
): Promise<ClaimedDelivery[]> {
  const first = await store.claimDeliveries({ ...request, attempts: 'first' });
  const limit = request.limit - first.length;
  return limit === 0
    ? first
    : [...first, ...(await store.claimDeliveries({ ...request, limit, attempts: 'later' }))];
}

/** Claims the one delivery that is due to the target. */
export async function claimOnly(store: Store, claimant = 'claimant'): Promise<ClaimedDelivery> {
  const claimed = await claimDue(store, {
    target: TARGET,
    claimant,
    limit: 10,
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
