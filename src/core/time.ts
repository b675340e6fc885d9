/** 1970-01-01T00:00:00Z, the earliest time of an event. */
export const EARLIEST_OCCURRED_AT_MS = 0;
/** 10000-01-01T00:00:00Z. Every event has an earlier time. */
export const LATEST_OCCURRED_AT_MS = 253_402_300_800_000;
/**
 * 1000-01-01T00:00:00Z, the time of baseline events. It is before the time of every event from a topic, and the first time
 * that MySQL's DATETIME can hold by its documentation.
 */
export const BASELINE_OCCURRED_AT_MS = -30_610_224_000_000;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Whether this may be the time of an event. */
export function isWithinBounds(occurredAtMs: number): boolean {
  return occurredAtMs >= EARLIEST_OCCURRED_AT_MS && occurredAtMs < LATEST_OCCURRED_AT_MS;
}

/**
 * Reads an RFC 3339 `date-time` as milliseconds since 1970-01-01T00:00:00Z. Null if the text is none. The zone is required.
 * Its colon, or its minutes, may be missing (`+0000`, `+00`), as in ISO 8601: many libraries write so, and it has one meaning.
 * A fraction may have any length, and is cut off after milliseconds. `t` and `z` may be lower case (section 5.6). 23:59:60
 * in UTC counts as a leap second on any day, because the verdict must not depend on a table of leap seconds. It counts as
 * the last millisecond of its minute.
 */
export function parseRfc3339(text: string): number | null {
  const length = text.length;
  if (length < 20) return null;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return null;
  if (text.charCodeAt(4) !== HYPHEN || text.charCodeAt(7) !== HYPHEN) return null;
  if ((text.charCodeAt(10) | LOWER_CASE_BIT) !== LOWER_T) return null;
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return null;

  let index = 19;
  let fractionMs = 0;
  if (text.charCodeAt(index) === FULL_STOP) {
    const firstDigit = ++index;
    for (let weight = 100; index < length; index++) {
      const digit = text.charCodeAt(index) - DIGIT_ZERO;
      if (digit < 0 || digit > 9) break;
      fractionMs += digit * weight;
      weight = weight === 100 ? 10 : weight === 10 ? 1 : 0;
    }
    if (index === firstDigit) return null;
  }
  const offsetMinutes = zoneOffsetMinutes(text, index);
  if (offsetMinutes === null) return null;

  const minutes = hour * 60 + minute - offsetMinutes;
  const minuteStartMs = daysSince1970(year, month, day) * DAY_MS + minutes * MINUTE_MS;
  if (second === 60) {
    const isLastMinuteOfDay = (minutes + 2880) % 1440 === 1439;
    return isLastMinuteOfDay ? minuteStartMs + MINUTE_MS - 1 : null;
  }
  return minuteStartMs + second * 1000 + fractionMs;
}

/** The offset from UTC of the zone at this place. Null unless the text ends with a zone there. */
function zoneOffsetMinutes(text: string, index: number): number | null {
  const sign = text.charCodeAt(index);
  if ((sign | LOWER_CASE_BIT) === LOWER_Z) return text.length === index + 1 ? 0 : null;
  if (sign !== PLUS && sign !== HYPHEN) return null;
  const hours = twoDigits(text, index + 1);
  const minutes = zoneMinutes(text, index + 3);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return null;
  return sign === PLUS ? hours * 60 + minutes : -(hours * 60 + minutes);
}

/** The minutes of a zone behind its hours, at the end of the text: `:30`, `30` or nothing. Negative if they are none. */
function zoneMinutes(text: string, index: number): number {
  switch (text.length - index) {
    case 3:
      return text.charCodeAt(index) === COLON ? twoDigits(text, index + 1) : NOT_DIGITS;
    case 2:
      return twoDigits(text, index);
    case 0:
      return 0;
    default:
      return NOT_DIGITS;
  }
}

const PLUS = 0x2b;
const HYPHEN = 0x2d;
const FULL_STOP = 0x2e;
const DIGIT_ZERO = 0x30;
const COLON = 0x3a;
const LOWER_T = 0x74;
const LOWER_Z = 0x7a;
const LOWER_CASE_BIT = 0x20;

/** A number far below zero, so that no sum with it looks like a year. */
const NOT_DIGITS = -1_000_000;

function twoDigits(text: string, index: number): number {
  const tens = text.charCodeAt(index) - DIGIT_ZERO;
  const ones = text.charCodeAt(index + 1) - DIGIT_ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NOT_DIGITS;
}

const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function daysIn(year: number, month: number): number {
  const isLeapYear = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && isLeapYear ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0);
}

/**
 * Counts the days from 1970-01-01 in the proleptic Gregorian calendar. Its years begin in March, so that the leap day is the
 * last of a year. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const marchMonth = month <= 2 ? month + 9 : month - 3;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((153 * marchMonth + 2) / 5) + day - 719_469;
}
