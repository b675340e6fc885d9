import type { SQLOutputValue } from 'node:sqlite';
import type { ClaimedDelivery, DeliveryClaimRequest } from '../../ports/delivery-claims.ts';
import { longestLeaseMs } from '../../ports/lease.ts';
import type { Connection, Database } from './database.ts';
import { DEAD_AT_MS } from './delivery-filter.ts';
import { portions } from './pace.ts';
import { readRepairs } from './reconciliation.ts';
import type { StoreTime } from './store-time.ts';
import { bigintOf, nullOr, numberOf, textOf } from './values.ts';
import type { ViewRows } from './view-rows.ts';

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

/** Those that are due, the earliest first: the same rows in the same sequence to whoever asks inside one transaction. */
const IS_DUE = `
  d.target = ?1 AND d.is_retry = ?2 AND (d.next_attempt_at, d.entity_id) > (?3, ?4)
  AND d.next_attempt_at <= ?5 AND NOT (d.leased_until > ?6 AND d.leased_until <= ?7)
  ORDER BY d.next_attempt_at, d.entity_id LIMIT ?8`;

const IS_ANY_DUE = `SELECT 1 FROM deliveries AS d WHERE ${IS_DUE}`;

const take = (count: number) => `
  UPDATE deliveries SET claimed_by = ?, leased_until = ?, attempts = attempts + 1
  WHERE delivery_number IN (${new Array(count).fill('?').join(', ')})`;

/** How the delivery loop gets what is due. */
export class DeliveryClaims {
  readonly #database: Database;
  readonly #view: ViewRows;
  readonly #time: StoreTime;

  constructor(database: Database, view: ViewRows, time: StoreTime) {
    this.#database = database;
    this.#view = view;
    this.#time = time;
  }

  async claim(request: DeliveryClaimRequest): Promise<ClaimedDelivery[]> {
    const { target, claimant, attempts, behind, limit, leaseMs } = request;
    const view = this.#view;
    const time = this.#time;
    const isRetry = Number(attempts === 'later');
    // No first attempt is ever too early; dead ones stand behind them all.
    const latestMs = (connection: Connection) =>
      attempts === 'first' ? DEAD_AT_MS - 1 : time.now(connection);
    const begin = [target, isRetry, behind?.dueSinceMs ?? 0, behind?.entityId ?? ''] as const;
    const placeAt = (connection: Connection, leaseNowMs: number) =>
      [...begin, latestMs(connection), leaseNowMs, leaseNowMs + longestLeaseMs(leaseMs)] as const;
    // Nothing due is the usual case, and needs no write lock.
    const isAnyDue = await this.#database.read((reader) =>
      reader.statement(IS_ANY_DUE).get(...placeAt(reader, time.leaseNow()), 1),
    );
    if (isAnyDue === undefined) return [];

    return this.#database.write((writer) => {
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
      const claims = rows.map((row) => claimed(request, view, row));
      return withRepairs(writer, target, claims, rows);
    });
  }
}

function claimed(
  { target, claimant, attempts }: DeliveryClaimRequest,
  view: ViewRows,
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
function withRepairs(
  writer: Connection,
  target: string,
  claims: ClaimedDelivery[],
  rows: readonly (readonly SQLOutputValue[])[],
): ClaimedDelivery[] {
  const ids = claims
    .filter(({ version }, index) => (nullOr(rows[index]?.[5], numberOf) ?? -1) >= version)
    .map(({ entityId }) => entityId);
  if (ids.length === 0) return claims;
  const repairs = readRepairs(writer, target, ids);
  return claims.map((claim) => {
    const repair = repairs.get(claim.entityId);
    return repair?.version === claim.version ? { ...claim, replaces: repair.replaces } : claim;
  });
}
