import type { View, ViewValue } from '../../core/domain.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Delivery, type DeliveryOutcome, RETRY_AFTER_MAX_MS } from '../../ports/delivery-target.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../ports/store.ts';
import { deliveryIdOf, repairIdOf } from '../delivery-id.ts';
import type { Judgement } from './blame.ts';

/**
 * The longest wait of a state whose attempt failed by the target's trouble: the breaker spares the target, and once the
 * target is back, the state should not wait for long.
 */
const TROUBLE_WAIT_MAX_MS = 30_000;

/** What comes next for a delivery that was not delivered. */
export function nextOf(
  delivery: ClaimedDelivery,
  { verdict, retryAfterMs }: DeliveryOutcome,
  { blames, mayPark, failures }: Judgement,
  { clock, backoff, maxAttempts }: { clock: Clock; backoff: Backoff; maxAttempts: number },
): Exclude<DeliverySettlement['next'], 'delivered'> {
  const askedMs = Math.min(retryAfterMs ?? 0, RETRY_AFTER_MAX_MS);
  // A target that wants nothing any more says nothing against this state, which stays due until that is mended.
  if (verdict === 'disable' || blames === 'target') {
    const capMs = Math.min(backoff.capMs, TROUBLE_WAIT_MAX_MS);
    const pauseMs = fullJitterMs({ baseMs: backoff.baseMs, capMs }, failures, clock.random());
    return {
      retryAtMs: clock.now() + Math.max(pauseMs, Math.min(askedMs, TROUBLE_WAIT_MAX_MS)),
      // The first attempt counts, so that a delivery that was tried has at least one.
      isCounted: delivery.attempt === 1 && maxAttempts > 1,
    };
  }
  if ((verdict === 'park' && mayPark) || delivery.attempt >= maxAttempts) return 'dead';
  const pauseMs = fullJitterMs(backoff, delivery.attempt, clock.random());
  return { retryAtMs: clock.now() + Math.max(pauseMs, askedMs) };
}

/** The statuses that speak of who asks, or of where, and not of the state. */
const STATUSES_OF_THE_TARGET: ReadonlySet<number> = new Set([401, 403, 404, 405, 407]);

/**
 * Whether an outcome says that the target as a whole is in trouble: no answer, one of a broken server or of
 * something in front of it, one that knows neither us nor the place, or a request for less. Any other 4xx is about the
 * state, even one that may pass (408, 409, 425).
 */
export function isFault({ verdict, status }: DeliveryOutcome): boolean {
  if (verdict !== 'retry') return verdict === 'throttle';
  return status === null || status < 400 || status >= 500 || STATUSES_OF_THE_TARGET.has(status);
}

/** What went wrong and, if there is something to look at, what. */
export function troubleOf({ error, advice }: Pick<DeliveryOutcome, 'error' | 'advice'>): string {
  const what = error ?? 'It did not say what is wrong.';
  return advice === undefined || advice === null ? what : `${what} ${advice}`;
}

/** What is sent of a claimed delivery. */
export function deliveryOf(
  claimed: ClaimedDelivery,
  { keyColumn, columns }: Pick<View<never>, 'keyColumn' | 'columns'>,
): Delivery {
  const { entityId, version, row, attempt, isRetry, replaces, isTakeover = false } = claimed;
  const body: Record<string, ViewValue> = { [keyColumn]: entityId };
  columns.forEach((column, index) => {
    body[column.name] = row[index] ?? null;
  });
  body.version = version;
  if (replaces !== undefined) body.replaces = replaces;
  // The attempt before this one may not have been counted.
  const number = isRetry ? Math.max(2, attempt) : attempt;
  return { deliveryId: idOf(claimed), entityId, version, body, isTakeover, attempt: number };
}

/** The id under which a claimed delivery is sent. */
export function idOf({
  entityId,
  version,
  replaces,
}: Pick<ClaimedDelivery, 'entityId' | 'version' | 'replaces'>): string {
  return replaces === undefined ? deliveryIdOf(entityId, version) : repairIdOf(entityId, version, replaces);
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
