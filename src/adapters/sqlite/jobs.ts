import type { Decision } from '../../ports/audit.ts';
import type {
  Job,
  JobClaim,
  JobClaimOfKind,
  JobKey,
  JobKind,
  JobSave,
  JsonObject,
  NewJob,
} from '../../ports/jobs.ts';
import { longestLeaseMs } from '../../ports/lease.ts';
import { addAudit } from './audit.ts';
import type { Connection } from './database.ts';
import type { StoreTime } from './store-time.ts';
import { nullOr, numberOf, type SqliteRow, textOf } from './values.ts';

/** The states of a job that has not ended. */
const TO_DO = "state IN ('waiting', 'running')";

export function createJob(writer: Connection, job: NewJob): void {
  const { jobId, kind, parameters, isDryRun, requestedBy, reason, createdAtMs } = job;
  writer
    .statement(`
      INSERT INTO jobs (
        job_id, kind, parameters, is_dry_run, state, progress, requested_by, reason, created_at, updated_at, leased_until
      ) VALUES (?1, ?2, ?3, ?4, 'waiting', '{}', ?5, ?6, ?7, ?7, 0)`)
    .run(jobId, kind, JSON.stringify(parameters), Number(isDryRun), requestedBy, reason, createdAtMs);
  addAudit(writer, {
    action: 'job_created',
    subject: jobId,
    details: { kind, parameters, isDryRun },
    decidedBy: requestedBy,
    reason,
    decidedAtMs: createdAtMs,
  });
}

export function readJob(reader: Connection, jobId: string): Job | null {
  const row = reader.statement('SELECT * FROM jobs WHERE job_id = ?').get(jobId);
  return row === undefined ? null : jobOf(row);
}

export function listJobs(
  reader: Connection,
  { after, limit }: { after: JobKey | null; limit: number },
): Job[] {
  const { createdAtMs, jobId } = after ?? { createdAtMs: Number.MAX_SAFE_INTEGER, jobId: '' };
  return reader
    .statement(`
      SELECT * FROM jobs WHERE (created_at, job_id) < (?, ?)
      ORDER BY created_at DESC, job_id DESC LIMIT ?`)
    .all(createdAtMs, jobId, limit)
    .map(jobOf);
}

/** Whether a job of this kind has not ended. */
export function isAnyJob(reader: Connection, kind: JobKind): boolean {
  return reader.statement(`SELECT 1 FROM jobs WHERE kind = ? AND ${TO_DO} LIMIT 1`).get(kind) !== undefined;
}

/** The most jobs that are searched for one that can be claimed. */
const CLAIM_LOOK_ROWS = 100;

export function claimJob(
  writer: Connection,
  { kind, claimant, leaseMs, passesOver = [] }: JobClaimOfKind,
  time: StoreTime,
): Job | null {
  const rows = writer
    .statement(`SELECT * FROM jobs WHERE kind = ? AND ${TO_DO} ORDER BY created_at, job_id LIMIT ?`)
    .all(kind, CLAIM_LOOK_ROWS);
  const leaseNowMs = time.leaseNow();
  const isHeld = ({ leased_until }: SqliteRow) =>
    numberOf(leased_until) > leaseNowMs && numberOf(leased_until) <= leaseNowMs + longestLeaseMs(leaseMs);
  // One job of a kind is worked on at a time. A held job without a claimant rests after a failure, and does not keep
  // the others waiting.
  if (rows.some((row) => isHeld(row) && row.claimed_by !== null && row.claimed_by !== claimant)) return null;
  const row =
    rows.find((job) => job.claimed_by === claimant) ??
    rows.find((job) => !isHeld(job) && !passesOver.includes(textOf(job.job_id)));
  if (row === undefined) return null;
  const claimed = writer
    .statement(`
      UPDATE jobs SET state = 'running', claimed_by = ?, leased_until = ?, updated_at = ?
      WHERE job_id = ? RETURNING *`)
    .get(claimant, leaseNowMs + leaseMs, time.now(writer), textOf(row.job_id));
  return claimed === undefined ? null : jobOf(claimed);
}

/** A job that a claimant works on, and the store's time. */
export interface ClaimedJob {
  readonly job: Job;
  readonly nowMs: number;
}

/** Gives the job if this claimant works on it, and null if it does not any more. */
export function lockClaimed(
  writer: Connection,
  { jobId, claimant }: { readonly jobId: string; readonly claimant: string },
  time: StoreTime,
): ClaimedJob | null {
  const row = writer
    .statement("SELECT * FROM jobs WHERE job_id = ? AND claimed_by = ? AND state = 'running'")
    .get(jobId, claimant);
  return row === undefined ? null : { job: jobOf(row), nowMs: time.now(writer) };
}

export function saveJob(
  writer: Connection,
  { jobId, claimant, leaseMs, state, progress, place }: JobSave,
  time: StoreTime,
): Job | null {
  const claimed = lockClaimed(writer, { jobId, claimant }, time);
  if (claimed === null) return null;
  const { job, nowMs } = claimed;
  const finishedAtMs = state === 'done' ? nowMs : null;
  writer
    .statement(`
      UPDATE jobs SET state = ?, progress = ?, place = ?, updated_at = ?, finished_at = ?, leased_until = ?
      WHERE job_id = ?`)
    .run(
      state,
      JSON.stringify(progress),
      place === null ? null : JSON.stringify(place),
      nowMs,
      finishedAtMs,
      time.leaseNow() + leaseMs,
      jobId,
    );
  return { ...job, state, progress, place, updatedAtMs: nowMs, finishedAtMs };
}

export function renewJob(
  writer: Connection,
  { jobId, claimant, leaseMs }: JobClaim & { readonly jobId: string },
  time: StoreTime,
): boolean {
  if (lockClaimed(writer, { jobId, claimant }, time) === null) return false;
  writer.statement('UPDATE jobs SET leased_until = ? WHERE job_id = ?').run(time.leaseNow() + leaseMs, jobId);
  return true;
}

export function restJob(
  writer: Connection,
  { jobId, claimant, restMs }: { readonly jobId: string; readonly claimant: string; readonly restMs: number },
  time: StoreTime,
): void {
  writer
    .statement(`
      UPDATE jobs SET state = 'waiting', claimed_by = NULL, leased_until = ?
      WHERE job_id = ? AND claimed_by = ? AND ${TO_DO}`)
    .run(time.leaseNow() + restMs, jobId, claimant);
}

export function cancelJob(
  writer: Connection,
  { jobId, ...decision }: Decision & { readonly jobId: string },
  time: StoreTime,
): Job | null {
  const nowMs = time.now(writer);
  const { changes } = writer
    .statement(`
      UPDATE jobs SET state = 'cancelled', claimed_by = NULL, updated_at = ?1, finished_at = ?1
      WHERE job_id = ?2 AND ${TO_DO}`)
    .run(nowMs, jobId);
  const job = readJob(writer, jobId);
  if (job === null || Number(changes) === 0) return job;
  addAudit(writer, {
    ...decision,
    action: 'job_cancelled',
    subject: jobId,
    details: { kind: job.kind, progress: job.progress },
  });
  return job;
}

function jobOf(row: SqliteRow): Job {
  return {
    jobId: textOf(row.job_id),
    // Only this program writes these two columns.
    kind: textOf(row.kind) as JobKind,
    parameters: readJson(textOf(row.parameters)),
    isDryRun: numberOf(row.is_dry_run) === 1,
    state: textOf(row.state) as Job['state'],
    progress: readJson(textOf(row.progress)) ?? {},
    place: row.place === null ? null : readJson(textOf(row.place)),
    requestedBy: textOf(row.requested_by),
    reason: textOf(row.reason),
    createdAtMs: numberOf(row.created_at),
    updatedAtMs: numberOf(row.updated_at),
    finishedAtMs: nullOr(row.finished_at, numberOf),
  };
}

/** Gives null if somebody has altered the text so that it is no JSON object. */
function readJson(json: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : null;
  } catch {
    return null;
  }
}
