import type { RedriveJob, StoredAttempt, StoredDelivery } from '../../ports/redrive.ts';
import { filterJson } from './delivery-filter.ts';

/** A delivery as the HTTP API and the commands show it. */
export function deliveryJson(delivery: StoredDelivery): object {
  const { target, entityId, status, dueVersion, deliveredVersion, attempts, lastStatus, lastError } =
    delivery;
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
  };
}

export function attemptJson({ attemptedAtMs, ...attempt }: StoredAttempt): object {
  return { ...attempt, attemptedAt: moment(attemptedAtMs) };
}

export function jobJson(job: RedriveJob): object {
  const { jobId, state, isDryRun, matched, redriven, requestedBy } = job;
  return {
    id: jobId,
    kind: 'redrive',
    state,
    dryRun: isDryRun,
    filter: job.filter === null ? null : filterJson(job.filter),
    matched,
    redriven,
    requestedBy,
    createdAt: moment(job.createdAtMs),
    updatedAt: moment(job.updatedAtMs),
    finishedAt: moment(job.finishedAtMs),
  };
}

function moment(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
