import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { longestLeaseMs } from '../../ports/lease.ts';
import type { SweepClaim, SweepRecord, SweepResult } from '../../ports/sweeps.ts';
import type { StoreTime } from './store-time.ts';
import { textOf } from './values.ts';

export async function readSweep(
  connection: PoolConnection,
  target: string,
  time: StoreTime,
): Promise<SweepRecord> {
  const known = await recordOf(connection, target, time);
  if (known !== null) return known;
  // Another instance may add the record at the same time.
  await connection.execute(`INSERT IGNORE INTO sweeps (target, waits_since) VALUES (?, ${time.sql})`, [
    target,
  ]);
  return (await recordOf(connection, target, time)) ?? { waitsSinceMs: time.now(), waitedMs: 0, last: null };
}

async function recordOf(
  connection: PoolConnection,
  target: string,
  time: StoreTime,
): Promise<SweepRecord | null> {
  const [[row]] = await connection.execute<RowDataPacket[]>(
    `SELECT waits_since, result, ${time.sql} FROM sweeps WHERE target = ?`,
    [target],
  );
  if (row === undefined) return null;
  return {
    waitsSinceMs: Number(row[0]),
    waitedMs: time.heard(row[2]) - Number(row[0]),
    last: row[1] === null ? null : (JSON.parse(textOf(row[1])) as SweepResult),
  };
}

/** Runs inside a transaction, which locks the row of the target. */
export async function claimSweep(
  connection: PoolConnection,
  { target, claimant, waitsSinceMs, leaseMs }: SweepClaim,
  time: StoreTime,
): Promise<boolean> {
  const [[row]] = await connection.execute<RowDataPacket[]>(
    `SELECT waits_since, claimed_by, leased_until, ${time.sql} FROM sweeps WHERE target = ? FOR UPDATE`,
    [target],
  );
  if (row === undefined) return false;
  const holder = row[1] === null ? null : textOf(row[1]);
  const nowMs = time.heard(row[3]);
  const leasedUntilMs = Number(row[2]);
  const isFree = holder === null || leasedUntilMs <= nowMs || leasedUntilMs > nowMs + longestLeaseMs(leaseMs);
  if (holder !== claimant && !(isFree && Number(row[0]) === waitsSinceMs)) return false;
  await connection.execute('UPDATE sweeps SET claimed_by = ?, leased_until = ? WHERE target = ?', [
    claimant,
    nowMs + leaseMs,
    target,
  ]);
  return true;
}

export async function endSweep(
  connection: PoolConnection,
  { target, claimant, result }: { target: string; claimant: string; result: SweepResult | null },
  time: StoreTime,
): Promise<void> {
  await connection.execute<ResultSetHeader>(
    `UPDATE sweeps SET claimed_by = NULL, waits_since = IF(?, ${time.sql}, waits_since), ` +
      'result = COALESCE(?, result) WHERE target = ? AND claimed_by = ?',
    [result === null ? 0 : 1, result === null ? null : JSON.stringify(result), target, claimant],
  );
}
