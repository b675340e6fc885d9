import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import {
  type BoundedCount,
  COUNT_MAX,
  type OutboxOverview,
  type OverviewQuestion,
  type StoreOverview,
} from '../../ports/store-overview.ts';
import type { SweepResult } from '../../ports/sweeps.ts';
import { DEAD_AT_MS } from './delivery-filter.ts';
import type { StoreTime } from './store-time.ts';
import { textOf } from './values.ts';

/** The oldest of the retries is searched among the ones that are tried next. */
const RETRIES_READ = 1_000;
/** Records are grouped by topic and reason, which costs more than counting. */
const QUARANTINED_READ = 50_000;

const DUE = 'FROM deliveries FORCE INDEX (deliveries_by_next_attempt) WHERE target = ? AND is_retry = ?';
const NOT_DEAD = `AND next_attempt_at < ${DEAD_AT_MS}`;
const DEAD = `AND next_attempt_at = ${DEAD_AT_MS}`;

/** The statements, for tests that look at their plans. A count ends at COUNT_LIMIT, in whose place a number goes. */
export const OVERVIEW_STATEMENTS = {
  due: `SELECT COUNT(*) FROM (SELECT 1 ${DUE} ${NOT_DEAD} LIMIT COUNT_LIMIT) AS counted`,
  dead: `SELECT COUNT(*) FROM (SELECT 1 ${DUE} ${DEAD} LIMIT COUNT_LIMIT) AS counted`,
  oldestFirst: `SELECT due_since ${DUE} ${NOT_DEAD} ORDER BY next_attempt_at LIMIT 1`,
  oldestRetry: `SELECT MIN(due_since) FROM (SELECT due_since ${DUE} ${NOT_DEAD} ORDER BY next_attempt_at LIMIT ${RETRIES_READ}) AS looked`,
  nextRetry: `SELECT last_status, last_error ${DUE} ${NOT_DEAD} ORDER BY next_attempt_at LIMIT 1`,
  kinds:
    'SELECT topic, reason, COUNT(*) AS records FROM (SELECT topic, reason FROM quarantine FORCE INDEX (quarantine_open) ' +
    'WHERE settled_as IS NULL LIMIT COUNT_LIMIT) AS counted GROUP BY topic, reason ORDER BY records DESC, topic, reason',
  parked: 'SELECT COUNT(*) FROM (SELECT 1 FROM parked_entities LIMIT COUNT_LIMIT) AS counted',
  sweep: 'SELECT result FROM sweeps WHERE target = ?',
} as const;

export async function readOverview(
  connection: PoolConnection,
  { targets, countMax = COUNT_MAX }: OverviewQuestion,
  time: StoreTime,
): Promise<StoreOverview> {
  const ofTarget = Math.max(1, Math.floor(countMax / Math.max(1, targets.length)));
  const outboxes: OutboxOverview[] = [];
  for (const target of targets) outboxes.push(await outboxOf(connection, target, ofTarget, time));
  return {
    outboxes,
    quarantined: await kindsOf(connection, countMax),
    parked: await countUpTo(connection, OVERVIEW_STATEMENTS.parked, [], countMax),
  };
}

async function outboxOf(
  connection: PoolConnection,
  target: string,
  countMax: number,
  time: StoreTime,
): Promise<OutboxOverview> {
  const { due, dead, oldestFirst, oldestRetry, nextRetry, sweep } = OVERVIEW_STATEMENTS;
  const first = await countUpTo(connection, due, [target, 0], countMax);
  const retries = await countUpTo(connection, due, [target, 1], countMax);
  const oldest: number[] = [];
  const look = async (sql: string, isRetry: number) => {
    const [[row]] = await connection.execute<RowDataPacket[]>(sql, [target, isRetry]);
    if (row?.[0] !== undefined && row[0] !== null) oldest.push(Number(row[0]));
  };
  if (first.count > 0) await look(oldestFirst, 0);
  if (retries.count > 0) await look(oldestRetry, 1);
  const [[failed]] =
    retries.count === 0 ? [[]] : await connection.execute<RowDataPacket[]>(nextRetry, [target, 1]);
  const [[swept]] = await connection.execute<RowDataPacket[]>(sweep, [target]);
  return {
    target,
    first,
    retries,
    // A dead delivery is never a retry.
    dead: await countUpTo(connection, dead, [target, 0], countMax),
    oldestAgeMs: oldest.length === 0 ? null : (await nowOf(connection, time)) - Math.min(...oldest),
    mayBeOlder: retries.count > RETRIES_READ,
    lastFailure:
      failed === undefined
        ? null
        : {
            status: Number(failed[0]) || null,
            error: failed[1] === null ? null : textOf(failed[1]),
          },
    lastSweep:
      swept === undefined || swept[0] === null ? null : (JSON.parse(textOf(swept[0])) as SweepResult),
  };
}

async function nowOf(connection: PoolConnection, time: StoreTime): Promise<number> {
  const [[row]] = await connection.query<RowDataPacket[]>(`SELECT ${time.sql}`);
  return time.heard(row?.[0]);
}

/** Counts the open records by topic and reason. Of very many, it counts the first ones. */
async function kindsOf(connection: PoolConnection, countMax: number): Promise<StoreOverview['quarantined']> {
  const limit = Math.min(countMax, QUARANTINED_READ);
  const [rows] = await connection.query<RowDataPacket[]>(
    OVERVIEW_STATEMENTS.kinds.replace('COUNT_LIMIT', String(limit + 1)),
  );
  const total = rows.reduce((sum, row) => sum + Number(row[2]), 0);
  return rows.map((row) => ({
    topic: textOf(row[0]),
    reason: textOf(row[1]),
    records: Number(row[2]),
    isMore: total > limit,
  }));
}

async function countUpTo(
  connection: PoolConnection,
  sql: string,
  values: readonly (string | number)[],
  countMax: number,
): Promise<BoundedCount> {
  // Not prepared, because the limits vary.
  const limited = sql.replace('COUNT_LIMIT', String(countMax + 1));
  const [[row]] = await connection.query<RowDataPacket[]>(limited, [...values]);
  const count = Number(row?.[0]);
  return { count: Math.min(count, countMax), isMore: count > countMax };
}
