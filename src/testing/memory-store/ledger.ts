import type {
  DeliveryFilter,
  DeliveryKey,
  DeliveryPage,
  StoredAttempt,
  StoredDelivery,
} from '../../ports/ledger.ts';
import type { Connection } from './connection.ts';
import { DEAD_AT_MS, type DeliveryRow } from './delivery-row.ts';
import type { TargetLedger } from './ledger-table.ts';
import { compareTexts } from './quarantine-table.ts';
import type { Schema } from './schema.ts';

export function readDelivery(
  connection: Connection,
  target: string,
  entityId: string,
): Promise<StoredDelivery | null> {
  return connection.read('read a delivery', ({ ledgers }) => {
    const ledger = ledgers.get(target);
    const row = ledger?.get(entityId);
    return ledger === undefined || row === undefined ? null : storedDelivery(ledger, row);
  });
}

export function listDeliveries(
  connection: Connection,
  filter: DeliveryFilter,
  after: DeliveryKey | null,
  limit: number,
): Promise<StoredDelivery[]> {
  return connection.read('list deliveries', (schema) => deliveriesOf(schema, filter, after, limit));
}

export function deliveriesOf(
  schema: Schema,
  filter: DeliveryFilter,
  after: DeliveryKey | null,
  limit: number,
): StoredDelivery[] {
  const found: StoredDelivery[] = [];
  for (const { ledger, row } of rowsBehind(schema, filter, after)) {
    if (found.length >= Math.floor(limit)) break;
    if (matches(row, filter)) found.push(storedDelivery(ledger, row));
  }
  return found;
}

/**
 * The page ends after it has looked at `lookMax` deliveries. They do not count where an index finds what is selected, and of
 * dead ones only those that are dead count.
 */
export function pageDeliveries(
  connection: Connection,
  page: {
    readonly filter: DeliveryFilter;
    readonly after: DeliveryKey | null;
    readonly limit: number;
    readonly lookMax: number;
  },
): Promise<DeliveryPage> {
  const { filter, after, limit, lookMax } = page;
  return connection.read('page deliveries', (schema) => {
    const deliveries: StoredDelivery[] = [];
    let last: DeliveryKey | null = null;
    let looked = 0;
    const isQuick = isQuickAlone(filter);
    for (const { ledger, row } of rowsBehind(schema, filter, after)) {
      if (filter.status === 'dead' && row.status !== 'dead') continue;
      if (!isQuick && looked++ >= lookMax) return { deliveries, next: last };
      if (matches(row, filter)) {
        if (deliveries.length >= Math.floor(limit)) {
          const { target, entityId } = deliveries.at(-1) as StoredDelivery;
          return { deliveries, next: { target, entityId } };
        }
        deliveries.push(storedDelivery(ledger, row));
      }
      last = { target: row.target, entityId: row.entityId };
    }
    return { deliveries, next: null };
  });
}

/** Whether an index finds what the filter selects. */
function isQuickAlone({ entityId, status, ...others }: DeliveryFilter): boolean {
  const { lastStatus, errorPrefix, dueSinceFromMs, dueSinceBeforeMs } = others;
  const isNarrow = [lastStatus, errorPrefix, dueSinceFromMs, dueSinceBeforeMs].some((part) => part !== null);
  return entityId !== null || (!isNarrow && (status === null || status === 'dead'));
}

/** The rows of the targets that the filter allows, sorted by target and entity id. */
function* rowsBehind(
  { ledgers }: Schema,
  filter: DeliveryFilter,
  after: DeliveryKey | null,
): Generator<{ readonly ledger: TargetLedger; readonly row: DeliveryRow }> {
  for (const target of [...ledgers.byTarget.keys()].sort(compareTexts)) {
    if (filter.target !== null && filter.target !== target) continue;
    const order = after === null ? 1 : compareTexts(target, after.target);
    if (order < 0) continue;
    const ledger = ledgers.of(target);
    if (filter.entityId !== null) {
      const row = ledger.get(filter.entityId);
      if (row !== undefined && (order > 0 || isBehind(ledger, row, after))) yield { ledger, row };
      continue;
    }
    const { list } = ledger.ids;
    for (
      let index = ledger.ids.indexBehind(order > 0 ? null : (after?.entityId ?? null));
      index < list.length;
      index++
    )
      yield { ledger, row: ledger.get(list[index] as string) as DeliveryRow };
  }
}

function isBehind({ ids }: TargetLedger, { entityId }: DeliveryRow, after: DeliveryKey | null): boolean {
  return after === null || ids.indexBehind(after.entityId) < ids.indexBehind(entityId);
}

export function matches(row: DeliveryRow, filter: DeliveryFilter): boolean {
  const { target, entityId, status, lastStatus, errorPrefix, dueSinceFromMs, dueSinceBeforeMs } = filter;
  return (
    (target === null || row.target === target) &&
    (entityId === null || row.entityId === entityId) &&
    (status === null || row.status === status) &&
    (lastStatus === null || row.lastStatus === lastStatus) &&
    (errorPrefix === null || row.lastError?.startsWith(errorPrefix) === true) &&
    (dueSinceFromMs === null || row.dueSince >= dueSinceFromMs) &&
    (dueSinceBeforeMs === null || row.dueSince < dueSinceBeforeMs)
  );
}

export function readAttempts(
  connection: Connection,
  { target, entityId }: DeliveryKey,
  limit: number,
): Promise<StoredAttempt[]> {
  return connection.read('read attempts', ({ ledgers }) =>
    (ledgers.get(target)?.attempts.get(entityId) ?? []).slice(-Math.floor(limit)).reverse(),
  );
}

function storedDelivery(ledger: TargetLedger, row: DeliveryRow): StoredDelivery {
  const { target, entityId, status, dueVersion, attempts, dueSince: dueSinceMs, lastError } = row;
  return {
    target,
    entityId,
    status,
    dueVersion,
    deliveredVersion: row.deliveredVersion || null,
    attempts,
    nextAttemptAtMs: row.nextAttemptAt >= DEAD_AT_MS ? null : Math.max(row.nextAttemptAt, row.leasedUntil),
    dueSinceMs,
    lastStatus: row.lastStatus || null,
    lastError,
    lastAnswer: status === 'dead' ? lastAnswer(ledger, row) : null,
  };
}

/** The number of its last attempt leads to the answer of a dead delivery. */
function lastAnswer({ attempts }: TargetLedger, row: DeliveryRow): string | null {
  const ofVersion = (attempts.get(row.entityId) ?? []).filter(
    ({ version, attempt }) => version === row.dueVersion && attempt === row.attempts,
  );
  return ofVersion.at(-1)?.answer || null;
}
