import { TributaryError } from '../../core/errors.ts';
import type { Job } from '../../ports/jobs.ts';
import type { DeliveryFilter, DeliveryKey } from '../../ports/ledger.ts';
import type { RedriveProgress, RedriveStep } from '../../ports/redrive-jobs.ts';
import type { Connection, Transaction } from './connection.ts';
import { jobOf, lockClaimed, saveJob } from './jobs.ts';
import { deliveriesOf, matches } from './ledger.ts';
import { deliveryLock } from './lock-names.ts';

export function stepRedrive(
  connection: Connection,
  { jobId, limit, claimant, leaseMs }: RedriveStep,
): Promise<Job | null> {
  return connection.transaction(async (transaction) => {
    const row = await lockClaimed(transaction, { jobId, claimant });
    if (row === null) return null;
    const job = jobOf(row);
    const { filter: given } = (job.parameters ?? {}) as { readonly filter?: DeliveryFilter };
    if (given === undefined)
      throw new TributaryError(
        'store_refused',
        `The filter of the redrive job ${jobId} cannot be read, so that nothing was redriven by it.`,
      );
    const filter: DeliveryFilter = { ...given, status: 'dead' };
    const place = job.place as DeliveryKey | null;
    await transaction.statement('look for dead deliveries');
    const found = deliveriesOf(transaction.schema, filter, place, limit);
    const redriven = job.isDryRun ? 0 : await redrive(transaction, filter, found);
    const before = job.progress as Partial<RedriveProgress>;
    const last = found.at(-1);
    return saveJob(transaction, {
      jobId,
      claimant,
      leaseMs,
      state: found.length < limit ? 'done' : 'running',
      progress: {
        // A delivery that a newer state made due meanwhile is no longer dead, and does not count.
        matched: (before.matched ?? 0) + (job.isDryRun ? found.length : redriven),
        redriven: (before.redriven ?? 0) + redriven,
      } satisfies RedriveProgress,
      place: last === undefined ? job.place : { target: last.target, entityId: last.entityId },
    });
  });
}

/** Makes dead deliveries due. Those that the filter no longer matches are left alone and not counted. */
async function redrive(
  transaction: Transaction,
  filter: DeliveryFilter,
  found: readonly DeliveryKey[],
): Promise<number> {
  if (found.length === 0) return 0;
  await transaction.statement('redrive deliveries');
  const nowMs = transaction.nowMs();
  const { ledgers } = transaction.schema;
  let redriven = 0;
  for (const { target, entityId } of found) {
    await transaction.lock(deliveryLock(target, entityId));
    const ledger = ledgers.of(target);
    const row = ledger.get(entityId);
    if (row === undefined || !matches(row, filter)) continue;
    transaction.write(() =>
      ledger.change(row, { status: 'pending', attempts: 0, isRetry: false, nextAttemptAt: nowMs }),
    );
    redriven++;
  }
  return redriven;
}
