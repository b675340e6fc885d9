import { parseRfc3339 } from '../../core/time.ts';

/**
 * Reads the header `Retry-After` as milliseconds from `nowMs`, at most `limitMs`. It contains seconds, or a date in one of
 * HTTP's three forms. Source: RFC 9110, 10.2.3 and 5.6.7. Other programs send more than that, so it also takes fractions,
 * rounded up, a unit (`5s`), seconds or milliseconds since 1970, dates with another zone, and RFC 3339. Of several values the
 * longest counts. Null for anything else.
 */
export function retryAfterMs(
  header: string | string[] | undefined,
  nowMs: number,
  limitMs: number,
): number | null {
  const values = (Array.isArray(header) ? header : [header ?? '']).flatMap(valuesIn);
  const waits = values.map((value) => waitMs(value, nowMs)).filter((wait) => wait !== null);
  return waits.length === 0 ? null : Math.min(Math.max(...waits, 0), limitMs);
}

/** Several headers that a proxy has joined. A date has a comma, too. */
function valuesIn(header: string): string[] {
  const value = header.trim().replace(/^"(.*)"$/, '$1');
  return /^[\d.,\s]*$/.test(value) ? value.split(',').map((each) => each.trim()) : [value];
}

/** No delay is this long, so a number from here on counts the time since 1970. */
const SECONDS_SINCE_1970_MIN = 1e9;
const MILLISECONDS_SINCE_1970_MIN = 1e12;

function waitMs(value: string, nowMs: number): number | null {
  const number = /^(\d+(?:\.\d*)?|\.\d+)\s*(?:s|secs?|seconds?)?$/i.exec(value)?.[1];
  if (number === undefined) {
    const atMs = httpDateMs(value, nowMs) ?? parseRfc3339(value);
    return atMs === null ? null : atMs - nowMs;
  }
  const count = Number(number);
  if (count >= MILLISECONDS_SINCE_1970_MIN) return count - nowMs;
  return count >= SECONDS_SINCE_1970_MIN ? count * 1_000 - nowMs : Math.ceil(count) * 1_000;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const TIME = '(?<time>\\d{1,2}:\\d{2}(?::\\d{2})?)';
const DATES = [
  // Sun, 06 Nov 1994 08:49:37 GMT, and Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(
    `^(?:[a-z]+,? +)?(?<day>\\d{1,2})[ -](?<month>[a-z]{3})[ -](?<year>\\d{4}|\\d{2}) +${TIME}(?: *(?<zone>gmt|utc?|z|[+-]\\d{2}:?\\d{2}))?$`,
    'i',
  ),
  // Sun Nov  6 08:49:37 1994
  new RegExp(`^[a-z]{3} (?<month>[a-z]{3}) +(?<day>\\d{1,2}) ${TIME} (?<year>\\d{4})$`, 'i'),
];

/**
 * Reads a date of HTTP as milliseconds since 1970, also with another zone than GMT, with one digit for the day, or in other
 * capitals. Null for anything else.
 */
export function httpDateMs(value: string, nowMs: number): number | null {
  for (const form of DATES) {
    const parts = form.exec(value)?.groups;
    if (parts === undefined) continue;
    const month = MONTHS.indexOf((parts.month ?? '').toLowerCase());
    const [hours, minutes, seconds = 0] = (parts.time ?? '').split(':').map(Number);
    const year = parts.year?.length === 2 ? fullYear(Number(parts.year), nowMs) : Number(parts.year);
    if (month === -1) return null;
    return Date.UTC(year, month, Number(parts.day), hours, minutes, seconds) - offsetMs(parts.zone);
  }
  return null;
}

/** How far a zone such as `+0200` is ahead of GMT. */
function offsetMs(zone: string | undefined): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone ?? '') ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
}

/** The year of two digits, which lies at most 50 years in the future. Source: RFC 9110, 5.6.7. */
function fullYear(twoDigits: number, nowMs: number): number {
  const currentYear = new Date(nowMs).getUTCFullYear();
  const year = currentYear - (currentYear % 100) + twoDigits;
  return year > currentYear + 50 ? year - 100 : year;
}
