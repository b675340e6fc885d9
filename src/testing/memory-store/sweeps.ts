import { longestLeaseMs } from '../../ports/lease.ts';
import type { SweepClaim, SweepRecord, SweepResult } from '../../ports/sweeps.ts';
import type { Connection } from './connection.ts';
import type { SweepRow } from './schema.ts';

function lockOf(target: string): string {
  return `sweep ${target}`;
}

export async function readSweep(connection: Connection, target: string): Promise<SweepRecord> {
  const recordOf = () =>
    connection.read('read a sweep', ({ sweeps }): SweepRecord | null => {
      const row = sweeps.get(target);
      if (row === undefined) return null;
      const { waitsSinceMs, result: last } = row;
      return { waitsSinceMs, waitedMs: connection.nowMs() - waitsSinceMs, last };
    });
  const known = await recordOf();
  if (known !== null) return known;
  // Another instance may add the record at the same time.
  await connection.write('add a sweep', async (transaction) => {
    await transaction.lock(lockOf(target));
    const { sweeps } = transaction.schema;
    const row: SweepRow = {
      waitsSinceMs: transaction.nowMs(),
      claimedBy: null,
      leasedUntil: 0,
      result: null,
    };
    if (!sweeps.has(target)) transaction.write(() => sweeps.set(target, row));
  });
  return (await recordOf()) ?? { waitsSinceMs: connection.nowMs(), waitedMs: 0, last: null };
}

export function claimSweep(
  connection: Connection,
  { target, claimant, waitsSinceMs, leaseMs }: SweepClaim,
): Promise<boolean> {
  return connection.transaction(async (transaction) => {
    await transaction.statement('lock a sweep');
    await transaction.lock(lockOf(target));
    const { sweeps } = transaction.schema;
    const row = sweeps.get(target);
    if (row === undefined) return false;
    const nowMs = transaction.nowMs();
    const { claimedBy, leasedUntil } = row;
    const isFree =
      claimedBy === null || leasedUntil <= nowMs || leasedUntil > nowMs + longestLeaseMs(leaseMs);
    if (claimedBy !== claimant && !(isFree && row.waitsSinceMs === waitsSinceMs)) return false;
    await transaction.statement('claim a sweep');
    transaction.write(() =>
      sweeps.set(target, { ...row, claimedBy: claimant, leasedUntil: nowMs + leaseMs }),
    );
    return true;
  });
}

export function endSweep(
  connection: Connection,
  {
    target,
    claimant,
    result,
  }: { readonly target: string; readonly claimant: string; readonly result: SweepResult | null },
): Promise<void> {
  return connection.write('end a sweep', async (transaction) => {
    await transaction.lock(lockOf(target));
    const { sweeps } = transaction.schema;
    const row = sweeps.get(target);
    if (row?.claimedBy !== claimant) return;
    const waitsSinceMs = result === null ? row.waitsSinceMs : transaction.nowMs();
    const ended = { ...row, claimedBy: null, waitsSinceMs, result: result ?? row.result };
    transaction.write(() => sweeps.set(target, ended));
  });
}
