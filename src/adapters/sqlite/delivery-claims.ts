import type { SQLOutputValue } from 'node:sqlite';
import { unpackTrace } from '../../core/trace-context.ts';
import type { ClaimedDelivery, DeliveryClaimRequest } from '../../ports/delivery-claims.ts';
import { longestLeaseMs } from '../../ports/lease.ts';
import type { Connection, Database } from './database.ts';
import { DEAD_AT_MS } from './delivery-filter.ts';
import { portions } from './pace.ts';
import { readRepairs } from './reconciliation.ts';
import type { StoreTime } from './store-time.ts';
import { bigintOf, nullOr, numberOf, textOf } from './values.ts';
import type { ViewRows } from './view-rows.ts';
import { CLAIMABLE } from './view-state.ts';

/*
 * While a delivery is claimed, `claimed_by` names the claimant and `leased_until` is the end of its lease; from then on
 * anybody may claim the delivery. A claim does not touch `next_attempt_at`, which is indexed: changing it would cost
 * more than the rest of the statement.
 */

/*
 * For a first attempt (`is_retry` = 0) `next_attempt_at` is only the place in the index, and no clock is asked: the
 * attempt is due as soon as the row is there. `StoreTime` decides when a retry is due and when a lease ends, so that
 * setting the machine's clock changes neither.
 */

/**
 * Selects the due deliveries, the earliest first. Within one transaction it selects the same rows in the same sequence
 * each time.
 */
const IS_DUE = `
  d.target = ?1 AND d.is_retry = ?2 AND (d.next_attempt_at, d.entity_id) > (?3, ?4)
  AND d.next_attempt_at <= ?5 AND NOT (d.leased_until > ?6 AND d.leased_until <= ?7)
  ORDER BY d.next_attempt_at, d.entity_id LIMIT ?8`;

const IS_ANY_DUE = `SELECT 1 FROM deliveries AS d WHERE ${IS_DUE}`;

const take = (count: number) => `
  UPDATE deliveries SET claimed_by = ?, leased_until = ?, attempts = attempts + 1
  WHERE delivery_number IN (${new Array(count).fill('?').join(', ')})`;

/** Claims due deliveries for the delivery loop. */
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
    // A table with other columns cannot be read by the program's columns.
    if (!view.layout.isWhole) return [];
    const time = this.#time;
    const isRetry = Number(attempts === 'later');
    // A first attempt is never too early. Dead deliveries stand behind all others in the index.
    const latestMs = (connection: Connection) =>
      attempts === 'first' ? DEAD_AT_MS - 1 : time.now(connection);
    const begin = [target, isRetry, behind?.dueSinceMs ?? 0, behind?.entityId ?? ''] as const;
    const placeAt = (connection: Connection, leaseNowMs: number) =>
      [...begin, latestMs(connection), leaseNowMs, leaseNowMs + longestLeaseMs(leaseMs)] as const;
    // Usually nothing is due, and then no write lock is needed.
    const isAnyDue = await this.#database.read((reader) =>
      reader.statement(IS_ANY_DUE).get(...placeAt(reader, time.leaseNow()), 1),
    );
    if (isAnyDue === undefined) return [];

    return this.#database.write((writer) => {
      const { table } = view.definition;
      if (writer.statement(CLAIMABLE).get(table, view.layout.columnsText) === undefined) return [];
      const leaseNowMs = time.leaseNow();
      const rows = writer
        .arrays(`
          SELECT d.delivery_number, d.entity_id, d.due_version, d.attempts, d.due_since,
            d.delivered_version, d.claimed_by IS NOT NULL, d.trace, ${view.columnsOf('v')}
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
  const [number, entityId, version, attempted, dueSince, , isTakeover, packed, ...values] = row;
  const claim: Writable<ClaimedDelivery> = {
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
  const trace = packed === null ? null : unpackTrace(textOf(packed));
  if (trace !== null) claim.trace = trace;
  if (numberOf(isTakeover) === 1) claim.isTakeover = true;
  return claim;
}

type Writable<Some> = { -readonly [Name in keyof Some]: Some[Name] };

/**
 * Adds to each claim the digest that it has to replace at the target. Only a delivery that the target already has at
 * the due version can be a repair, so there is usually nothing to look up.
 */
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
