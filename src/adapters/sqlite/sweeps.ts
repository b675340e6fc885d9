import { longestLeaseMs } from '../../ports/lease.ts';
import type { SweepClaim, SweepRecord, SweepResult } from '../../ports/sweeps.ts';
import type { Connection, Database } from './database.ts';
import type { StoreTime } from './store-time.ts';
import { nullOr, numberOf, textOf } from './values.ts';

export async function readSweep(database: Database, target: string, time: StoreTime): Promise<SweepRecord> {
  // Usually the target has a record, and then no write lock is needed.
  const known = await database.read((reader) => recordOf(reader, target, time));
  return known ?? database.write((writer) => noteTarget(writer, target, time));
}

function recordOf(reader: Connection, target: string, time: StoreTime): SweepRecord | null {
  const row = reader.statement('SELECT waits_since, result FROM sweeps WHERE target = ?').get(target);
  if (row === undefined) return null;
  const result = nullOr(row.result, textOf);
  return {
    waitsSinceMs: numberOf(row.waits_since),
    waitedMs: time.now(reader) - numberOf(row.waits_since),
    last: result === null ? null : (JSON.parse(result) as SweepResult),
  };
}

/** Adds the record of a target, unless another instance has added it meanwhile. */
function noteTarget(writer: Connection, target: string, time: StoreTime): SweepRecord {
  const nowMs = time.now(writer);
  writer
    .statement('INSERT INTO sweeps (target, waits_since) VALUES (?, ?) ON CONFLICT DO NOTHING')
    .run(target, nowMs);
  return recordOf(writer, target, time) ?? { waitsSinceMs: nowMs, waitedMs: 0, last: null };
}

export function claimSweep(
  writer: Connection,
  { target, claimant, waitsSinceMs, leaseMs }: SweepClaim,
  time: StoreTime,
): boolean {
  const leaseNowMs = time.leaseNow();
  const { changes } = writer
    .statement(`
      UPDATE sweeps SET claimed_by = ?1, leased_until = ?2
      WHERE target = ?3 AND (claimed_by = ?1 OR waits_since = ?4
        AND (claimed_by IS NULL OR leased_until <= ?5 OR leased_until > ?6))`)
    .run(
      claimant,
      leaseNowMs + leaseMs,
      target,
      waitsSinceMs,
      leaseNowMs,
      leaseNowMs + longestLeaseMs(leaseMs),
    );
  return Number(changes) === 1;
}

export function endSweep(
  writer: Connection,
  { target, claimant, result }: { target: string; claimant: string; result: SweepResult | null },
  time: StoreTime,
): void {
  writer
    .statement(`
      UPDATE sweeps SET claimed_by = NULL, waits_since = coalesce(?1, waits_since), result = coalesce(?2, result)
      WHERE target = ?3 AND claimed_by = ?4`)
    .run(
      result === null ? null : time.now(writer),
      result === null ? null : JSON.stringify(result),
      target,
      claimant,
    );
}
