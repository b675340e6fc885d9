import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeliveryOutcome } from '../../ports/delivery-target.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../ports/store.ts';

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
