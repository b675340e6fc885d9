import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
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
import type { StoreTime } from './store-time.ts';
import { textOf } from './values.ts';

const COLUMNS =
  'job_id, kind, parameters, is_dry_run, state, progress, place, requested_by, reason, created_at, updated_at, ' +
  'finished_at, claimed_by, leased_until';

/** The states of a job that has not ended. */
const TO_DO = "state IN ('waiting', 'running')";

/** Runs inside a transaction. */
export async function createJob(connection: PoolConnection, job: NewJob): Promise<void> {
  const { jobId, kind, parameters, isDryRun, requestedBy, reason, createdAtMs } = job;
  await connection.execute(
    'INSERT INTO jobs (job_id, kind, parameters, is_dry_run, state, progress, requested_by, reason, created_at, updated_at, leased_until) ' +
      "VALUES (?, ?, ?, ?, 'waiting', '{}', ?, ?, ?, ?, 0)",
    [jobId, kind, JSON.stringify(parameters), isDryRun, requestedBy, reason, createdAtMs, createdAtMs],
  );
  await addAudit(connection, {
    action: 'job_created',
    subject: jobId,
    details: { kind, parameters, isDryRun },
    decidedBy: requestedBy,
    reason,
    decidedAtMs: createdAtMs,
  });
}

export async function readJob(connection: PoolConnection, jobId: string): Promise<Job | null> {
  const row = await readRow(connection, jobId, '');
  return row === undefined ? null : jobOf(row);
}

async function readRow(
  connection: PoolConnection,
  jobId: string,
  lock: '' | 'FOR UPDATE',
): Promise<RowDataPacket | undefined> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT ${COLUMNS} FROM jobs WHERE job_id = ? ${lock}`,
    [jobId],
  );
  return rows[0];
}

export async function listJobs(
  connection: PoolConnection,
  { after, limit }: { after: JobKey | null; limit: number },
): Promise<Job[]> {
  const { createdAtMs, jobId } = after ?? { createdAtMs: Number.MAX_SAFE_INTEGER, jobId: '' };
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT ${COLUMNS} FROM jobs WHERE created_at < ? OR created_at = ? AND job_id < ? ` +
      `ORDER BY created_at DESC, job_id DESC LIMIT ${Math.floor(limit)}`,
    [createdAtMs, createdAtMs, jobId],
  );
  return rows.map(jobOf);
}

/** Whether a job of this kind has not ended. */
export async function isAnyJob(connection: PoolConnection, kind: JobKind): Promise<boolean> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT 1 FROM jobs WHERE kind = ? AND ${TO_DO} LIMIT 1`,
    [kind],
  );
  return rows.length > 0;
}

/** The most jobs that are searched for one that can be claimed. */
const CLAIM_LOOK_ROWS = 100;

/**
 * Runs inside a transaction. It looks without locks first, because usually another instance works on the job. The second
 * look locks the jobs of the kind, so that two instances never choose at the same time.
 */
export async function claimJob(
  connection: PoolConnection,
  claim: JobClaimOfKind,
  time: StoreTime,
): Promise<Job | null> {
  if ((await findClaimable(connection, claim, time, '')) === null) return null;
  const found = await findClaimable(connection, claim, time, 'FOR UPDATE');
  if (found === null) return null;
  const { row, nowMs } = found;
  await connection.execute(
    "UPDATE jobs SET state = 'running', claimed_by = ?, leased_until = ?, updated_at = ? WHERE job_id = ?",
    [claim.claimant, nowMs + claim.leaseMs, nowMs, textOf(row[0])],
  );
  return { ...jobOf(row), state: 'running', updatedAtMs: nowMs };
}

async function findClaimable(
  connection: PoolConnection,
  { kind, claimant, leaseMs, passesOver = [] }: JobClaimOfKind,
  time: StoreTime,
  lock: '' | 'FOR UPDATE',
): Promise<{ readonly row: RowDataPacket; readonly nowMs: number } | null> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT ${COLUMNS}, ${time.sql} FROM jobs WHERE kind = ? AND ${TO_DO} ` +
      `ORDER BY created_at, job_id LIMIT ${CLAIM_LOOK_ROWS} ${lock}`,
    [kind],
  );
  if (rows.length === 0) return null;
  const nowMs = time.heard(rows[0]?.[14]);
  const isHeld = (row: RowDataPacket) =>
    Number(row[13]) > nowMs && Number(row[13]) <= nowMs + longestLeaseMs(leaseMs);
  // One job of a kind is worked on at a time. A held job without a claimant rests after a failure, and does not keep
  // the others waiting.
  if (rows.some((row) => isHeld(row) && row[12] !== null && !isClaimedBy(row, claimant))) return null;
  const row =
    rows.find((one) => isClaimedBy(one, claimant)) ??
    rows.find((one) => !isHeld(one) && !passesOver.includes(textOf(one[0])));
  return row === undefined ? null : { row, nowMs };
}

/** A job that a claimant works on, and the store's time. */
export interface ClaimedJob {
  readonly job: Job;
  readonly nowMs: number;
}

/**
 * Runs inside a transaction, and locks the job until its end. Resolves with the job if this claimant works on it, and
 * with null if it does not any more.
 */
export async function lockClaimed(
  connection: PoolConnection,
  { jobId, claimant }: { readonly jobId: string; readonly claimant: string },
  time: StoreTime,
): Promise<ClaimedJob | null> {
  const [[row]] = await connection.execute<RowDataPacket[]>(
    `SELECT ${COLUMNS}, ${time.sql} FROM jobs WHERE job_id = ? FOR UPDATE`,
    [jobId],
  );
  if (row === undefined || !isClaimedBy(row, claimant)) return null;
  const job = jobOf(row);
  return job.state === 'running' ? { job, nowMs: time.heard(row[14]) } : null;
}

/** Runs inside a transaction. */
export async function saveJob(
  connection: PoolConnection,
  { jobId, claimant, leaseMs, state, progress, place }: JobSave,
  time: StoreTime,
): Promise<Job | null> {
  const claimed = await lockClaimed(connection, { jobId, claimant }, time);
  if (claimed === null) return null;
  const { job, nowMs } = claimed;
  const finishedAtMs = state === 'done' ? nowMs : null;
  await connection.execute(
    'UPDATE jobs SET state = ?, progress = ?, place = ?, updated_at = ?, finished_at = ?, leased_until = ? WHERE job_id = ?',
    [
      state,
      JSON.stringify(progress),
      place === null ? null : JSON.stringify(place),
      nowMs,
      finishedAtMs,
      nowMs + leaseMs,
      jobId,
    ],
  );
  return { ...job, state, progress, place, updatedAtMs: nowMs, finishedAtMs };
}

/** Runs inside a transaction. */
export async function renewJob(
  connection: PoolConnection,
  { jobId, claimant, leaseMs }: JobClaim & { readonly jobId: string },
  time: StoreTime,
): Promise<boolean> {
  const claimed = await lockClaimed(connection, { jobId, claimant }, time);
  if (claimed === null) return false;
  await connection.execute('UPDATE jobs SET leased_until = ? WHERE job_id = ?', [
    claimed.nowMs + leaseMs,
    jobId,
  ]);
  return true;
}

export async function restJob(
  connection: PoolConnection,
  { jobId, claimant, restMs }: { readonly jobId: string; readonly claimant: string; readonly restMs: number },
  time: StoreTime,
): Promise<void> {
  await connection.execute(
    "UPDATE jobs SET state = 'waiting', claimed_by = NULL, " +
      `leased_until = ${time.sql} + ? WHERE job_id = ? AND claimed_by = ? AND ${TO_DO}`,
    [restMs, jobId, claimant],
  );
}

/** Runs inside a transaction. */
export async function cancelJob(
  connection: PoolConnection,
  { jobId, ...decision }: Decision & { readonly jobId: string },
  time: StoreTime,
): Promise<Job | null> {
  const row = await readRow(connection, jobId, 'FOR UPDATE');
  if (row === undefined) return null;
  const job = jobOf(row);
  if (job.state === 'done' || job.state === 'cancelled') return job;
  await connection.execute(
    `UPDATE jobs SET state = 'cancelled', claimed_by = NULL, updated_at = ${time.sql}, finished_at = ${time.sql} WHERE job_id = ?`,
    [jobId],
  );
  await addAudit(connection, {
    ...decision,
    action: 'job_cancelled',
    subject: jobId,
    details: { kind: job.kind, progress: job.progress },
  });
  return readJob(connection, jobId);
}

function isClaimedBy(row: RowDataPacket, claimant: string): boolean {
  return row[12] !== null && textOf(row[12]) === claimant;
}

function jobOf(row: RowDataPacket): Job {
  return {
    jobId: textOf(row[0]),
    // Only this program writes these two columns.
    kind: textOf(row[1]) as JobKind,
    parameters: readJson(textOf(row[2])),
    isDryRun: Number(row[3]) === 1,
    state: textOf(row[4]) as Job['state'],
    progress: readJson(textOf(row[5])) ?? {},
    place: row[6] === null ? null : readJson(textOf(row[6])),
    requestedBy: textOf(row[7]),
    reason: textOf(row[8]),
    createdAtMs: Number(row[9]),
    updatedAtMs: Number(row[10]),
    finishedAtMs: row[11] === null ? null : Number(row[11]),
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
