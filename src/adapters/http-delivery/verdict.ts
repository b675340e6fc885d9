import type { DeliveryVerdict } from '../../ports/delivery-target.ts';

/** A state that is still answered with 409 at this attempt is refused: nobody works on the same id for so long. */
const CONFLICT_ATTEMPTS = 3;

/**
 * What an answer's status means for a delivery at its attempt of this number.
 *
 * A redirect is never followed, since it could lead the states anywhere, and is only tried again: it may come
 * from a proxy in front of a target that is being moved. 401, 403, 404, 405 and 407 speak of who asks, or of where, and
 * so of the target as a whole. 408, 409 (the same id is being worked on) and 425 say themselves that the request may
 * work later; every other 4xx is a refusal of the state.
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

/**
 * Whether a batch that was answered so as a whole is to be sent again singly: one of its members may be why, or the
 * place that batches are posted to. Any other answer says of each member what it would say of a single one.
 */
export function isAboutTheDeliveryBatch(status: number): boolean {
  if (status === 408 || status === 410 || status === 425 || status === 429) return false;
  return (status >= 300 && status < 500) || status === 501;
}

/**
 * The header `Retry-After` as milliseconds from `nowMs`, at most `limitMs`; null if it says nothing that can be
 * read. It holds seconds or a date in one of HTTP's three forms. Source: RFC 9110, 10.2.3 and 5.6.7.
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

/** A year of two digits that would be more than 50 years ahead is one of the past. Source: RFC 9110, 5.6.7. */
function fullYear(twoDigits: number, nowMs: number): number {
  const currentYear = new Date(nowMs).getUTCFullYear();
  const year = currentYear - (currentYear % 100) + twoDigits;
  return year > currentYear + 50 ? year - 100 : year;
}
