import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { SweepClaim, SweepRecord, SweepResult } from '../../ports/sweeps.ts';
import { text } from './journal.ts';

export async function readSweep(
  connection: PoolConnection,
  { target, nowMs }: { target: string; nowMs: number },
): Promise<SweepRecord> {
  const known = await recordOf(connection, target);
  if (known !== null) return known;
  // Another instance may note it at the same time.
  await connection.execute('INSERT IGNORE INTO sweeps (target, waits_since) VALUES (?, ?)', [target, nowMs]);
  return (await recordOf(connection, target)) ?? { waitsSinceMs: nowMs, last: null };
}

async function recordOf(connection: PoolConnection, target: string): Promise<SweepRecord | null> {
  const [[row]] = await connection.execute<RowDataPacket[]>(
    'SELECT waits_since, result FROM sweeps WHERE target = ?',
    [target],
  );
  if (row === undefined) return null;
  return {
    waitsSinceMs: Number(row[0]),
    last: row[1] === null ? null : (JSON.parse(text(row[1])) as SweepResult),
  };
}

/** Inside a transaction: the target's row stays locked until it ends. */
export async function claimSweep(
  connection: PoolConnection,
  { target, claimant, waitsSinceMs, nowMs, leaseMs }: SweepClaim,
): Promise<boolean> {
  const [[row]] = await connection.execute<RowDataPacket[]>(
    'SELECT waits_since, claimed_by, leased_until FROM sweeps WHERE target = ? FOR UPDATE',
    [target],
  );
  if (row === undefined) return false;
  const holder = row[1] === null ? null : text(row[1]);
  const isFree = holder === null || Number(row[2]) <= nowMs;
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
): Promise<void> {
  await connection.execute<ResultSetHeader>(
    'UPDATE sweeps SET claimed_by = NULL, waits_since = COALESCE(?, waits_since), result = COALESCE(?, result) ' +
      'WHERE target = ? AND claimed_by = ?',
    [result?.endedAtMs ?? null, result === null ? null : JSON.stringify(result), target, claimant],
  );
}
