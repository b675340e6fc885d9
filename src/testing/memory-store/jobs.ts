import { TributaryError } from '../../core/errors.ts';
import type { Decision } from '../../ports/audit.ts';
import type { Job, JobClaim, JobClaimOfKind, JobKey, JobSave, JsonObject, NewJob } from '../../ports/jobs.ts';
import { longestLeaseMs } from '../../ports/lease.ts';
import type { Connection, Transaction } from './connection.ts';
import { compareTexts } from './quarantine-table.ts';
import type { JobRow, Schema } from './schema.ts';

/** The lock of one job. */
function lockOf(jobId: string): string {
  return `job ${jobId}`;
}

export function createJob(connection: Connection, job: NewJob): Promise<void> {
  const { jobId, kind, parameters, isDryRun, requestedBy, reason, createdAtMs } = job;
  return connection.transaction(async (transaction) => {
    await transaction.statement('create a job');
    await transaction.lock(lockOf(jobId));
    const { schema } = transaction;
    if (schema.jobs.has(jobId))
      throw new TributaryError('store_failed', `The simulated database has a job ${jobId} already.`);
    const given = { jobId, kind, isDryRun, requestedBy, reason, createdAtMs };
    transaction.write(() => {
      schema.jobs.set(jobId, {
        ...given,
        parameters: JSON.stringify(parameters),
        state: 'waiting',
        progress: '{}',
        place: null,
        updatedAtMs: createdAtMs,
        finishedAtMs: null,
        claimedBy: null,
        leasedUntil: 0,
      });
      schema.addAudit({
        action: 'job_created',
        subject: jobId,
        details: { kind, parameters, isDryRun },
        decidedBy: requestedBy,
        reason,
        decidedAtMs: createdAtMs,
      });
    });
  });
}

export function readJob(connection: Connection, jobId: string): Promise<Job | null> {
  return connection.read('read a job', ({ jobs }) => {
    const row = jobs.get(jobId);
    return row === undefined ? null : jobOf(row);
  });
}

export function listJobs(
  connection: Connection,
  { after, limit }: { readonly after: JobKey | null; readonly limit: number },
): Promise<Job[]> {
  return connection.read('list jobs', ({ jobs }) =>
    [...jobs.values()]
      .filter((row) => after === null || compareAge(row, after) < 0)
      .sort((left, right) => compareAge(right, left))
      .slice(0, Math.floor(limit))
      .map(jobOf),
  );
}

function compareAge(left: JobKey, right: JobKey): number {
  return left.createdAtMs - right.createdAtMs || compareTexts(left.jobId, right.jobId);
}

/** The most jobs that are searched for one that can be claimed. */
const CLAIM_LOOK_ROWS = 100;

export async function claimJob(connection: Connection, claim: JobClaimOfKind): Promise<Job | null> {
  // Usually there is no job, and then no transaction is needed.
  const isAny = await connection.read('look for a job', (schema) => toDo(schema, claim.kind).length > 0);
  if (!isAny) return null;
  return connection.transaction(async (transaction) => {
    await transaction.statement('look for a job to claim');
    const { schema } = transaction;
    if (claimable(schema, claim, transaction.nowMs()) === null) return null;
    await transaction.statement('lock the jobs of a kind');
    for (const { jobId } of toDo(schema, claim.kind)) await transaction.lock(lockOf(jobId));
    const nowMs = transaction.nowMs();
    const found = claimable(schema, claim, nowMs);
    if (found === null) return null;
    await transaction.lock(lockOf(found.jobId));
    await transaction.statement('claim a job');
    const leasedUntil = nowMs + claim.leaseMs;
    const row = {
      ...found,
      state: 'running',
      claimedBy: claim.claimant,
      leasedUntil,
      updatedAtMs: nowMs,
    } as const;
    transaction.write(() => schema.jobs.set(found.jobId, row));
    return jobOf(row);
  });
}

function toDo({ jobs }: Schema, kind: string): JobRow[] {
  return [...jobs.values()].filter((row) => row.kind === kind && isToDo(row)).sort(compareAge);
}

function isToDo({ state }: JobRow): boolean {
  return state === 'waiting' || state === 'running';
}

function claimable(
  schema: Schema,
  { kind, claimant, leaseMs, passesOver = [] }: JobClaimOfKind,
  nowMs: number,
): JobRow | null {
  const rows = toDo(schema, kind).slice(0, CLAIM_LOOK_ROWS);
  const isHeld = ({ leasedUntil }: JobRow) =>
    leasedUntil > nowMs && leasedUntil <= nowMs + longestLeaseMs(leaseMs);
  // One job of a kind is worked on at a time. A held job without a claimant rests after a failure.
  if (rows.some((row) => isHeld(row) && row.claimedBy !== null && row.claimedBy !== claimant)) return null;
  return (
    rows.find(({ claimedBy }) => claimedBy === claimant) ??
    rows.find((row) => !isHeld(row) && !passesOver.includes(row.jobId)) ??
    null
  );
}

/** Locks the job until the transaction ends. Resolves with null if this claimant does not work on it any more. */
export async function lockClaimed(
  transaction: Transaction,
  { jobId, claimant }: { readonly jobId: string; readonly claimant: string },
): Promise<JobRow | null> {
  await transaction.statement('lock a job');
  await transaction.lock(lockOf(jobId));
  const row = transaction.schema.jobs.get(jobId);
  return row === undefined || row.claimedBy !== claimant || row.state !== 'running' ? null : row;
}

/** Runs inside a transaction. */
export async function saveJob(transaction: Transaction, save: JobSave): Promise<Job | null> {
  const { jobId, leaseMs, state, progress, place } = save;
  const row = await lockClaimed(transaction, save);
  if (row === null) return null;
  await transaction.statement('save a job');
  const nowMs = transaction.nowMs();
  const saved: JobRow = {
    ...row,
    state,
    progress: JSON.stringify(progress),
    place: place === null ? null : JSON.stringify(place),
    updatedAtMs: nowMs,
    finishedAtMs: state === 'done' ? nowMs : null,
    leasedUntil: nowMs + leaseMs,
  };
  const { jobs } = transaction.schema;
  transaction.write(() => jobs.set(jobId, saved));
  return jobOf(saved);
}

/** Runs inside a transaction. */
export async function renewJob(
  transaction: Transaction,
  renewal: JobClaim & { readonly jobId: string },
): Promise<boolean> {
  const row = await lockClaimed(transaction, renewal);
  if (row === null) return false;
  await transaction.statement('renew a job');
  const leasedUntil = transaction.nowMs() + renewal.leaseMs;
  const { jobs } = transaction.schema;
  transaction.write(() => jobs.set(row.jobId, { ...row, leasedUntil }));
  return true;
}

export function restJob(
  connection: Connection,
  { jobId, claimant, restMs }: { readonly jobId: string; readonly claimant: string; readonly restMs: number },
): Promise<void> {
  return connection.write('let a job rest', async (transaction) => {
    await transaction.lock(lockOf(jobId));
    const { jobs } = transaction.schema;
    const row = jobs.get(jobId);
    if (row?.claimedBy !== claimant || !isToDo(row)) return;
    const leasedUntil = transaction.nowMs() + restMs;
    transaction.write(() => jobs.set(jobId, { ...row, state: 'waiting', claimedBy: null, leasedUntil }));
  });
}

export function cancelJob(
  connection: Connection,
  { jobId, ...decision }: Decision & { readonly jobId: string },
): Promise<Job | null> {
  return connection.transaction(async (transaction) => {
    await transaction.statement('cancel a job');
    await transaction.lock(lockOf(jobId));
    const { schema } = transaction;
    const row = schema.jobs.get(jobId);
    if (row === undefined) return null;
    const job = jobOf(row);
    if (!isToDo(row)) return job;
    const nowMs = transaction.nowMs();
    const ended = {
      ...row,
      state: 'cancelled',
      claimedBy: null,
      updatedAtMs: nowMs,
      finishedAtMs: nowMs,
    } as const;
    transaction.write(() => {
      schema.jobs.set(jobId, ended);
      const details = { kind: job.kind, progress: job.progress };
      schema.addAudit({ ...decision, action: 'job_cancelled', subject: jobId, details });
    });
    return jobOf(ended);
  });
}

export function jobOf(row: JobRow): Job {
  const { jobId, kind, isDryRun, state, requestedBy, reason, createdAtMs, updatedAtMs, finishedAtMs } = row;
  return {
    jobId,
    kind,
    parameters: readJson(row.parameters),
    isDryRun,
    state,
    progress: readJson(row.progress) ?? {},
    place: row.place === null ? null : readJson(row.place),
    requestedBy,
    reason,
    createdAtMs,
    updatedAtMs,
    finishedAtMs,
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
