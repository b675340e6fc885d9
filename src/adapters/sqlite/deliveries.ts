import type { SQLOutputValue } from 'node:sqlite';
import {
  type AdoptedEntity,
  type ClaimedDelivery,
  type DeliveryClaimRequest,
  type EntityChange,
  longestLeaseMs,
} from '../../ports/store.ts';
import type { Connection, Database } from './database.ts';
import { DEAD_AT_MS } from './delivery-queries.ts';
import { portions } from './pace.ts';
import { readRepair } from './reconciliation.ts';
import type { StoreTime } from './store-time.ts';
import { bigintOf, numberOf, textOf } from './values.ts';
import type { ViewTable } from './view-table.ts';

/*
 * The life of a delivery (one row for each target and entity):
 *
 *   (no row) --due--> pending --claim--> claimed --settle--> delivered | dead | pending (again, later)
 *
 * A state that becomes due while an older one is claimed waits for that claim, so that an entity's states are
 * sent one after the other: `due_version` is raised at once, the settlement of the older state makes it due.
 * A claim is `claimed_by` with the lease's end in `leased_until`; past that moment anybody may claim. A claim leaves
 * `next_attempt_at` alone, which is indexed: a change of it costs more than all the rest. A row never goes: from
 * then on every change of the entity is due to this target.
 */

/*
 * `next_attempt_at` of a first attempt (`is_retry` = 0) is only its place in the index, and is never compared with a
 * clock: a first attempt is due as soon as it is there. When a retry is due and a lease ends, `StoreTime` says, which
 * setting the machine's clock does not move.
 */

/**
 * What becomes due leaves a claim alone, whether its lease is over or not: it keeps its place in the index, from which
 * anybody may claim the newer version when the lease is over. The right sides see the row as it was.
 */
const DUE_AGAIN = `
  due_version = ?3,
  status = 'pending',
  attempts = 0,
  is_retry = 0,
  due_since = ?4,
  next_attempt_at = CASE WHEN claimed_by IS NULL THEN ?4 ELSE next_attempt_at END`;

const UPSERT_DUE = `
  INSERT INTO deliveries (target, entity_id, due_version, status, attempts, next_attempt_at, due_since)
  VALUES (?1, ?2, ?3, 'pending', 0, ?4, ?4)
  ON CONFLICT (target, entity_id) DO UPDATE SET ${DUE_AGAIN}`;

const UPDATE_DUE = `UPDATE deliveries SET ${DUE_AGAIN} WHERE target = ?1 AND entity_id = ?2`;

/** Makes the change's state due to the targets that it concerns, and says to how many. */
export function makeDue(
  writer: Connection,
  targets: readonly string[],
  { delivery, entityId, fromVersion, version }: EntityChange,
  nowMs: number,
): number {
  if (!delivery.hasChanged) return 0;
  let due = 0;
  for (const target of targets) {
    const qualifies = delivery.qualifiesFor.includes(target);
    // An entity that is new has no row in the ledger yet.
    if (!qualifies && fromVersion === 0) continue;
    const statement = writer.statement(qualifies ? UPSERT_DUE : UPDATE_DUE);
    due += Number(statement.run(target, entityId, version, nowMs).changes);
  }
  return due;
}

/** The row of an entity that another program had in its care. */
export function adoptDelivery(
  writer: Connection,
  target: string,
  entityId: string,
  version: number,
  { delivery }: AdoptedEntity,
  nowMs: number,
): void {
  if (delivery === 'none') return;
  const isSent = delivery === 'sent';
  writer
    .statement(`
      INSERT INTO deliveries (
        target, entity_id, due_version, status, attempts, delivered_version, next_attempt_at, due_since
      ) VALUES (?, ?, ?, ?, 0, ?, ?, ?)`)
    .run(
      target,
      entityId,
      version,
      isSent ? 'delivered' : 'pending',
      isSent ? version : null,
      isSent ? null : nowMs,
      nowMs,
    );
}

/** Those that are due, the earliest first: the same rows in the same sequence to whoever asks inside one transaction. */
const IS_DUE = `
  d.target = ?1 AND d.is_retry = ?2 AND (d.next_attempt_at, d.entity_id) > (?3, ?4)
  AND d.next_attempt_at <= ?5 AND NOT (d.leased_until > ?6 AND d.leased_until <= ?7)
  ORDER BY d.next_attempt_at, d.entity_id LIMIT ?8`;

const IS_ANY_DUE = `SELECT 1 FROM deliveries AS d WHERE ${IS_DUE}`;

const take = (count: number) => `
  UPDATE deliveries SET claimed_by = ?, leased_until = ?, attempts = attempts + 1
  WHERE delivery_number IN (${new Array(count).fill('?').join(', ')})`;

export async function claimDeliveries(
  database: Database,
  view: ViewTable,
  time: StoreTime,
  request: DeliveryClaimRequest,
): Promise<ClaimedDelivery[]> {
  const { target, claimant, attempts, behind, limit, leaseMs } = request;
  const isRetry = Number(attempts === 'later');
  // No first attempt is ever too early; dead ones stand behind them all.
  const latestMs = (connection: Connection) => (attempts === 'first' ? DEAD_AT_MS - 1 : time.now(connection));
  const begin = [target, isRetry, behind?.dueSinceMs ?? 0, behind?.entityId ?? ''] as const;
  const placeAt = (connection: Connection, leaseNowMs: number) =>
    [...begin, latestMs(connection), leaseNowMs, leaseNowMs + longestLeaseMs(leaseMs)] as const;
  // Nothing due is the usual case, and needs no write lock.
  const isAnyDue = await database.read((reader) =>
    reader.statement(IS_ANY_DUE).get(...placeAt(reader, time.leaseNow()), 1),
  );
  if (isAnyDue === undefined) return [];

  return database.write((writer) => {
    const leaseNowMs = time.leaseNow();
    const rows = writer
      .arrays(`
        SELECT d.delivery_number, d.entity_id, d.due_version, d.attempts, d.due_since,
          d.delivered_version, d.claimed_by IS NOT NULL, ${view.columnsOf('v')}
        FROM deliveries AS d JOIN ${view.table} AS v ON v.${view.key} = d.entity_id WHERE ${IS_DUE}`)
      .all(...placeAt(writer, leaseNowMs), limit) as unknown as SQLOutputValue[][];
    for (const some of portions(rows))
      writer
        .statement(take(some.length))
        .run(claimant, leaseNowMs + leaseMs, ...some.map(([number]) => bigintOf(number)));
    return rows.map((row) => withRepair(writer, claimed(request, view, row), row[5]));
  });
}

function claimed(
  { target, claimant, attempts }: DeliveryClaimRequest,
  view: ViewTable,
  row: readonly SQLOutputValue[],
): ClaimedDelivery {
  const [number, entityId, version, attempted, dueSince, , isTakeover, ...values] = row;
  return {
    ...(numberOf(isTakeover) === 1 ? { isTakeover: true } : {}),
    target,
    entityId: textOf(entityId),
    version: numberOf(version),
    row: view.rowOfValues(values),
    attempt: numberOf(attempted) + 1,
    isRetry: attempts === 'later',
    claimant,
    dueSinceMs: numberOf(dueSince),
    deliveryNumber: numberOf(number),
  };
}

/** Only what the target has at the due version already can be a repair: nearly always there is none to look for. */
function withRepair(
  writer: Connection,
  delivery: ClaimedDelivery,
  delivered: SQLOutputValue | undefined,
): ClaimedDelivery {
  const { target, entityId, version } = delivery;
  if (delivered === null || numberOf(delivered) < version) return delivery;
  const replaces = readRepair(writer, target, entityId, version);
  return replaces === null ? delivery : { ...delivery, replaces };
}
