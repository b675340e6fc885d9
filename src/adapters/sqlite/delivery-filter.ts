import type { SQLInputValue } from 'node:sqlite';
import type { DeliveryFilter } from '../../ports/ledger.ts';

/** What stands in next_attempt_at of a dead delivery: past every due one, and a place where the index finds them. */
export const DEAD_AT_MS = Date.UTC(9999, 11, 31);

/** What a row has to be, besides its target and its place. */
export function conditions(filter: DeliveryFilter): { sql: string; values: SQLInputValue[] } {
  const parts: (readonly [sql: string, value: SQLInputValue])[] = [];
  const add = (sql: string, value: SQLInputValue) => {
    if (value !== null) parts.push([sql, value]);
  };
  add('entity_id = ?', filter.entityId);
  add('status = ?', filter.status);
  // The index finds the dead ones, which are no retries.
  add('is_retry = ?', filter.status === 'dead' ? 0 : null);
  add('next_attempt_at = ?', filter.status === 'dead' ? DEAD_AT_MS : null);
  add('last_status = ?', filter.lastStatus);
  add('instr(last_error, ?) = 1', filter.errorPrefix);
  add('due_since >= ?', filter.dueSinceFromMs);
  add('due_since < ?', filter.dueSinceBeforeMs);
  return { sql: parts.map(([sql]) => `AND ${sql}`).join(' '), values: parts.map(([, value]) => value) };
}
