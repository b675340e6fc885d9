import { parseRfc3339 } from '../../core/time.ts';
import type { JsonObject } from '../../ports/jobs.ts';
import type { QuarantinedRecord, QuarantineFilter } from '../../ports/quarantine.ts';

/** The records that a job or a person selects: those of the first filter, then those of the second, and so on. */
export type QuarantineSelection = readonly QuarantineFilter[];

/** The selection as JSON, with the names that the HTTP API has for the parts of a filter. */
export function selectionJson(selection: QuarantineSelection): JsonObject {
  return { filters: selection.map(filterJson) };
}

export function filterJson(filter: QuarantineFilter): JsonObject {
  const { topic, reason, partition, fromOffset, beforeOffset, sinceMs, beforeMs } = filter;
  const moment = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
  const all = {
    topic,
    reason,
    partition,
    fromOffset: fromOffset?.toString(),
    beforeOffset: beforeOffset?.toString(),
    since: moment(sinceMs),
    before: moment(beforeMs),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Whether a filter selects the record, as the store would. */
export function isSelectedBy(
  { topic, reason, partition, fromOffset, beforeOffset, sinceMs, beforeMs }: QuarantineFilter,
  record: QuarantinedRecord,
): boolean {
  return (
    (topic === undefined || record.topic === topic) &&
    (reason === undefined || record.reason === reason) &&
    (partition === undefined || record.partition === partition) &&
    (fromOffset === undefined || record.offset >= fromOffset) &&
    (beforeOffset === undefined || record.offset < beforeOffset) &&
    (sinceMs === undefined || record.observedAtMs >= sinceMs) &&
    (beforeMs === undefined || record.observedAtMs < beforeMs)
  );
}

/** Reads what `selectionJson` made. Gives null for anything else, so that an altered job never works on other records. */
export function selectionOf(json: JsonObject | null): QuarantineSelection | null {
  const filters: unknown = json?.filters;
  if (!Array.isArray(filters)) return null;
  const read = filters.map(filterOf);
  return read.every((filter) => filter !== null) ? read : null;
}

function filterOf(json: unknown): QuarantineFilter | null {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return null;
  const { topic, reason, partition, fromOffset, beforeOffset, since, before, ...others } = json as Record<
    string,
    unknown
  >;
  const isText = (value: unknown) => value === undefined || typeof value === 'string';
  const isOffset = (value: unknown) => value === undefined || /^\d{1,19}$/.test(String(value));
  const isMoment = (value: unknown) =>
    value === undefined || (typeof value === 'string' && parseRfc3339(value) !== null);
  const isFilter =
    Object.keys(others).length === 0 &&
    [topic, reason, fromOffset, beforeOffset].every(isText) &&
    (partition === undefined || Number.isSafeInteger(partition)) &&
    [fromOffset, beforeOffset].every(isOffset) &&
    [since, before].every(isMoment);
  if (!isFilter) return null;
  const offset = (value: unknown) => (value === undefined ? undefined : BigInt(String(value)));
  const moment = (value: unknown) => parseRfc3339(String(value)) ?? undefined;
  return {
    topic: topic as string | undefined,
    reason: reason as string | undefined,
    partition: partition as number | undefined,
    fromOffset: offset(fromOffset),
    beforeOffset: offset(beforeOffset),
    sinceMs: moment(since),
    beforeMs: moment(before),
  };
}
