import type { MarkedAttempt } from '../../pipeline/ask/explain/attempts.ts';
import type { StoredDelivery } from '../../ports/ledger.ts';

/** A delivery as the HTTP API and the commands show it. */
export function deliveryJson(delivery: StoredDelivery): object {
  const {
    target,
    entityId,
    status,
    dueVersion,
    deliveredVersion,
    attempts,
    lastStatus,
    lastError,
    lastAnswer,
  } = delivery;
  return {
    target,
    entityId,
    status,
    dueVersion,
    deliveredVersion,
    attempts,
    dueSince: moment(delivery.dueSinceMs),
    nextAttemptAt: moment(delivery.nextAttemptAtMs),
    lastStatus,
    lastError,
    lastAnswer,
  };
}

export function attemptJson({ attemptedAtMs, isCounted, ...attempt }: MarkedAttempt): object {
  return { ...attempt, counted: isCounted, attemptedAt: moment(attemptedAtMs) };
}

function moment(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
