import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import type { ViewValue } from '../../core/domain.ts';
import { compareUtf8 } from '../../core/text.ts';
import { unpackTrace } from '../../core/trace-context.ts';
import type { ClaimedDelivery, DeliveryClaimRequest } from '../../ports/delivery-claims.ts';
import { longestLeaseMs } from '../../ports/lease.ts';
import { claimIdOf } from './claim-id.ts';
import { allOf, inTransaction, Rollback, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { DEAD_AT_MS } from './delivery-filter.ts';
import { identifier } from './identifier.ts';
import { readRepairs } from './reconciliation.ts';
import { chunksOf, marks } from './rows-statement.ts';
import type { StoreTime } from './store-time.ts';
import { alike, FEW_ROWS, type Lease, takeAlike, takeEach, takeFew } from './take-deliveries.ts';
import { bytesOf, textOf } from './values.ts';
import { CLAIMABLE, isViewAt, type ViewLayout } from './view-state.ts';
import { viewValue } from './view-table.ts';

/*
 * A claim is `claim_id` with the end of its lease in `leased_until`, and does not touch `next_attempt_at`: that column
 * is indexed, and changing it would cost two entries of the index, more than the rest of the statement. All columns
 * that a claim or a settlement changes have a fixed size and are never NULL, so InnoDB writes the row in place, at half
 * the price. The assignments of an UPDATE run from left to right, so a column that others look at is assigned last.
 *
 * For a first attempt (is_retry = 0) next_attempt_at is only the place in the index, and no clock is asked: the attempt
 * is due as soon as the row is there. The server's clock decides when a retry is due and when a lease ends.
 */

type Repairs = Awaited<ReturnType<typeof readRepairs>>;

const NO_REPAIRS: Repairs = new Map();

/** What is known of some deliveries besides their rows. */
interface Known {
  readonly repairs: Repairs;
  /** The entities that another claimant had claimed and never settled. */
  readonly takeovers: ReadonlySet<string>;
}

/** The places of the columns in a row of `#selectDue`, and of the first column of the view. */
const AT = {
  id: 0,
  version: 1,
  attempts: 2,
  dueSince: 3,
  now: 4,
  delivered: 5,
  isClaimed: 6,
  trace: 7,
  epoch: 8,
  view: 9,
};

/** Claims due deliveries for the delivery loop. */
export class DeliveryClaims {
  readonly #pool: ConnectionPool;
  readonly #view: ViewShape;
  readonly #layout: ViewLayout;
  readonly #time: StoreTime;
  readonly #selectDue: () => string;

  constructor(pool: ConnectionPool, layout: ViewLayout, time: StoreTime) {
    const { view } = layout;
    this.#pool = pool;
    this.#view = view;
    this.#layout = layout;
    this.#time = time;
    const values = view.columns.map((column) => `v.${identifier(column.name)}`);
    this.#selectDue = () =>
      `SELECT d.entity_id, ${quickInteger('d.due_version')}, d.attempts, ${quickInteger('d.due_since')}, ${quickInteger(time.sql)}, ` +
      `${quickInteger('d.delivered_version')}, d.claim_id <> 0, d.trace, ${quickInteger(CLAIMABLE)}, ${values.join(', ')} FROM deliveries d ` +
      `JOIN ${identifier(view.table)} v ON v.${identifier(view.keyColumn)} = d.entity_id WHERE d.target = ?`;
  }

  /**
   * Reads the due deliveries and their rows without locks, then takes each by primary key if it has not changed
   * meanwhile. If another claimant took some of them, it reads again which ones are its own.
   */
  async claim(request: DeliveryClaimRequest): Promise<ClaimedDelivery[]> {
    // A table with other columns cannot be read by the program's columns.
    if (!this.#layout.isWhole) return [];
    const { target, claimant, limit, leaseMs, attempts, behind } = request;
    const isRetry = Number(attempts === 'later');
    const behindMs = behind?.dueSinceMs ?? -1;
    const longestMs = longestLeaseMs(leaseMs);
    const { sql: now } = this.#time;
    const isDue = attempts === 'first' ? `d.next_attempt_at < ${DEAD_AT_MS}` : `d.next_attempt_at <= ${now}`;
    const found = await withConnection(this.#pool, async (connection) => {
      const [rows] = await connection.execute<RowDataPacket[]>(
        `${this.#selectDue()} AND d.is_retry = ? ` +
          `AND (d.next_attempt_at > ? OR d.next_attempt_at = ? AND d.entity_id > ?) AND ${isDue} ` +
          `AND NOT (d.leased_until > ${now} AND d.leased_until <= ${now} + ${longestMs}) ` +
          `AND ${CLAIMABLE} IS NOT NULL ` +
          // A proxy merges no rows by bytes. Those of one moment then come in the sequence of the servers.
          `ORDER BY d.next_attempt_at${this.#pool.isProxied(connection) ? '' : ', d.entity_id'} LIMIT ${Math.floor(limit)}`,
        [
          ...this.#place,
          target,
          isRetry,
          behindMs,
          behindMs,
          Buffer.from(behind?.entityId ?? ''),
          ...this.#place,
        ],
      );
      return rows;
    });
    if (found.length === 0) return [];
    const known: Known = {
      repairs: await this.#repairsOf(target, found),
      takeovers: takenOver(found),
    };
    const due = found.map((row) => this.#claimed(request, row, 1, known));
    const nowMs = this.#time.heard(found[0]?.[AT.now]);
    const epoch = Number(found[0]?.[AT.epoch]);
    const lease = {
      isRetry,
      nowMs,
      latestMs: attempts === 'first' ? DEAD_AT_MS - 1 : nowMs,
      longestMs,
      claimId: claimIdOf(claimant),
      leasedUntil: nowMs + leaseMs,
    };
    const byId = due.toSorted((a, b) => compareUtf8(a.entityId, b.entityId));
    if (byId.length <= FEW_ROWS) {
      const few = await this.#takeFew(request, byId, lease, epoch, known);
      if (few !== null) return few.length === due.length ? due : [...few];
    }
    const groups = alike(byId);
    const take = groups === null ? takeEach : takeAlike;
    const mine: ClaimedDelivery[] = [];
    // Each transaction locks its rows by id, as a settlement does.
    for (const group of groups ?? [byId]) {
      let taken: readonly ClaimedDelivery[];
      try {
        taken = await inTransaction<readonly ClaimedDelivery[]>(this.#pool, async (connection) => {
          const [isCurrent, areTaken] = await allOf([
            isViewAt(connection, this.#view.table, epoch),
            take(connection, group, lease),
          ]);
          // The rows that were read may be those of a table that was exchanged meanwhile.
          if (!isCurrent) throw new Rollback<ClaimedDelivery[]>([]);
          return areTaken ? group : this.#taken(connection, request, group, lease, known);
        });
      } catch (error) {
        if (mine.length === 0) throw error;
        // What is taken already is returned, because it would wait for the end of its lease otherwise. The next claim
        // meets the same error.
        return mine;
      }
      for (const delivery of taken) mine.push(delivery);
    }
    // If all of them were taken, they are in the sequence in which they became due.
    return mine.length === due.length ? due : mine;
  }

  /**
   * Takes a few deliveries by one statement, which is a transaction of its own: a small transaction costs little besides its
   * ways to the server and back. Gives null through a proxy, which may not pass the statement on as one.
   */
  async #takeFew(
    request: DeliveryClaimRequest,
    deliveries: readonly ClaimedDelivery[],
    lease: Lease,
    epoch: number,
    known: Known,
  ): Promise<readonly ClaimedDelivery[] | null> {
    return withConnection(this.#pool, async (connection) => {
      if (this.#pool.isProxied(connection)) return null;
      const count = await takeFew(connection, deliveries, lease, { table: this.#view.table, epoch });
      if (count === deliveries.length) return deliveries;
      return count === 0 ? [] : this.#taken(connection, request, deliveries, lease, known);
    });
  }

  /** The parameters of `CLAIMABLE`. */
  get #place(): readonly [string, string] {
    return [this.#view.table, this.#layout.columnsText];
  }

  /**
   * Only a delivery that the target already has at the due version can be a repair, so there is usually nothing to look
   * up.
   */
  async #repairsOf(target: string, rows: readonly RowDataPacket[]): Promise<Repairs> {
    const ids = rows
      .filter((row) => Number(row[AT.delivered]) >= Number(row[AT.version]))
      .map((row) => bytesOf(row[AT.id]));
    if (ids.length === 0) return NO_REPAIRS;
    return withConnection(this.#pool, (connection) => readRepairs(connection, target, ids));
  }

  /**
   * Reads which deliveries of the group this claim has taken. Takes none of them if `TAKE_EACH` has made a row, because
   * the ledger lost one since it was read, as by a restore: only such a row has no time since which it is due.
   */
  async #taken(
    connection: PoolConnection,
    request: DeliveryClaimRequest,
    group: readonly ClaimedDelivery[],
    { claimId, leasedUntil }: Lease,
    known: Known,
  ): Promise<ClaimedDelivery[]> {
    const taken: ClaimedDelivery[] = [];
    for (const ids of chunksOf(group.map(({ entityId }) => Buffer.from(entityId)))) {
      const [made] = await connection.execute<RowDataPacket[]>(
        'SELECT 1 FROM deliveries FORCE INDEX (`PRIMARY`) ' +
          `WHERE target = ? AND entity_id IN (${marks(ids.length)}) AND claim_id = ? AND due_since = 0 LIMIT 1`,
        [request.target, ...ids, claimId] as never[],
      );
      if (made.length > 0) throw new Rollback<ClaimedDelivery[]>([]);
      const [rows] = await connection.execute<RowDataPacket[]>(
        `${this.#selectDue()} AND d.entity_id IN (${marks(ids.length)}) AND d.claim_id = ? AND d.leased_until = ?`,
        [...this.#place, request.target, ...ids, claimId, leasedUntil] as never[],
      );
      for (const row of rows) taken.push(this.#claimed(request, row, 0, known));
    }
    return taken;
  }

  #claimed(
    { target, claimant, attempts }: DeliveryClaimRequest,
    row: RowDataPacket,
    more: number,
    { repairs, takeovers }: Known,
  ): ClaimedDelivery {
    const entityId = textOf(row[AT.id]);
    const version = Number(row[AT.version]);
    const values: ViewValue[] = [];
    let at = AT.view;
    for (const column of this.#view.columns) values.push(viewValue(column, row[at++]));
    const claimed: Writable<ClaimedDelivery> = {
      target,
      claimant,
      entityId,
      version,
      attempt: Number(row[AT.attempts]) + more,
      isRetry: attempts === 'later',
      dueSinceMs: Number(row[AT.dueSince]),
      deliveryNumber: null,
      row: values,
    };
    const trace = row[AT.trace] === null ? null : unpackTrace(textOf(row[AT.trace]));
    if (trace !== null) claimed.trace = trace;
    if (takeovers.has(entityId)) claimed.isTakeover = true;
    const repair = repairs.size === 0 ? undefined : repairs.get(entityId);
    if (repair?.version === version) claimed.replaces = repair.replaces;
    return claimed;
  }
}

/**
 * An SQL expression for the same integer as a DOUBLE, which is exact up to 2^53. The driver gives it as a number. It makes
 * a text of a BIGINT, which costs more than all other columns of a row.
 */
function quickInteger(sql: string): string {
  return `${sql} + 0e0`;
}

type Writable<Some> = { -readonly [Name in keyof Some]: Some[Name] };

function takenOver(rows: readonly RowDataPacket[]): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const row of rows) if (Number(row[AT.isClaimed]) === 1) ids.add(textOf(row[AT.id]));
  return ids;
}
