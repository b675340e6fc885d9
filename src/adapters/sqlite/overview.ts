import {
  type BoundedCount,
  COUNT_MAX,
  type OutboxOverview,
  type OverviewQuestion,
  type StoreOverview,
} from '../../ports/store-overview.ts';
import type { SweepResult } from '../../ports/sweeps.ts';
import type { Connection } from './database.ts';
import { DEAD_AT_MS } from './delivery-filter.ts';
import { nullOr, numberOf, textOf } from './values.ts';

/** The oldest of the retries is searched among the ones that are tried next. */
const RETRIES_READ = 1_000;
/** Records are grouped by topic and reason, which costs more than counting. */
const QUARANTINED_READ = 50_000;

const DUE = 'FROM deliveries WHERE target = ? AND is_retry = ?';
const NOT_DEAD = `AND next_attempt_at < ${DEAD_AT_MS}`;
const DEAD = `AND next_attempt_at = ${DEAD_AT_MS}`;

/** The statements, for tests that look at their plans. A count ends at COUNT_LIMIT, in whose place a number goes. */
export const OVERVIEW_STATEMENTS = {
  due: `SELECT count(*) AS n FROM (SELECT 1 ${DUE} ${NOT_DEAD} LIMIT COUNT_LIMIT)`,
  dead: `SELECT count(*) AS n FROM (SELECT 1 ${DUE} ${DEAD} LIMIT COUNT_LIMIT)`,
  oldestFirst: `SELECT due_since AS at ${DUE} ${NOT_DEAD} ORDER BY next_attempt_at LIMIT 1`,
  oldestRetry: `SELECT min(due_since) AS at FROM (SELECT due_since ${DUE} ${NOT_DEAD} ORDER BY next_attempt_at LIMIT ${RETRIES_READ})`,
  nextRetry: `SELECT last_status, last_error ${DUE} ${NOT_DEAD} ORDER BY next_attempt_at LIMIT 1`,
  kinds:
    'SELECT topic, reason, count(*) AS records FROM (SELECT topic, reason FROM quarantine ' +
    'WHERE settled_as IS NULL LIMIT COUNT_LIMIT) GROUP BY topic, reason ORDER BY records DESC, topic, reason',
  parked: 'SELECT count(*) AS n FROM (SELECT 1 FROM parked_entities LIMIT COUNT_LIMIT)',
  sweep: 'SELECT result FROM sweeps WHERE target = ?',
} as const;

export function readOverview(
  reader: Connection,
  { targets, nowMs, countMax = COUNT_MAX }: OverviewQuestion,
): StoreOverview {
  const ofTarget = Math.max(1, Math.floor(countMax / Math.max(1, targets.length)));
  return {
    outboxes: targets.map((target) => outboxOf(reader, target, ofTarget, nowMs)),
    quarantined: kindsOf(reader, countMax),
    parked: countUpTo(reader, OVERVIEW_STATEMENTS.parked, [], countMax),
  };
}

function outboxOf(reader: Connection, target: string, countMax: number, nowMs: number): OutboxOverview {
  const { due, dead, oldestFirst, oldestRetry, nextRetry, sweep } = OVERVIEW_STATEMENTS;
  const first = countUpTo(reader, due, [target, 0], countMax);
  const retries = countUpTo(reader, due, [target, 1], countMax);
  const oldest = [
    first.count === 0 ? null : nullOr(reader.statement(oldestFirst).get(target, 0)?.at, numberOf),
    retries.count === 0 ? null : nullOr(reader.statement(oldestRetry).get(target, 1)?.at, numberOf),
  ].filter((at) => at !== null);
  const failed = retries.count === 0 ? undefined : reader.statement(nextRetry).get(target, 1);
  const result = nullOr(reader.statement(sweep).get(target)?.result, textOf);
  return {
    target,
    first,
    retries,
    // A dead delivery is never a retry.
    dead: countUpTo(reader, dead, [target, 0], countMax),
    oldestAgeMs: oldest.length === 0 ? null : nowMs - Math.min(...oldest),
    mayBeOlder: retries.count > RETRIES_READ,
    lastFailure:
      failed === undefined
        ? null
        : { status: nullOr(failed.last_status, numberOf), error: nullOr(failed.last_error, textOf) },
    lastSweep: result === null ? null : (JSON.parse(result) as SweepResult),
  };
}

/** Counts the open records by topic and reason. Of very many, it counts the first ones. */
function kindsOf(reader: Connection, countMax: number): StoreOverview['quarantined'] {
  const limit = Math.min(countMax, QUARANTINED_READ);
  const rows = reader.statement(OVERVIEW_STATEMENTS.kinds.replace('COUNT_LIMIT', '?')).all(limit + 1);
  const total = rows.reduce((sum, row) => sum + numberOf(row.records), 0);
  return rows.map((row) => ({
    topic: textOf(row.topic),
    reason: textOf(row.reason),
    records: numberOf(row.records),
    isMore: total > limit,
  }));
}

function countUpTo(
  reader: Connection,
  sql: string,
  values: readonly (string | number)[],
  countMax: number,
): BoundedCount {
  const limited = sql.replace('COUNT_LIMIT', '?');
  const count = numberOf(reader.statement(limited).get(...values, countMax + 1)?.n);
  return { count: Math.min(count, countMax), isMore: count > countMax };
}
