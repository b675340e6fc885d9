import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { TributaryError } from '../../core/errors.ts';
import { longestLeaseMs } from '../../ports/lease.ts';
import type { DeliveryFilter, DeliveryKey } from '../../ports/ledger.ts';
import type {
  NewRedriveJob,
  RedriveClaim,
  RedriveJob,
  RedriveKey,
  RedriveRest,
} from '../../ports/redrive-jobs.ts';
import { conditions } from './delivery-filter.ts';
import { listDeliveries } from './delivery-queries.ts';
import { chunksOf, marks } from './rows-statement.ts';
import type { StoreTime } from './store-time.ts';
import { textOf } from './values.ts';

const COLUMNS =
  'job_id, filter, is_dry_run, state, matched, redriven, requested_by, created_at, updated_at, finished_at, ' +
  'claimed_by, leased_until, cursor_target, cursor_entity_id';

export async function createRedrive(connection: PoolConnection, job: NewRedriveJob): Promise<void> {
  await connection.execute(
    'INSERT INTO redrive_jobs (job_id, filter, is_dry_run, state, matched, redriven, requested_by, created_at, updated_at, leased_until) ' +
      "VALUES (?, ?, ?, 'waiting', 0, 0, ?, ?, ?, 0)",
    [job.jobId, JSON.stringify(job.filter), job.isDryRun, job.requestedBy, job.createdAtMs, job.createdAtMs],
  );
}

export async function readRedrive(connection: PoolConnection, jobId: string): Promise<RedriveJob | null> {
  const row = await readRow(connection, jobId, '');
  return row === undefined ? null : redriveJob(row);
}

async function readRow(
  connection: PoolConnection,
  jobId: string,
  lock: '' | 'FOR UPDATE',
  time?: StoreTime,
): Promise<RowDataPacket | undefined> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT ${COLUMNS}, ${time?.sql ?? 0} FROM redrive_jobs WHERE job_id = ? ${lock}`,
    [jobId],
  );
  return rows[0];
}

export async function listRedrives(
  connection: PoolConnection,
  after: RedriveKey | null,
  limit: number,
): Promise<RedriveJob[]> {
  const { createdAtMs, jobId } = after ?? { createdAtMs: Number.MAX_SAFE_INTEGER, jobId: '' };
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT ${COLUMNS} FROM redrive_jobs WHERE created_at < ? OR created_at = ? AND job_id < ? ` +
      `ORDER BY created_at DESC, job_id DESC LIMIT ${Math.floor(limit)}`,
    [createdAtMs, createdAtMs, jobId],
  );
  return rows.map(redriveJob);
}

export async function isAnyRedrive(connection: PoolConnection): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "SELECT 1 FROM redrive_jobs WHERE state <> 'done' LIMIT 1",
  );
  return rows.length > 0;
}

/** The most jobs that are searched for one that can be claimed. */
const CLAIM_LOOK_ROWS = 100;

/** Runs inside a transaction, which locks the row of the job. */
export async function claimRedrive(
  connection: PoolConnection,
  { claimant, leaseMs }: RedriveClaim,
  time: StoreTime,
): Promise<RedriveJob | null> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT ${COLUMNS}, ${time.sql} FROM redrive_jobs WHERE state <> 'done' ` +
      `ORDER BY created_at, job_id LIMIT ${CLAIM_LOOK_ROWS}`,
  );
  if (rows.length === 0) return null;
  const nowMs = time.heard(rows[0]?.[14]);
  const isHeld = (row: RowDataPacket) =>
    Number(row[11]) > nowMs && Number(row[11]) <= nowMs + longestLeaseMs(leaseMs);
  // One job is worked on at a time. A held job without a claimant rests after a failure, and does not keep the others
  // waiting.
  if (rows.some((row) => isHeld(row) && row[10] !== null && !isClaimedBy(row, claimant))) return null;
  const found = rows.find((row) => isClaimedBy(row, claimant)) ?? rows.find((row) => !isHeld(row));
  if (found === undefined) return null;
  const row = await readRow(connection, textOf(found[0]), 'FOR UPDATE');
  const isAsFound = row !== undefined && textOrNull(row[10]) === textOrNull(found[10]);
  if (!isAsFound || Number(row[11]) !== Number(found[11]) || textOf(row[3]) === 'done') return null;
  await connection.execute(
    "UPDATE redrive_jobs SET state = 'running', claimed_by = ?, leased_until = ?, updated_at = ? WHERE job_id = ?",
    [claimant, nowMs + leaseMs, nowMs, textOf(row[0])],
  );
  return { ...redriveJob(row), state: 'running', updatedAtMs: nowMs };
}

export async function restRedrive(
  connection: PoolConnection,
  { jobId, claimant, restMs }: RedriveRest,
  time: StoreTime,
): Promise<void> {
  await connection.execute(
    "UPDATE redrive_jobs SET state = 'waiting', claimed_by = NULL, " +
      `leased_until = ${time.sql} + ? WHERE job_id = ? AND claimed_by = ? AND state <> 'done'`,
    [restMs, jobId, claimant],
  );
}

/** Runs inside a transaction. */
export async function stepRedrive(
  connection: PoolConnection,
  { jobId, limit, claimant, leaseMs }: RedriveClaim & { jobId: string; limit: number },
  time: StoreTime,
): Promise<RedriveJob | null> {
  const row = await readRow(connection, jobId, 'FOR UPDATE', time);
  if (row === undefined || !isClaimedBy(row, claimant)) return null;
  const job = redriveJob(row);
  if (job.state === 'done') return null;
  if (job.filter === null) throw filterUnreadable(jobId);
  const nowMs = time.heard(row[14]);
  const filter: DeliveryFilter = { ...job.filter, status: 'dead' };
  const found = await listDeliveries(connection, filter, cursorOf(row), limit);
  const redriven = job.isDryRun ? 0 : await redrive(connection, filter, found, nowMs);
  const last = found.at(-1) ?? cursorOf(row);
  const stepped: RedriveJob = {
    ...job,
    state: found.length < limit ? 'done' : 'running',
    // A delivery that a newer state made due meanwhile is no longer dead, and does not count.
    matched: job.matched + (job.isDryRun ? found.length : redriven),
    redriven: job.redriven + redriven,
    updatedAtMs: nowMs,
    finishedAtMs: found.length < limit ? nowMs : null,
  };
  await connection.execute(
    'UPDATE redrive_jobs SET state = ?, matched = ?, redriven = ?, cursor_target = ?, cursor_entity_id = ?, ' +
      'updated_at = ?, finished_at = ?, leased_until = ? WHERE job_id = ?',
    [
      stepped.state,
      stepped.matched,
      stepped.redriven,
      last?.target ?? null,
      last === null ? null : Buffer.from(last.entityId),
      nowMs,
      stepped.finishedAtMs,
      nowMs + leaseMs,
      jobId,
    ],
  );
  return stepped;
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
    `The filter of the redrive job ${jobId} cannot be read, so that nothing was redriven by it: delete its row from redrive_jobs and make the job again.`,
  );
}

function textOrNull(value: unknown): string | null {
  return value === null ? null : textOf(value as Buffer);
}

function isClaimedBy(row: RowDataPacket, claimant: string): boolean {
  return row[10] !== null && textOf(row[10]) === claimant;
}

function cursorOf(row: RowDataPacket): DeliveryKey | null {
  return row[12] === null ? null : { target: textOf(row[12]), entityId: textOf(row[13]) };
}

function redriveJob(row: RowDataPacket): RedriveJob {
  return {
    jobId: textOf(row[0]),
    filter: readFilter(textOf(row[1])),
    isDryRun: Number(row[2]) === 1,
    // The column's type allows these three words only.
    state: textOf(row[3]) as RedriveJob['state'],
    matched: Number(row[4]),
    redriven: Number(row[5]),
    requestedBy: textOf(row[6]),
    createdAtMs: Number(row[7]),
    updatedAtMs: Number(row[8]),
    finishedAtMs: row[9] === null ? null : Number(row[9]),
  };
}

/** Gives null if somebody has altered the filter. */
function readFilter(json: string): DeliveryFilter | null {
  try {
    return JSON.parse(json) as DeliveryFilter;
  } catch {
    return null;
  }
}
