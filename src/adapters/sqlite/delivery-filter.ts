import type { SQLInputValue } from 'node:sqlite';
import type { DeliveryFilter } from '../../ports/ledger.ts';

/**
 * The value of `next_attempt_at` of a dead delivery. It lies behind every due one, so the index finds the dead ones.
 */
export const DEAD_AT_MS = Date.UTC(9999, 11, 31);

/** The conditions of a filter on a row of the ledger, apart from the target and the entity id. */
export function conditions(filter: DeliveryFilter): { sql: string; values: SQLInputValue[] } {
  const parts: (readonly [sql: string, value: SQLInputValue])[] = [];
  const add = (sql: string, value: SQLInputValue) => {
    if (value !== null) parts.push([sql, value]);
  };
  add('entity_id = ?', filter.entityId);
  add('status = ?', filter.status);
  // These two conditions let the index find the dead deliveries, which are never retries.
  add('is_retry = ?', filter.status === 'dead' ? 0 : null);
  add('next_attempt_at = ?', filter.status === 'dead' ? DEAD_AT_MS : null);
  add('last_status = ?', filter.lastStatus);
  add('instr(last_error, ?) = 1', filter.errorPrefix);
  add('due_since >= ?', filter.dueSinceFromMs);
  add('due_since < ?', filter.dueSinceBeforeMs);
  return { sql: parts.map(([sql]) => `AND ${sql}`).join(' '), values: parts.map(([, value]) => value) };
}
