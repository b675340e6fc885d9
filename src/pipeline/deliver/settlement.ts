import type { View, ViewValue } from '../../core/domain.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Delivery, DeliveryOutcome } from '../../ports/delivery-target.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../ports/store.ts';
import { deliveryIdOf } from '../delivery-id.ts';

const MAX_RETRY_AFTER_MS = 60 * 60_000;

/** What comes next for a delivery after this outcome. */
export function nextOf(
  delivery: ClaimedDelivery,
  { verdict, retryAfterMs }: DeliveryOutcome,
  { clock, backoff, maxAttempts }: { clock: Clock; backoff: Backoff; maxAttempts: number },
): DeliverySettlement['next'] {
  if (verdict === 'delivered') return 'delivered';
  if (verdict === 'park') return 'dead';
  // A target that wants nothing any more says nothing against this state: it stays due for when that is mended.
  if (verdict !== 'disable' && delivery.attempt >= maxAttempts) return 'dead';
  const pause = fullJitterMs(backoff, delivery.attempt, clock.random());
  const asked = Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
  return { retryAtMs: clock.now() + Math.max(pause, asked) };
}

/**
 * Whether an outcome says that the target as a whole is in trouble: no answer, one of a broken server or of
 * something in front of it, or a request for less. Any other 4xx is about the state, even one that may pass (408,
 * 409, 425).
 */
export function isFault({ verdict, status }: DeliveryOutcome): boolean {
  if (verdict !== 'retry') return verdict === 'throttle';
  return status === null || status < 400 || status >= 500;
}

/** What is sent of a claimed delivery. */
export function deliveryOf(
  { entityId, version, row, attempt }: ClaimedDelivery,
  { keyColumn, columns }: Pick<View<never>, 'keyColumn' | 'columns'>,
): Delivery {
  const body: Record<string, ViewValue> = { [keyColumn]: entityId };
  columns.forEach((column, index) => {
    body[column.name] = row[index] ?? null;
  });
  body.version = version;
  return { deliveryId: deliveryIdOf(entityId, version), entityId, version, body, attempt };
}

/** A target that breaks its promise of one outcome for each is not to take the loop with it. */
export const NO_OUTCOME: DeliveryOutcome = {
  verdict: 'retry',
  status: null,
  latencyMs: 0,
  answer: '',
  error: 'The target said nothing of this state.',
  retryAfterMs: null,
};
