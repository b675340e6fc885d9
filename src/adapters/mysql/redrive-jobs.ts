import type { PoolConnection, ResultSetHeader } from 'mysql2/promise';
import { TributaryError } from '../../core/errors.ts';
import type { Job } from '../../ports/jobs.ts';
import type { DeliveryFilter, DeliveryKey } from '../../ports/ledger.ts';
import type { RedriveProgress, RedriveStep } from '../../ports/redrive-jobs.ts';
import { conditions } from './delivery-filter.ts';
import { listDeliveries } from './delivery-queries.ts';
import { lockClaimed, saveJob } from './jobs.ts';
import { chunksOf, marks } from './rows-statement.ts';
import type { StoreTime } from './store-time.ts';

/** Runs inside a transaction. */
export async function stepRedrive(
  connection: PoolConnection,
  { jobId, limit, claimant, leaseMs }: RedriveStep,
  time: StoreTime,
): Promise<Job | null> {
  const claimed = await lockClaimed(connection, { jobId, claimant }, time);
  if (claimed === null) return null;
  const { job, nowMs } = claimed;
  const { filter: given } = (job.parameters ?? {}) as { readonly filter?: DeliveryFilter };
  if (given === undefined) throw filterUnreadable(jobId);
  const filter: DeliveryFilter = { ...given, status: 'dead' };
  const place = job.place as DeliveryKey | null;
  const found = await listDeliveries(connection, filter, place, limit);
  const redriven = job.isDryRun ? 0 : await redrive(connection, filter, found, nowMs);
  const { matched: matchedBefore = 0, redriven: redrivenBefore = 0 } =
    job.progress as Partial<RedriveProgress>;
  const last = found.at(-1);
  return saveJob(
    connection,
    {
      jobId,
      claimant,
      leaseMs,
      state: found.length < limit ? 'done' : 'running',
      progress: {
        // A delivery that a newer state made due meanwhile is no longer dead, and does not count.
        matched: matchedBefore + (job.isDryRun ? found.length : redriven),
        redriven: redrivenBefore + redriven,
      } satisfies RedriveProgress,
      place: last === undefined ? job.place : { target: last.target, entityId: last.entityId },
    },
    time,
  );
}

/**
 * Makes dead deliveries due. They were found without locks, so those that the filter no longer matches are left alone
 * and not counted.
 */
async function redrive(
  connection: PoolConnection,
  filter: DeliveryFilter,
  found: readonly DeliveryKey[],
  nowMs: number,
): Promise<number> {
  const { sql, values } = conditions(filter);
  let redriven = 0;
  for (const target of new Set(found.map((key) => key.target))) {
    const ids = found.filter((key) => key.target === target).map(({ entityId }) => Buffer.from(entityId));
    for (const chunk of chunksOf(ids)) {
      const [updated] = await connection.execute<ResultSetHeader>(
        `UPDATE deliveries SET status = 'pending', attempts = 0, is_retry = 0, next_attempt_at = ? WHERE target = ? AND entity_id IN (${marks(chunk.length)}) ${sql}`,
        [nowMs, target, ...chunk, ...values],
      );
      redriven += updated.affectedRows;
    }
  }
  return redriven;
}

function filterUnreadable(jobId: string): TributaryError {
  return new TributaryError(
    'store_refused',
    `The filter of the redrive job ${jobId} cannot be read, so that nothing was redriven by it: cancel it by "order-sync jobs cancel", and make the job again.`,
  );
}
