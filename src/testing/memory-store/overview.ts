import {
  type BoundedCount,
  COUNT_MAX,
  type OutboxOverview,
  type OverviewQuestion,
  type StoreOverview,
} from '../../ports/store-overview.ts';
import type { Connection } from './connection.ts';
import type { TargetLedger } from './ledger-table.ts';
import type { Schema } from './schema.ts';

/** The oldest of the retries is searched among the ones that are tried next. */
const RETRIES_READ = 1_000;
/** The most quarantined records that are counted. */
const QUARANTINED_READ = 50_000;

export function readOverview(
  connection: Connection,
  { targets, countMax = COUNT_MAX }: OverviewQuestion,
): Promise<StoreOverview> {
  const ofTarget = Math.max(1, Math.floor(countMax / Math.max(1, targets.length)));
  return connection.read('read the overview', (schema) => ({
    outboxes: targets.map((target) => outboxOf(schema, target, ofTarget, connection.nowMs())),
    quarantined: kindsOf(schema, countMax),
    parked: upTo(schema.parked.size, countMax),
  }));
}

function outboxOf(schema: Schema, target: string, countMax: number, nowMs: number): OutboxOverview {
  const ledger = schema.ledgers.get(target);
  const dead = ledger?.dead ?? 0;
  const first = (ledger?.first.size ?? 0) - dead;
  const retries = (ledger?.retries.size ?? 0) - (ledger?.retries.dead ?? 0);
  const oldest = ledger === undefined ? null : oldestOf(ledger, first, retries);
  const failed = retries === 0 ? undefined : ledger?.retries.first;
  return {
    target,
    first: upTo(first, countMax),
    retries: upTo(retries, countMax),
    dead: upTo(dead, countMax),
    oldestAgeMs: oldest === null ? null : nowMs - oldest,
    mayBeOlder: Math.min(retries, countMax) > RETRIES_READ,
    lastFailure: failed === undefined ? null : { status: failed.lastStatus || null, error: failed.lastError },
    lastSweep: schema.sweeps.get(target)?.result ?? null,
  };
}

/** Since when the longest waiting state is due, as far as it is looked for. */
function oldestOf({ first, retries }: TargetLedger, firstCount: number, retryCount: number): number | null {
  let oldest = firstCount === 0 ? null : (first.first?.dueSince ?? null);
  for (const { dueSince } of retries.rows(Math.min(retryCount, RETRIES_READ)))
    if (oldest === null || dueSince < oldest) oldest = dueSince;
  return oldest;
}

/** The counts of open records by topic and reason. Of very many it counts the first ones. */
function kindsOf({ quarantine }: Schema, countMax: number): StoreOverview['quarantined'] {
  const limit = Math.min(countMax, QUARANTINED_READ);
  if (quarantine.openCount <= limit)
    return quarantine.openCounts().map((kind) => ({ ...kind, isMore: false }));
  const open = quarantine.sorted.filter(({ settlement }) => settlement === null).slice(0, limit + 1);
  return quarantine
    .openCounts()
    .map(({ topic, reason }) => {
      const records = open.filter((one) => one.topic === topic && one.reason === reason).length;
      return { topic, reason, records, isMore: true };
    })
    .filter(({ records }) => records > 0)
    .sort((left, right) => right.records - left.records);
}

function upTo(count: number, countMax: number): BoundedCount {
  return { count: Math.min(count, countMax), isMore: count > countMax };
}
