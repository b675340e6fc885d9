import type { JsonValue } from '../../../core/domain.ts';
import { numberTextOf } from '../../../core/json-exact.ts';
import { isWithinBounds, parseRfc3339 } from '../../../core/time.ts';
import { isTicks } from '../forms/times.ts';
import type { TimeForm } from './options.ts';

/** The number of digits behind the point when a number of this unit is written in seconds. */
const DIGITS: Readonly<Partial<Record<TimeForm, number>>> = {
  seconds: 0,
  milliseconds: 3,
  microseconds: 6,
  nanoseconds: 9,
};

/**
 * The time as a text by RFC 3339, with every digit that it came with. Null if it is one already, or is not of this form: then
 * it stays as it is, and the decoder judges it. `value` has its numbers as their texts (`parseKeepingNumbers`).
 */
export function timeText(value: JsonValue | undefined, form: TimeForm): string | null {
  if (typeof value === 'string' && parseRfc3339(value) !== null) return null;
  if (form === 'local-utc') return typeof value === 'string' ? fromLocalText(value) : null;
  const number = numberTextOf(value) ?? (typeof value === 'string' ? numberIn(value, form) : null);
  if (form === 'jackson') {
    if (Array.isArray(value)) return fromParts(value);
    // Jackson writes java.time types in seconds with a fraction, and java.util.Date in whole milliseconds.
    return number === null ? null : fromNumber(number, number.includes('.') ? 0 : 3);
  }
  const digits = DIGITS[form];
  if (form === 'nanoseconds' && number !== null && isTicks(number)) return null;
  return number === null || digits === undefined ? null : fromNumber(number, digits);
}

/** The number in a text. Older programs of .NET write milliseconds as `/Date(1735689600000+0100)/`, whose offset changes nothing. */
function numberIn(text: string, form: TimeForm): string {
  const dotNet = form === 'milliseconds' ? /^\/Date\((\d+)(?:[+-]\d{4})?\)\/$/.exec(text) : null;
  return dotNet?.[1] ?? text;
}

/** The longest number of a time. One of nanoseconds has 19 digits. */
const MOST_DIGITS = 40;

function fromNumber(text: string, fractionDigits: number): string | null {
  const match = /^(\d+)(?:\.(\d+))?$/.exec(withoutExponent(text));
  if (match === null || text.length > MOST_DIGITS) return null;
  const [, whole = '', rest = ''] = match;
  const padded = whole.padStart(fractionDigits + 1, '0');
  const point = padded.length - fractionDigits;
  return secondsText(Number(padded.slice(0, point)), padded.slice(point) + rest);
}

/** Some programs print large numbers with an exponent. Those whose digits a double holds are written without it. */
function withoutExponent(text: string): string {
  if (!/[eE]/.test(text)) return text;
  const value = Number(text);
  return Number.isSafeInteger(value) ? String(value) : text;
}

/** The text of this second since 1970 and of the digits behind its point. */
function secondsText(seconds: number, fraction: string): string | null {
  if (!isWithinBounds(seconds * 1000)) return null;
  const second = new Date(seconds * 1000).toISOString().slice(0, 19);
  return `${second}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** Reads [year, month, day, hour, minute, second, nanosecond] in UTC. Jackson leaves zeros at the end out. */
function fromParts(parts: readonly JsonValue[]): string | null {
  const texts = parts.map(numberTextOf);
  if (texts.length < 5 || texts.length > 7 || !texts.every((text) => text !== null && /^\d{1,9}$/.test(text)))
    return null;
  const [year = '', month = '', day = '', hour = '', minute = '', second = '0', nanosecond] =
    texts as string[];
  const two = (text: string) => text.padStart(2, '0');
  const fraction = nanosecond === undefined ? '' : `.${nanosecond.padStart(9, '0')}`;
  const text = `${year.padStart(4, '0')}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}${fraction}Z`;
  return parseRfc3339(text) === null ? null : text;
}

/**
 * A date and a time with T or a blank between them. The seconds may be missing (Java leaves out zeros), a comma may stand before
 * their fraction, and behind the zone may stand its name: the offset decides.
 */
const LOCAL =
  /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2})(?:(:\d{2})(?:[.,](\d+))?)?(?: ?(?:([Zz]|[+-]\d{2}(?::?\d{2})?)(?:\[[\w/+-]+\])?|(?:([+-]0000) )?(?:UTC|GMT)))?$/;

/** Reads a date and a time. Without a zone it is in UTC. */
function fromLocalText(text: string): string | null {
  const match = LOCAL.exec(text);
  if (match === null) return null;
  const [, date, minute, second = ':00', fraction, zone, zero = 'Z'] = match;
  const written = `${date}T${minute}${second}${fraction === undefined ? '' : `.${fraction}`}${zone ?? zero}`;
  return parseRfc3339(written) === null ? null : written;
}
