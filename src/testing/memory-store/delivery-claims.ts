import { compareUtf8 } from '../../core/text.ts';
import { unpackTrace } from '../../core/trace-context.ts';
import type { ClaimedDelivery, DeliveryClaimRequest } from '../../ports/delivery-claims.ts';
import { longestLeaseMs } from '../../ports/lease.ts';
import type { Connection, Transaction } from './connection.ts';
import { DEAD_AT_MS, type DeliveryRow } from './delivery-row.ts';
import type { TargetLedger } from './ledger-table.ts';
import { deliveryLock } from './lock-names.ts';
import type { Schema } from './schema.ts';
import { claimableEpoch, isViewAt } from './view-state.ts';
import type { ViewLayout, ViewTable } from './view-table.ts';

/** A due delivery as the claim has read it, with the attempt that begins now counted. */
interface Found {
  readonly delivery: ClaimedDelivery;
  readonly dueVersion: number;
  readonly attempts: number;
}

/** Smaller groups cost more statements than they save. */
const ALIKE_ROWS_MIN = 16;

/**
 * Claims due deliveries as MySQL does: reads them without locks, and then takes each that has not changed meanwhile.
 */
export class DeliveryClaims {
  readonly #connection: Connection;
  readonly #layout: ViewLayout;

  constructor(connection: Connection, layout: ViewLayout) {
    this.#connection = connection;
    this.#layout = layout;
  }

  async claim(request: DeliveryClaimRequest): Promise<ClaimedDelivery[]> {
    // A table with other columns cannot be read by the program's columns.
    if (!this.#layout.isWhole) return [];
    const { epoch, found } = await this.#connection.read('look for due deliveries', (schema) =>
      this.#findDue(schema, request),
    );
    if (epoch === null || found.length === 0) return [];
    const due = found.map(({ delivery }) => delivery);
    const byId = [...found].sort((a, b) => compareUtf8(a.delivery.entityId, b.delivery.entityId));
    const mine: ClaimedDelivery[] = [];
    for (const group of groupsOf(byId)) {
      try {
        for (const taken of await this.#takeGroup(request, group, epoch)) mine.push(taken);
      } catch (error) {
        if (mine.length === 0) throw error;
        // What is taken already is returned, because it would wait for the end of its lease otherwise.
        return mine;
      }
    }
    // If all of them were taken, they are in the sequence in which they became due.
    return mine.length === due.length ? due : mine;
  }

  #findDue(
    schema: Schema,
    request: DeliveryClaimRequest,
  ): { readonly epoch: number | null; readonly found: readonly Found[] } {
    const epoch = claimableEpoch(schema, this.#layout);
    const ledger = schema.ledgers.get(request.target);
    const found: Found[] = [];
    if (epoch === null || ledger === undefined) return { epoch, found };
    const { attempts, limit, leaseMs, behind } = request;
    const nowMs = this.#connection.nowMs();
    const latestMs = attempts === 'first' ? DEAD_AT_MS - 1 : nowMs;
    const index = attempts === 'first' ? ledger.first : ledger.retries;
    const table = this.#table;
    const from = behind?.dueSinceMs ?? Number.NEGATIVE_INFINITY;
    index.visit(from, behind?.entityId ?? '', (row) => {
      if (found.length >= limit || row.nextAttemptAt > latestMs) return false;
      if (row.nextAttemptAt === from && row.entityId === behind?.entityId) return true;
      if (isLeased(row, nowMs, leaseMs) || !table.rows.has(row.entityId)) return true;
      const delivery = this.#claimed(ledger, table, request, row, row.attempts + 1, row.claimant !== null);
      found.push({ delivery, dueVersion: row.dueVersion, attempts: row.attempts });
      return true;
    });
    return { epoch, found };
  }

  get #table(): ViewTable {
    return this.#connection.database.viewTable(this.#layout.view.table);
  }

  #takeGroup(
    request: DeliveryClaimRequest,
    group: readonly Found[],
    epoch: number,
  ): Promise<readonly ClaimedDelivery[]> {
    return this.#connection.transaction(async (transaction) => {
      // The rows that were read may be those of a table that was exchanged meanwhile.
      if (!(await isViewAt(transaction, this.#layout.view.table, epoch))) return [];
      const sent = transaction.statement('take deliveries');
      if (sent !== undefined) await sent;
      const taken = await take(transaction, request, group);
      if (taken.length === group.length) return taken.map(({ delivery }) => delivery);
      // Somebody else has changed some of them. The rows of the view may be newer than those that were read.
      await transaction.statement('read which deliveries are taken');
      const ledger = transaction.schema.ledgers.of(request.target);
      const table = this.#table;
      return taken.flatMap(({ delivery, attempts }) => {
        const row = ledger.get(delivery.entityId);
        if (row === undefined || !table.rows.has(delivery.entityId)) return [];
        return [this.#claimed(ledger, table, request, row, attempts + 1, delivery.isTakeover === true)];
      });
    });
  }

  #claimed(
    ledger: TargetLedger,
    table: ViewTable,
    { target, claimant, attempts }: DeliveryClaimRequest,
    row: DeliveryRow,
    attempt: number,
    isTakeover: boolean,
  ): ClaimedDelivery {
    const { entityId, dueVersion: version, deliveredVersion } = row;
    // Only a delivery that the target already has at the due version can be a repair.
    const repair = deliveredVersion >= version ? ledger.repairs.get(entityId) : undefined;
    const trace = row.trace === null ? null : unpackTrace(row.trace);
    const stored = table.get(entityId);
    return {
      ...(trace === null ? {} : { trace }),
      ...(isTakeover ? { isTakeover } : {}),
      ...(repair?.version === version ? { replaces: repair.replaces } : {}),
      target,
      claimant,
      entityId,
      version,
      attempt,
      isRetry: attempts === 'later',
      dueSinceMs: row.dueSince,
      deliveryNumber: null,
      row: stored === undefined ? [] : this.#layout.read(table, stored).row,
    };
  }
}

/** Locks the rows of the group by id, and takes those that are as they were read and that no claimant has. */
async function take(
  transaction: Transaction,
  { target, claimant, attempts: kind, leaseMs }: DeliveryClaimRequest,
  group: readonly Found[],
): Promise<readonly Found[]> {
  const ledger = transaction.schema.ledgers.of(target);
  const nowMs = transaction.nowMs();
  const latestMs = kind === 'first' ? DEAD_AT_MS - 1 : nowMs;
  const taken: Found[] = [];
  for (const found of group) {
    const { entityId } = found.delivery;
    const locked = transaction.lock(deliveryLock(target, entityId));
    if (locked !== undefined) await locked;
    const row = ledger.get(entityId);
    if (row === undefined || row.dueVersion !== found.dueVersion || row.attempts !== found.attempts) continue;
    // An attempt that does not count makes a retry of a first attempt, and leaves version and attempts as they were.
    if (row.isRetry !== (kind === 'later') || row.nextAttemptAt > latestMs) continue;
    if (isLeased(row, nowMs, leaseMs)) continue;
    taken.push(found);
  }
  transaction.write(() => {
    for (const { delivery, attempts } of taken) {
      const row = ledger.get(delivery.entityId);
      if (row !== undefined)
        ledger.change(row, { claimant, leasedUntil: nowMs + leaseMs, attempts: attempts + 1 });
    }
  });
  return taken;
}

/** A lease that ends later than any could was given by a wrong clock, and counts as over. */
function isLeased({ leasedUntil }: DeliveryRow, nowMs: number, leaseMs: number): boolean {
  return leasedUntil > nowMs && leasedUntil <= nowMs + longestLeaseMs(leaseMs);
}

/** Groups the deliveries by version and attempt; all are one group if there would be too many. */
function groupsOf(found: readonly Found[]): readonly (readonly Found[])[] {
  if (found.length < ALIKE_ROWS_MIN) return [found];
  const groups = Map.groupBy(found, ({ dueVersion, attempts }) => `${dueVersion} ${attempts}`);
  return groups.size * ALIKE_ROWS_MIN > found.length ? [found] : [...groups.values()];
}
