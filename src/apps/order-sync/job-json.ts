import type { AuditEntry } from '../../ports/audit.ts';
import type { Job } from '../../ports/jobs.ts';
import type { DeliveryFilter } from '../../ports/ledger.ts';
import { filterJson } from './delivery-filter.ts';

/** A job as the HTTP API and the commands show it. */
export function jobJson(job: Job): object {
  const { jobId, kind, state, isDryRun, progress, requestedBy, reason } = job;
  return {
    id: jobId,
    kind,
    state,
    dryRun: isDryRun,
    ...(kind === 'redrive' ? redriveJson(job) : { parameters: job.parameters }),
    progress,
    requestedBy,
    reason,
    createdAt: moment(job.createdAtMs),
    updatedAt: moment(job.updatedAtMs),
    finishedAt: moment(job.finishedAtMs),
  };
}

/** The members that redrives of dead deliveries had before there were other jobs. */
function redriveJson({ parameters, progress }: Job): object {
  const { filter } = (parameters ?? {}) as { readonly filter?: DeliveryFilter };
  const { matched = 0, redriven = 0 } = progress;
  return { filter: filter === undefined ? null : filterJson(filter), matched, redriven };
}

/** A job as one line. */
export function jobLine({ jobId, kind, state, isDryRun, progress, requestedBy }: Job): string {
  const counts = Object.entries(progress).map(([name, value]) => `${wordsOf(name)} ${textOf(value)}`);
  const facts = [...(isDryRun ? ['dry run'] : []), ...counts];
  return `${jobId}  ${kind}  ${state}  ${facts.length === 0 ? 'not begun' : facts.join('  ')}  by ${JSON.stringify(requestedBy)}`;
}

export function auditJson({ auditId, action, subject, details, ...entry }: AuditEntry): object {
  const { decidedBy, reason, decidedAtMs } = entry;
  return {
    id: String(auditId),
    action,
    subject,
    details,
    decidedBy,
    reason,
    decidedAt: moment(decidedAtMs),
  };
}

/** `refusedAgain` as `refused again`. */
function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function textOf(value: unknown): string {
  return typeof value === 'number' || typeof value === 'string' ? String(value) : JSON.stringify(value);
}

function moment(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
