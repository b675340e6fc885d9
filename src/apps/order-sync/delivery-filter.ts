import { utf8Length } from '../../core/text.ts';
import { parseRfc3339 } from '../../core/time.ts';
import type { DeliveryFilter, DeliveryStatus } from '../../ports/ledger.ts';

/** The parts of a filter of deliveries, by the names of the HTTP API's parameters. Each is given as a text. */
export const FILTER_NAMES = [
  'target',
  'entityId',
  'status',
  'lastStatus',
  'error',
  'dueSince',
  'dueBefore',
] as const;
export type FilterName = (typeof FILTER_NAMES)[number];

/** A fault in one part of a filter. The message follows the name of the part. */
export class FilterFault extends Error {
  readonly part: FilterName;
  constructor(part: FilterName, detail: string) {
    super(detail);
    this.part = part;
  }
}

export const FILTER_STATUSES: readonly DeliveryStatus[] = ['pending', 'delivered', 'dead'];
const TEXT_BYTES_MAX = 1_000;

/** Reads a filter from texts. Throws a FilterFault. */
export function filterOf(given: Partial<Readonly<Record<FilterName, string | undefined>>>): DeliveryFilter {
  return {
    target: textOf('target', given.target),
    entityId: textOf('entityId', given.entityId),
    status: statusOf(given.status),
    lastStatus: lastStatusOf(given.lastStatus),
    errorPrefix: textOf('error', given.error),
    dueSinceFromMs: momentOf('dueSince', given.dueSince),
    dueSinceBeforeMs: momentOf('dueBefore', given.dueBefore),
  };
}

/** The filter in the form in which people give it, without the parts that are not set. */
export function filterJson(filter: DeliveryFilter): Partial<Record<FilterName, string | number>> {
  const moment = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  const all: Record<FilterName, string | number | null> = {
    target: filter.target,
    entityId: filter.entityId,
    status: filter.status,
    lastStatus: filter.lastStatus,
    error: filter.errorPrefix,
    dueSince: moment(filter.dueSinceFromMs),
    dueBefore: moment(filter.dueSinceBeforeMs),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
}

export function isEmptyFilter(filter: DeliveryFilter): boolean {
  return Object.values(filter).every((part) => part === null);
}

function textOf(part: FilterName, text: string | undefined): string | null {
  if (text === undefined) return null;
  if (text !== '' && text.isWellFormed() && utf8Length(text) <= TEXT_BYTES_MAX) return text;
  throw new FilterFault(part, `is a text of 1 to ${TEXT_BYTES_MAX} bytes`);
}

function statusOf(text: string | undefined): DeliveryStatus | null {
  if (text === undefined) return null;
  const status = FILTER_STATUSES.find((known) => known === text);
  if (status === undefined) throw new FilterFault('status', `is one of ${FILTER_STATUSES.join(', ')}`);
  return status;
}

function lastStatusOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!/^[1-5]\d\d$/.test(text))
    throw new FilterFault('lastStatus', 'is the status of an HTTP answer, as in 422');
  return Number(text);
}

function momentOf(part: FilterName, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = parseRfc3339(text);
  if (ms === null) throw new FilterFault(part, 'is a moment of RFC 3339, as in 2026-11-22T10:00:00Z');
  return ms;
}
