import type { JsonValue, View } from '../../core/domain.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import { shownJson } from '../../core/view-values.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../ports/delivery-claims.ts';
import { type Delivery, type DeliveryOutcome, RETRY_AFTER_MAX_MS } from '../../ports/delivery-target.ts';
import { deliveryIdOf, repairIdOf } from '../delivery-id.ts';
import type { Judgement } from './blame.ts';

/**
 * The longest wait after a failure that is blamed on the target. The breaker spares the target, and once it is back, the
 * state should not wait much longer.
 */
const TROUBLE_WAIT_MAX_MS = 30_000;

/** Decides what comes next for a delivery after a failed attempt. */
export function nextOf(
  delivery: ClaimedDelivery,
  { verdict, retryAfterMs }: DeliveryOutcome,
  { blames, mayPark, failures }: Judgement,
  { clock, backoff, maxAttempts }: { clock: Clock; backoff: Backoff; maxAttempts: number },
): Exclude<DeliverySettlement['next'], 'delivered'> {
  const askedMs = Math.min(retryAfterMs ?? 0, RETRY_AFTER_MAX_MS);
  // A target that wants no more deliveries says nothing about this state, which stays due.
  if (verdict === 'disable' || blames === 'target') {
    const capMs = Math.min(backoff.capMs, TROUBLE_WAIT_MAX_MS);
    const pauseMs = fullJitterMs({ baseMs: backoff.baseMs, capMs }, failures, clock.random());
    return {
      retryAtMs: clock.now() + Math.max(pauseMs, Math.min(askedMs, TROUBLE_WAIT_MAX_MS)),
      // The first attempt counts, so that a delivery that was tried has at least one attempt.
      isCounted: delivery.attempt === 1 && maxAttempts > 1,
    };
  }
  if ((verdict === 'park' && mayPark) || delivery.attempt >= maxAttempts) return 'dead';
  const pauseMs = fullJitterMs(backoff, delivery.attempt, clock.random());
  return { retryAtMs: clock.now() + Math.max(pauseMs, askedMs) };
}

/** The statuses that concern the sender or the URL, and not the state. */
const STATUSES_OF_THE_TARGET: ReadonlySet<number> = new Set([401, 403, 404, 405, 407]);

/**
 * Whether an outcome is a fault of the target as a whole: no answer, an answer of a broken server or of a proxy, a status
 * that concerns the sender or the URL, or a request for fewer states. Any other 4xx concerns the state, even one that may
 * pass (408, 409, 425).
 */
export function isFault({ verdict, status }: DeliveryOutcome): boolean {
  if (verdict !== 'retry') return verdict === 'throttle';
  return status === null || status < 400 || status >= 500 || STATUSES_OF_THE_TARGET.has(status);
}

/** Describes a failure and, where a setting may be its cause, names the setting. */
export function troubleOf({ error, advice }: Pick<DeliveryOutcome, 'error' | 'advice'>): string {
  const what = error ?? 'It did not say what is wrong.';
  return advice === undefined || advice === null ? what : `${what} ${advice}`;
}

/** Makes the delivery that is sent from a claimed one. */
export function deliveryOf(
  claimed: ClaimedDelivery,
  { keyColumn, columns }: Pick<View<never>, 'keyColumn' | 'columns'>,
): Delivery {
  const { entityId, version, row, attempt, isRetry, replaces, isTakeover = false, trace } = claimed;
  const body: Record<string, JsonValue> = { [keyColumn]: entityId };
  columns.forEach((column, index) => {
    body[column.name] = shownJson(column, row[index] ?? null);
  });
  body.version = version;
  if (replaces !== undefined) body.replaces = replaces;
  // The attempt before a retry may not have been counted.
  const number = isRetry ? Math.max(2, attempt) : attempt;
  const delivery = { deliveryId: idOf(claimed), entityId, version, body, isTakeover, attempt: number };
  return trace === undefined ? delivery : { ...delivery, trace };
}

/** The id under which a claimed delivery is sent. */
export function idOf({
  entityId,
  version,
  replaces,
}: Pick<ClaimedDelivery, 'entityId' | 'version' | 'replaces'>): string {
  return replaces === undefined ? deliveryIdOf(entityId, version) : repairIdOf(entityId, version, replaces);
}

/** The outcome in the place of one that the target did not give, against its promise. */
export const NO_OUTCOME: DeliveryOutcome = {
  verdict: 'retry',
  status: null,
  latencyMs: 0,
  answer: '',
  error: 'The target gave no outcome for this state.',
  retryAfterMs: null,
};
