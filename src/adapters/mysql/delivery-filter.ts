import type { DeliveryFilter } from '../../ports/ledger.ts';

/** What stands in next_attempt_at of a dead delivery: past every due one, and a place where the index finds them. */
export const DEAD_AT_MS = Date.UTC(9999, 11, 31);
/** And of a delivered one, where NULL would make the row shorter. */
export const DONE_AT_MS = DEAD_AT_MS + 1;

type Value = string | number | Buffer;

/** What a row has to be, besides its target and its place. */
export function conditions(filter: DeliveryFilter): { sql: string; values: Value[] } {
  const parts: (readonly [sql: string, value: Value])[] = [];
  const add = (sql: string, value: Value | null) => {
    if (value !== null) parts.push([sql, value]);
  };
  add('entity_id = ?', filter.entityId === null ? null : Buffer.from(filter.entityId));
  add('status = ?', filter.status);
  // The index finds the dead ones, which are no retries.
  add('is_retry = ?', filter.status === 'dead' ? 0 : null);
  add('next_attempt_at = ?', filter.status === 'dead' ? DEAD_AT_MS : null);
  add('last_status = ?', filter.lastStatus);
  // As bytes, because a collation compares texts as if they had blanks at their ends.
  add('LOCATE(CAST(? AS BINARY), CAST(last_error AS BINARY)) = 1', filter.errorPrefix);
  add('due_since >= ?', filter.dueSinceFromMs);
  add('due_since < ?', filter.dueSinceBeforeMs);
  return { sql: parts.map(([sql]) => `AND ${sql}`).join(' '), values: parts.map(([, value]) => value) };
}
