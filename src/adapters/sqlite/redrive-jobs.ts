import { TributaryError } from '../../core/errors.ts';
import { longestLeaseMs } from '../../ports/lease.ts';
import type { DeliveryKey } from '../../ports/ledger.ts';
import type {
  NewRedriveJob,
  RedriveClaim,
  RedriveJob,
  RedriveKey,
  RedriveRest,
} from '../../ports/redrive-jobs.ts';
import type { Connection } from './database.ts';
import { listDeliveries } from './delivery-queries.ts';
import type { StoreTime } from './store-time.ts';
import { nullOr, numberOf, type SqliteRow, textOf } from './values.ts';

/** The most jobs that are searched for one that can be claimed. */
const CLAIM_LOOK_ROWS = 100;

export function createRedrive(writer: Connection, job: NewRedriveJob): void {
  writer
    .statement(`
      INSERT INTO redrive_jobs (
        job_id, filter, is_dry_run, state, matched, redriven, requested_by, created_at, updated_at, leased_until
      ) VALUES (?1, ?2, ?3, 'waiting', 0, 0, ?4, ?5, ?5, 0)`)
    .run(job.jobId, JSON.stringify(job.filter), Number(job.isDryRun), job.requestedBy, job.createdAtMs);
}

export function readRedrive(reader: Connection, jobId: string): RedriveJob | null {
  const row = reader.statement('SELECT * FROM redrive_jobs WHERE job_id = ?').get(jobId);
  return row === undefined ? null : redriveJob(row);
}

export function listRedrives(reader: Connection, after: RedriveKey | null, limit: number): RedriveJob[] {
  const { createdAtMs, jobId } = after ?? { createdAtMs: Number.MAX_SAFE_INTEGER, jobId: '' };
  return reader
    .statement(`
      SELECT * FROM redrive_jobs WHERE (created_at, job_id) < (?, ?)
      ORDER BY created_at DESC, job_id DESC LIMIT ?`)
    .all(createdAtMs, jobId, limit)
    .map(redriveJob);
}

export function isAnyRedrive(reader: Connection): boolean {
  return reader.statement("SELECT 1 FROM redrive_jobs WHERE state <> 'done' LIMIT 1").get() !== undefined;
}

export function claimRedrive(
  writer: Connection,
  { claimant, leaseMs }: RedriveClaim,
  time: StoreTime,
): RedriveJob | null {
  const rows = writer
    .statement("SELECT * FROM redrive_jobs WHERE state <> 'done' ORDER BY created_at, job_id LIMIT ?")
    .all(CLAIM_LOOK_ROWS);
  const leaseNowMs = time.leaseNow();
  const isHeld = ({ leased_until }: SqliteRow) =>
    numberOf(leased_until) > leaseNowMs && numberOf(leased_until) <= leaseNowMs + longestLeaseMs(leaseMs);
  // One job is worked on at a time. A held job without a claimant rests after a failure, and does not keep the others
  // waiting.
  if (rows.some((row) => isHeld(row) && row.claimed_by !== null && row.claimed_by !== claimant)) return null;
  const row = rows.find((job) => job.claimed_by === claimant) ?? rows.find((job) => !isHeld(job));
  if (row === undefined) return null;
  const claimed = writer
    .statement(`
      UPDATE redrive_jobs SET state = 'running', claimed_by = ?, leased_until = ?, updated_at = ?
      WHERE job_id = ? RETURNING *`)
    .get(claimant, leaseNowMs + leaseMs, time.now(writer), textOf(row.job_id));
  return claimed === undefined ? null : redriveJob(claimed);
}

export function restRedrive(
  writer: Connection,
  { jobId, claimant, restMs }: RedriveRest,
  time: StoreTime,
): void {
  writer
    .statement(`
      UPDATE redrive_jobs SET state = 'waiting', claimed_by = NULL, leased_until = ?
      WHERE job_id = ? AND claimed_by = ? AND state <> 'done'`)
    .run(time.leaseNow() + restMs, jobId, claimant);
}

export function stepRedrive(
  writer: Connection,
  { jobId, limit, claimant, leaseMs }: RedriveClaim & { jobId: string; limit: number },
  time: StoreTime,
): RedriveJob | null {
  const row = writer.statement('SELECT * FROM redrive_jobs WHERE job_id = ?').get(jobId);
  if (row === undefined || row.claimed_by !== claimant || row.state === 'done') return null;
  const { filter, isDryRun } = redriveJob(row);
  if (filter === null) throw filterUnreadable(jobId);
  const nowMs = time.now(writer);
  const found = listDeliveries(writer, { ...filter, status: 'dead' }, cursorOf(row), limit, time);
  if (!isDryRun) for (const key of found) redrive(writer, key, nowMs);
  const last = found.at(-1) ?? cursorOf(row);
  const isDone = found.length < limit;
  const stepped = writer
    .statement(`
      UPDATE redrive_jobs SET state = ?1, matched = matched + ?2, redriven = redriven + ?3, cursor_target = ?4,
        cursor_entity_id = ?5, updated_at = ?6, finished_at = ?7, leased_until = ?8
      WHERE job_id = ?9 RETURNING *`)
    .get(
      isDone ? 'done' : 'running',
      found.length,
      isDryRun ? 0 : found.length,
      last?.target ?? null,
      last?.entityId ?? null,
      nowMs,
      isDone ? nowMs : null,
      time.leaseNow() + leaseMs,
      jobId,
    );
  return stepped === undefined ? null : redriveJob(stepped);
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
    `The filter of the redrive job ${jobId} cannot be read, so that nothing was redriven by it: delete its row from redrive_jobs and make the job again.`,
  );
}

function cursorOf(row: SqliteRow): DeliveryKey | null {
  return row.cursor_target === null
    ? null
    : { target: textOf(row.cursor_target), entityId: textOf(row.cursor_entity_id) };
}

function redriveJob(row: SqliteRow): RedriveJob {
  return {
    jobId: textOf(row.job_id),
    filter: readFilter(textOf(row.filter)),
    isDryRun: numberOf(row.is_dry_run) === 1,
    // The table's CHECK allows these three words only.
    state: textOf(row.state) as RedriveJob['state'],
    matched: numberOf(row.matched),
    redriven: numberOf(row.redriven),
    requestedBy: textOf(row.requested_by),
    createdAtMs: numberOf(row.created_at),
    updatedAtMs: numberOf(row.updated_at),
    finishedAtMs: nullOr(row.finished_at, numberOf),
  };
}

/** Gives null if somebody has altered the filter. */
function readFilter(json: string): RedriveJob['filter'] {
  try {
    return JSON.parse(json) as RedriveJob['filter'];
  } catch {
    return null;
  }
}
