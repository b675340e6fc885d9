import { type VerdictRules, verdictByRules } from '../../core/verdict-rules.ts';
import type { DeliveryVerdict } from '../../ports/delivery-target.ts';

/** A 409 at this attempt counts as a refusal: no receiver works on the same id for that long. */
const CONFLICT_ATTEMPTS = 3;

/**
 * Returns the verdict for a status at the attempt of this number.
 *
 * A redirect is not followed, because it could send the states to any place. It is tried again, because a proxy in front
 * of a target that is being moved may have sent it. 401, 403, 404, 405 and 407 concern the sender or the URL, and so the
 * target as a whole. 408, 409 (the same id is in work) and 425 say that the request may succeed later. Every other 4xx
 * refuses the state.
 */
export function verdictOf(status: number, attempt: number): DeliveryVerdict {
  if (status >= 200 && status < 300) return 'delivered';
  switch (status) {
    case 401:
    case 403:
    case 404:
    case 405:
    case 407:
      return 'retry';
    case 409:
      return attempt >= CONFLICT_ATTEMPTS ? 'park' : 'retry';
    case 410:
      return 'disable';
    case 429:
    case 502:
    case 503:
    case 504:
      return 'throttle';
    case 408:
    case 425:
      return 'retry';
    default:
      return status >= 400 && status < 500 ? 'park' : 'retry';
  }
}

/** The verdict for a status at the attempt of this number. */
export type Judge = (status: number, attempt: number) => DeliveryVerdict;

/** Judges by the rules of a target, and by `verdictOf` where they say nothing. */
export function judgeBy(rules: VerdictRules | undefined): Judge {
  if (rules === undefined || rules.byStatus.size + rules.byClass.size === 0) return verdictOf;
  return (status, attempt) => verdictByRules(rules, status) ?? verdictOf(status, attempt);
}

/**
 * Whether the members of a delivery batch with this status are to be sent again singly, because the cause may be one of
 * them, or the path for delivery batches. Any other status means for each member what it means for a single state.
 */
export function isAboutTheDeliveryBatch(status: number): boolean {
  if (status === 408 || status === 410 || status === 425 || status === 429) return false;
  return (status >= 300 && status < 500) || status === 501;
}

/**
 * Reads the header `Retry-After` as milliseconds from `nowMs`, at most `limitMs`. It contains seconds, or a date in one of
 * HTTP's three forms; null for anything else. Source: RFC 9110, 10.2.3 and 5.6.7.
 */
export function retryAfterMs(
  header: string | string[] | undefined,
  nowMs: number,
  limitMs: number,
): number | null {
  const value = (Array.isArray(header) ? header[0] : header)?.trim();
  if (value === undefined) return null;
  if (/^\d+$/.test(value)) return Math.min(Number(value) * 1_000, limitMs);
  const atMs = httpDateMs(value, nowMs);
  return atMs === null ? null : Math.min(Math.max(atMs - nowMs, 0), limitMs);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const HTTP_DATES = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  /^[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  // Sunday, 06-Nov-94 08:49:37 GMT
  /^[A-Z][a-z]+day, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  // Sun Nov  6 08:49:37 1994
  /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/,
];

export function httpDateMs(value: string, nowMs: number): number | null {
  for (const form of HTTP_DATES) {
    const parts = form.exec(value)?.groups;
    if (parts === undefined) continue;
    const month = MONTHS.indexOf(parts.month ?? '');
    const [hours, minutes, seconds] = (parts.time ?? '').split(':').map(Number);
    const year = parts.year?.length === 2 ? fullYear(Number(parts.year), nowMs) : Number(parts.year);
    return month === -1 ? null : Date.UTC(year, month, Number(parts.day), hours, minutes, seconds);
  }
  return null;
}

/** The year of two digits, which lies at most 50 years in the future. Source: RFC 9110, 5.6.7. */
function fullYear(twoDigits: number, nowMs: number): number {
  const currentYear = new Date(nowMs).getUTCFullYear();
  const year = currentYear - (currentYear % 100) + twoDigits;
  return year > currentYear + 50 ? year - 100 : year;
}
