import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type {
  DeliveryFilter,
  DeliveryKey,
  DeliveryPage,
  DeliveryStatus,
  StoredAttempt,
  StoredDelivery,
} from '../../ports/ledger.ts';
import { conditions, DEAD_AT_MS } from './delivery-filter.ts';
import { idPage } from './id-page.ts';
import { textOf } from './values.ts';

/** A page looks at so many deliveries by one statement. */
const WINDOW_ROWS = 5_000;
/** The number of its last attempt leads to the answer of a dead delivery along the key of the attempts. */
const LAST_ANSWER =
  "CASE WHEN status = 'dead' THEN (SELECT delivery_attempts.answer FROM delivery_attempts " +
  'WHERE delivery_attempts.target = deliveries.target AND delivery_attempts.entity_id = deliveries.entity_id ' +
  'AND delivery_attempts.version = deliveries.due_version AND delivery_attempts.attempt = deliveries.attempts ' +
  'ORDER BY delivery_attempts.attempted_at DESC LIMIT 1) END';
const COLUMNS = [
  'entity_id',
  'target',
  'status',
  'due_version',
  'delivered_version',
  'attempts',
  'next_attempt_at',
  'leased_until',
  'due_since',
  'last_status',
  'last_error',
  LAST_ANSWER,
];

export async function readDelivery(
  connection: PoolConnection,
  target: string,
  entityId: string,
): Promise<StoredDelivery | null> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT ${COLUMNS.join(', ')} FROM deliveries WHERE target = ? AND entity_id = ?`,
    [target, Buffer.from(entityId)],
  );
  return rows[0] === undefined ? null : storedDelivery(rows[0]);
}

/** Goes through one target after the other, because inside one target an index sorts the entities. */
export async function listDeliveries(
  connection: PoolConnection,
  filter: DeliveryFilter,
  after: DeliveryKey | null,
  limit: number,
): Promise<StoredDelivery[]> {
  const found: StoredDelivery[] = [];
  for await (const { target, behind } of targetsFrom(connection, filter, after)) {
    const { sql, values } = conditions(filter);
    const [rows] = await connection.execute<RowDataPacket[]>(
      idPage({
        columns: COLUMNS,
        rows: `FROM deliveries ${indexOf(filter)} WHERE target = ? AND entity_id > ? ${sql}`,
        limit: Math.floor(limit) - found.length,
      }),
      [target, Buffer.from(behind), ...values],
    );
    found.push(...rows.map(storedDelivery));
    if (found.length >= limit) break;
  }
  return found;
}

/** Goes through windows of the ids, each of which ends after a known number of deliveries. */
export async function pageDeliveries(
  connection: PoolConnection,
  filter: DeliveryFilter,
  after: DeliveryKey | null,
  limit: number,
  lookMax: number,
): Promise<DeliveryPage> {
  const found: StoredDelivery[] = [];
  const { sql, values } = conditions(filter);
  let left = lookMax;
  for await (const { target, behind } of targetsFrom(connection, filter, after)) {
    for (let from = behind; ; ) {
      const end = await windowEnd(connection, filter, target, from, Math.min(WINDOW_ROWS, left));
      const [rows] = await connection.execute<RowDataPacket[]>(
        idPage({
          columns: COLUMNS,
          rows: `FROM deliveries ${indexOf(filter)} WHERE target = ? AND entity_id > ? ${end === null ? '' : 'AND entity_id <= ?'} ${sql}`,
          limit: Math.floor(limit) + 1 - found.length,
        }),
        [target, Buffer.from(from), ...(end === null ? [] : [Buffer.from(end)]), ...values],
      );
      found.push(...rows.map(storedDelivery));
      if (found.length > limit) return pageOf(found.slice(0, limit));
      if (end === null) break;
      left -= WINDOW_ROWS;
      if (left <= 0) return { deliveries: found, next: { target, entityId: end } };
      from = end;
    }
  }
  return { deliveries: found, next: null };
}

/** Whether an index finds what the filter selects, so that a page reads little more than it shows. */
function isQuickAlone({ entityId, status, ...others }: DeliveryFilter): boolean {
  const { lastStatus, errorPrefix, dueSinceFromMs, dueSinceBeforeMs } = others;
  const isNarrow = [lastStatus, errorPrefix, dueSinceFromMs, dueSinceBeforeMs].some((part) => part !== null);
  return entityId !== null || (!isNarrow && (status === null || status === 'dead'));
}

/**
 * The index that has the deliveries of a target sorted by entity. MySQL would at times skip through another one and sort what
 * it finds. The dead deliveries have an index of their own: they are few, and the server sorts them.
 */
function indexOf({ status }: DeliveryFilter): string {
  return status === 'dead' ? '' : 'FORCE INDEX (`PRIMARY`)';
}

/** The id at which a window of this many deliveries ends; null if the target has fewer, or if no window is needed. */
async function windowEnd(
  connection: PoolConnection,
  filter: DeliveryFilter,
  target: string,
  behind: string,
  rows: number,
): Promise<string | null> {
  if (isQuickAlone(filter)) return null;
  const dead = filter.status === 'dead' ? `AND is_retry = 0 AND next_attempt_at = ${DEAD_AT_MS}` : '';
  const [[row]] = await connection.execute<RowDataPacket[]>(
    idPage({
      columns: ['entity_id'],
      rows: `FROM deliveries ${indexOf(filter)} WHERE target = ? AND entity_id > ? ${dead}`,
      limit: 1,
      offset: Math.max(0, Math.floor(rows) - 1),
    }),
    [target, Buffer.from(behind)],
  );
  return row === undefined ? null : textOf(row[0]);
}

function pageOf(deliveries: readonly StoredDelivery[]): DeliveryPage {
  const last = deliveries.at(-1);
  return { deliveries, next: last === undefined ? null : { target: last.target, entityId: last.entityId } };
}

/** The targets of the ledger that the filter allows, each with the entity id behind which to begin. */
async function* targetsFrom(
  connection: PoolConnection,
  filter: DeliveryFilter,
  after: DeliveryKey | null,
): AsyncGenerator<{ target: string; behind: string }> {
  const isAllowed = (target: string) => filter.target === null || filter.target === target;
  if (after !== null && isAllowed(after.target)) yield { target: after.target, behind: after.entityId };
  let last = after?.target ?? '';
  for (;;) {
    const [[row]] = await connection.execute<RowDataPacket[]>(
      'SELECT MIN(target) FROM deliveries WHERE target > ?',
      [last],
    );
    if (row?.[0] === null || row?.[0] === undefined) return;
    last = textOf(row[0]);
    if (isAllowed(last)) yield { target: last, behind: '' };
  }
}

export async function readAttempts(
  connection: PoolConnection,
  key: DeliveryKey,
  limit: number,
): Promise<StoredAttempt[]> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    'SELECT version, attempt, attempted_at, delivery_id, verdict, status, latency_ms, answer, error FROM delivery_attempts ' +
      `WHERE target = ? AND entity_id = ? ORDER BY attempted_at DESC, version DESC, attempt DESC LIMIT ${Math.floor(limit)}`,
    [key.target, Buffer.from(key.entityId)],
  );
  return rows.map((row) => ({
    version: Number(row[0]),
    attempt: Number(row[1]),
    attemptedAtMs: Number(row[2]),
    deliveryId: textOf(row[3]),
    verdict: textOf(row[4]) as StoredAttempt['verdict'],
    status: row[5] === null ? null : Number(row[5]),
    latencyMs: Number(row[6]),
    answer: textOf(row[7]),
    error: row[8] === null ? null : textOf(row[8]),
  }));
}

function storedDelivery(row: RowDataPacket): StoredDelivery {
  const nextMs = Number(row[6]);
  return {
    target: textOf(row[1]),
    entityId: textOf(row[0]),
    // The column's type allows these three words only.
    status: textOf(row[2]) as DeliveryStatus,
    dueVersion: Number(row[3]),
    deliveredVersion: Number(row[4]) || null,
    attempts: Number(row[5]),
    nextAttemptAtMs: nextMs >= DEAD_AT_MS ? null : Math.max(nextMs, Number(row[7])),
    dueSinceMs: Number(row[8]),
    lastStatus: Number(row[9]) || null,
    lastError: row[10] === null ? null : textOf(row[10]),
    lastAnswer: row[11] === null ? null : textOf(row[11]) || null,
  };
}
