import type { PoolConnection, ResultSetHeader } from 'mysql2/promise';
import type { ClaimedDelivery } from '../../ports/delivery-claims.ts';
import { DEAD_AT_MS } from './delivery-filter.ts';
import { chunksOf, marks, RowsStatement } from './rows-statement.ts';

/* The statements that take deliveries which `delivery-claims.ts` has read, each if it has not changed meanwhile. */

/** What a claim writes into the rows, and which rows it may take. */
export interface Lease {
  /** 1 to take retries, 0 to take first attempts. */
  readonly isRetry: number;
  readonly nowMs: number;
  /** A delivery whose next attempt is later than this is not taken. */
  readonly latestMs: number;
  /** A lease that ends later than this from now was given by a wrong clock, and counts as over. */
  readonly longestMs: number;
  readonly claimId: bigint;
  readonly leasedUntil: number;
}

/** Smaller groups cost more statements than they save. */
const ALIKE_ROWS_MIN = 16;

/** Groups the deliveries by version and attempt. Gives null if there would be too many groups. */
export function alike(deliveries: readonly ClaimedDelivery[]): (readonly ClaimedDelivery[])[] | null {
  const [first] = deliveries;
  const isOneGroup = deliveries.every(
    ({ version, attempt }) => version === first?.version && attempt === first.attempt,
  );
  if (isOneGroup) return deliveries.length < ALIKE_ROWS_MIN ? null : [deliveries];
  const groups = Map.groupBy(deliveries, ({ version, attempt }) => `${version} ${attempt}`);
  return groups.size * ALIKE_ROWS_MIN > deliveries.length ? null : [...groups.values()];
}

/**
 * Whether the delivery is due and no claimant has it. An attempt that does not count makes a retry of a first attempt, and
 * leaves its version and its attempts as they were.
 */
const IS_FREE = 'is_retry = ? AND next_attempt_at <= ? AND NOT (leased_until > ? AND leased_until <= ?)';
const IS_FREE_TYPES = ['integer', 'integer', 'integer', 'integer'] as const;

/** The parameters of `IS_FREE`. */
function isFreeValues({ isRetry, nowMs, latestMs, longestMs }: Lease): readonly number[] {
  return [isRetry, latestMs, nowMs, nowMs + longestMs];
}

/** The most deliveries that `takeFew` takes. */
export const FEW_ROWS = 16;

/**
 * Whether the view is as it was when the deliveries were read. It keeps the view so until the statement is committed, as
 * `isViewAt` does for a transaction.
 */
const IS_AT_EPOCH =
  "(SELECT s.epoch FROM view_states s WHERE s.view_name = ? AND s.phase <> 'switching' LOCK IN SHARE MODE) = ?";

/**
 * Takes deliveries of any versions and attempts while the view has the epoch, by one statement that is a transaction of
 * its own. Resolves with the number of those that it took.
 */
export async function takeFew(
  connection: PoolConnection,
  deliveries: readonly ClaimedDelivery[],
  lease: Lease,
  view: { readonly table: string; readonly epoch: number },
): Promise<number> {
  const { claimId, leasedUntil } = lease;
  const [some = []] = chunksOf(deliveries);
  const ids = some.map(({ entityId }) => Buffer.from(entityId));
  const [result] = await connection.execute<ResultSetHeader>(
    'UPDATE deliveries FORCE INDEX (`PRIMARY`) SET claim_id = ?, leased_until = ?, attempts = attempts + 1 ' +
      `WHERE ${IS_AT_EPOCH} AND target = ? AND entity_id IN (${marks(ids.length)}) ` +
      `AND (${ids.map(() => 'entity_id = ? AND due_version = ? AND attempts = ?').join(' OR ')}) AND ${IS_FREE}`,
    [
      ...[claimId, leasedUntil, view.table, view.epoch, some[0]?.target, ...ids],
      ...some.flatMap(({ version, attempt }, index) => [ids[index], version, attempt - 1]),
      ...isFreeValues(lease),
    ] as never[],
  );
  return result.affectedRows;
}

/**
 * Takes deliveries of one version and attempt. Answers whether none had changed, so that all are taken. A plain UPDATE
 * costs the server half of what `takeEach` costs.
 */
export async function takeAlike(
  connection: PoolConnection,
  group: readonly ClaimedDelivery[],
  lease: Lease,
): Promise<boolean> {
  const { claimId, leasedUntil } = lease;
  const [delivery] = group as [ClaimedDelivery];
  const updated = await TAKE_ALIKE.run(
    connection,
    group,
    (writer) => {
      writer.text(delivery.target);
      writer.integer(delivery.version);
      writer.integer(delivery.attempt - 1);
      for (const value of isFreeValues(lease)) writer.integer(value);
    },
    (writer) => {
      writer.integer(claimId);
      writer.integer(leasedUntil);
    },
  );
  return updated === group.length;
}

const TAKE_ALIKE = new RowsStatement<ClaimedDelivery>({
  // Right after a table has grown, the server may still take it for empty and scan all of it.
  before:
    'UPDATE deliveries FORCE INDEX (`PRIMARY`) SET claim_id = ?, leased_until = ?, attempts = attempts + 1 WHERE entity_id IN (',
  row: '?',
  after: `) AND target = ? AND due_version = ? AND attempts = ? AND ${IS_FREE}`,
  head: ['integer', 'integer'],
  columns: ['bytes'],
  write: (writer, { entityId }) => writer.text(entityId),
  tail: ['text', 'integer', 'integer', ...IS_FREE_TYPES],
});

/** Takes deliveries of any versions and attempts. Answers whether none had changed. */
export async function takeEach(
  connection: PoolConnection,
  deliveries: readonly ClaimedDelivery[],
  lease: Lease,
): Promise<boolean> {
  const affected = await TAKE_EACH.run(
    connection,
    deliveries.map((delivery) => ({ delivery, lease })),
  );
  // The server counts 2 for a row that it changed, and 0 for a row that it left alone.
  return affected === 2 * deliveries.length;
}

/**
 * The same as `IS_FREE`, with each number in a column of the row: VALUES(delivered_version) is the time, and
 * VALUES(next_attempt_at) the end of the longest lease. A proxy miscounts parameters behind ON DUPLICATE KEY UPDATE.
 */
const IS_FREE_ROW =
  'is_retry = VALUES(is_retry) ' +
  `AND next_attempt_at <= IF(VALUES(is_retry) = 1, VALUES(delivered_version), ${DEAD_AT_MS - 1}) ` +
  'AND NOT (leased_until > VALUES(delivered_version) AND leased_until <= VALUES(next_attempt_at))';

/** Takes a row that is due and has not changed. VALUES(attempts) is the number of the attempt that begins. */
const TAKE_EACH = new RowsStatement<{ readonly delivery: ClaimedDelivery; readonly lease: Lease }>({
  before:
    'INSERT INTO deliveries (target, entity_id, due_version, status, attempts, is_retry, delivered_version, ' +
    'next_attempt_at, leased_until, claim_id, due_since) VALUES',
  row: "(?,?,?,'pending',?,?,?,?,?,?,0)",
  after:
    'ON DUPLICATE KEY UPDATE claim_id = IF(due_version = VALUES(due_version) AND attempts = VALUES(attempts) - 1 ' +
    `AND ${IS_FREE_ROW}, VALUES(claim_id), claim_id), ` +
    'attempts = IF(claim_id = VALUES(claim_id), VALUES(attempts), attempts), ' +
    'leased_until = IF(claim_id = VALUES(claim_id), VALUES(leased_until), leased_until)',
  columns: ['text', 'bytes', 'integer', 'integer', 'integer', 'integer', 'integer', 'integer', 'integer'],
  write(writer, { delivery, lease }) {
    writer.text(delivery.target);
    writer.text(delivery.entityId);
    writer.integer(delivery.version);
    writer.integer(delivery.attempt);
    writer.integer(lease.isRetry);
    writer.integer(lease.nowMs);
    writer.integer(lease.nowMs + lease.longestMs);
    writer.integer(lease.leasedUntil);
    writer.integer(lease.claimId);
  },
});
