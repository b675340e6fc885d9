import { TributaryError } from '../../core/errors.ts';
import type { Job } from '../../ports/jobs.ts';
import type { DeliveryFilter, DeliveryKey } from '../../ports/ledger.ts';
import type { RedriveProgress, RedriveStep } from '../../ports/redrive-jobs.ts';
import type { Connection } from './database.ts';
import { listDeliveries } from './delivery-queries.ts';
import { lockClaimed, saveJob } from './jobs.ts';
import type { StoreTime } from './store-time.ts';

export function stepRedrive(
  writer: Connection,
  { jobId, limit, claimant, leaseMs }: RedriveStep,
  time: StoreTime,
): Job | null {
  const claimed = lockClaimed(writer, { jobId, claimant }, time);
  if (claimed === null) return null;
  const { job, nowMs } = claimed;
  const { filter } = (job.parameters ?? {}) as { readonly filter?: DeliveryFilter };
  if (filter === undefined) throw filterUnreadable(jobId);
  const place = job.place as DeliveryKey | null;
  const found = listDeliveries(writer, { ...filter, status: 'dead' }, place, limit, time);
  if (!job.isDryRun) for (const key of found) redrive(writer, key, nowMs);
  const { matched = 0, redriven = 0 } = job.progress as Partial<RedriveProgress>;
  const last = found.at(-1);
  return saveJob(
    writer,
    {
      jobId,
      claimant,
      leaseMs,
      state: found.length < limit ? 'done' : 'running',
      progress: {
        matched: matched + found.length,
        redriven: redriven + (job.isDryRun ? 0 : found.length),
      } satisfies RedriveProgress,
      place: last === undefined ? job.place : { target: last.target, entityId: last.entityId },
    },
    time,
  );
}

function redrive(writer: Connection, { target, entityId }: DeliveryKey, nowMs: number): void {
  writer
    .statement(`
      UPDATE deliveries SET status = 'pending', attempts = 0, is_retry = 0, next_attempt_at = ?
      WHERE target = ? AND entity_id = ?`)
    .run(nowMs, target, entityId);
}

function filterUnreadable(jobId: string): TributaryError {
  return new TributaryError(
    'store_refused',
    `The filter of the redrive job ${jobId} cannot be read, so that nothing was redriven by it: cancel it by "order-sync jobs cancel", and make the job again.`,
  );
}
