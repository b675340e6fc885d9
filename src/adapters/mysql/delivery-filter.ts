import type { DeliveryFilter } from '../../ports/ledger.ts';

/** The value of next_attempt_at of a dead delivery. It lies behind every due one, so the index finds the dead ones. */
export const DEAD_AT_MS = Date.UTC(9999, 11, 31);
/** The value of next_attempt_at of a delivered one. NULL would change the size of the row. */
export const DONE_AT_MS = DEAD_AT_MS + 1;

type Value = string | number | Buffer;

/** The conditions of a filter on a row of the ledger, apart from the target and the entity id. */
export function conditions(filter: DeliveryFilter): { sql: string; values: Value[] } {
  const parts: (readonly [sql: string, value: Value])[] = [];
  const add = (sql: string, value: Value | null) => {
    if (value !== null) parts.push([sql, value]);
  };
  add('entity_id = ?', filter.entityId === null ? null : Buffer.from(filter.entityId));
  add('status = ?', filter.status);
  // These two conditions let the index find the dead deliveries, which are never retries.
  add('is_retry = ?', filter.status === 'dead' ? 0 : null);
  add('next_attempt_at = ?', filter.status === 'dead' ? DEAD_AT_MS : null);
  add('last_status = ?', filter.lastStatus);
  // Compared as bytes, because collations ignore blanks at the end of a text.
  add("HEX(last_error) LIKE CONCAT(HEX(?), '%')", filter.errorPrefix);
  add('due_since >= ?', filter.dueSinceFromMs);
  add('due_since < ?', filter.dueSinceBeforeMs);
  return { sql: parts.map(([sql]) => `AND ${sql}`).join(' '), values: parts.map(([, value]) => value) };
}
