import type { JsonObject, JsonValue } from '../../../core/domain.ts';
import { Rejection } from '../reasons.ts';

/** A row that Debezium's transformation ExtractNewRecordState has taken out of a change event that inserted nothing. */
export const FLATTENED_CHANGE = new Rejection(
  'change_not_insert',
  'The record is a flattened change event, and __op or __deleted says that it is of an update, a delete or a truncation.',
);

/** The operations of rows that are events: inserts, and rows of a snapshot. */
const INSERTS: ReadonlySet<string> = new Set(['c', 'r']);

/** Whether this is the operation of a change event that inserted nothing. */
export function isOtherOperation(operation: JsonValue | undefined): boolean {
  return typeof operation === 'string' && /^[a-z]$/.test(operation) && !INSERTS.has(operation);
}

/** Whether the body is a row with the mark of such a change. */
export function isFlattenedChange({ __deleted, __op }: JsonObject): boolean {
  if (__deleted === undefined && __op === undefined) return false;
  return __deleted === 'true' || __deleted === true || isOtherOperation(__op);
}
