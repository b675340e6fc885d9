import type { JsonValue } from '../../../core/domain.ts';
import { isJsonObject } from '../../../core/json-canonical.ts';
import { parseRfc3339 } from '../../../core/time.ts';
import { Rejection } from '../reasons.ts';
import { jsonKind } from './kinds.ts';

const RFC_3339 = 'a date and time with zone by RFC 3339';

/** Says what stands in the place of the event's time, which is no text. */
export function timeThatIsNoText(value: JsonValue, field: string): Rejection {
  return new Rejection('time_not_text', `${field} is ${formOf(value)}, and not ${RFC_3339} as a text.`);
}

function formOf(value: JsonValue): string {
  if (typeof value === 'number') return `a number: ${unitOf(value)}`;
  if (Array.isArray(value) && value.length >= 3 && value.every((part) => typeof part === 'number'))
    return 'an array of year, month, day and so on, without a zone (as Jackson writes LocalDateTime)';
  if (Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'number'))
    return 'an array of seconds and nanoseconds';
  if (isJsonObject(value)) return objectForm(Object.keys(value));
  return jsonKind(value);
}

function objectForm(names: readonly string[]): string {
  if (names.includes('$date') || names.includes('$timestamp'))
    return "an object, as MongoDB's extended JSON writes times";
  const seconds = ['seconds', '_seconds', 'epochSecond'].find((name) => names.includes(name));
  return seconds === undefined
    ? 'an object'
    : 'an object of seconds and nanoseconds (the fields of the class, which the serializer knows no form for)';
}

/** 1971 to 2286, where a number of seconds since 1970 has 8 to 10 digits. */
const MIN_SECONDS = 3e7;
const MAX_SECONDS = 1e10;

/** The ticks of .NET, of 100 ns since the year 1, of 1990 to 2100. As nanoseconds since 1970 they would be a time in 1989 to 1991. */
const MIN_TICKS = 627_667_488_000_000_000n;
const MAX_TICKS = 662_379_552_000_000_000n;

/** Whether a number of digits is a time of our days as ticks of .NET, which nobody means as nanoseconds since 1970. */
export function isTicks(digits: string): boolean {
  if (!/^\d{18}$/.test(digits)) return false;
  const ticks = BigInt(digits);
  return ticks >= MIN_TICKS && ticks < MAX_TICKS;
}

/** The unit in which this number is a time of our days. */
function unitOf(value: number): string {
  if (isTicks(String(value))) return 'ticks of .NET, of 100 nanoseconds since the year 1';
  const units = ['seconds', 'milliseconds', 'microseconds', 'nanoseconds'] as const;
  const found = units.find((_unit, index) => {
    const seconds = value / 1000 ** index;
    return seconds >= MIN_SECONDS && seconds < MAX_SECONDS;
  });
  return found === undefined ? 'of no unit in which it is a time of our days' : `${found} since 1970`;
}

/** Says which part of a text keeps it from being a time by RFC 3339. */
export function timeFault(text: string, field: string): Rejection {
  return new Rejection('time_invalid', `${field} is not ${RFC_3339}: ${faultOf(text)}.`);
}

/** A time whose parts may be written in other ways than RFC 3339 wants them. */
const LOOSE_TIME =
  /^(\d{4})-(\d{2})-(\d{2})([Tt]|\s+)(\d{2}):(\d{2})(?::(\d{2}))?([.,]\d+)?(\s*)(?:([Zz]|UTC|GMT)|([+-]\d{1,2}(?::?\d{2}){0,2}))?(\[[^\]]*\]| ?[A-Z]{2,5})?$/;

/** The longest text that is looked at. A time is shorter. */
const LOOKED_AT_MAX = 64;

function faultOf(text: string): string {
  if (text === '') return 'the text is empty';
  if (parseRfc3339(text.trim()) !== null) return 'white space stands around it';
  if (text.length > LOOKED_AT_MAX) return 'the text is too long';
  if (/^-?\d+(?:\.\d+)?(?:[Ee]\+?\d+)?$/.test(text))
    return `it is a number as a text: ${unitOf(Number(text))}`;
  if (/^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} /.test(text))
    return 'it is a date by RFC 1123 (as in HTTP and mail)';
  if (/^[A-Z][a-z]{2,8} \d{1,2}, \d{4}\b/.test(text))
    return 'it is a date in words, as Gson and older Java print it';
  if (/^\d{1,2}-[A-Za-z]{3}-\d{2,4}\b/.test(text))
    return 'its date has an abbreviated month, as databases print it';
  if (/^[A-Z][a-z]{5,8}, \d{1,2}-[A-Z]/.test(text))
    return 'a day of the week stands before it, as by RFC 850';
  if (/^[A-Z][a-z]{2} [A-Z][a-z]{2} \d{1,2} /.test(text))
    return 'it is a date as C and Java print it, in words';
  if (/^\/Date\(/.test(text)) return "it is a time as .NET's older serializers write it";
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return 'it is a date without a time';
  if (/^\d{8}/.test(text)) return 'its hyphens and colons are missing (the basic format of ISO 8601)';
  if (/^\d{1,2}[./]\d{1,2}[./]\d{4}/.test(text)) return 'day or month stand before the year';
  if (/^\d{4}[/.]\d{1,2}[/.]\d{1,2}/.test(text)) return 'its date has other characters than hyphens';
  if (/^[+-]\d{5,6}-/.test(text)) return 'its year has more than four digits';
  const match = LOOSE_TIME.exec(text);
  return match === null ? 'its form is another one' : partFault(match);
}

function partFault(match: RegExpExecArray): string {
  const [, , , , separator = '', hour, minute, second, fraction = '', blank, utc, offset, name] = match;
  const faults: string[] = [];
  if (separator.trim() === '') faults.push('a blank stands where T belongs');
  if (second === undefined) faults.push('the seconds are missing');
  if (fraction.startsWith(','))
    faults.push('a comma stands before the fraction of the second instead of a point');
  if (blank !== '') faults.push('a blank stands before the zone');
  if (utc !== undefined && utc.length > 1) faults.push('the zone is a word instead of Z or an offset');
  if (utc === undefined && offset === undefined) {
    faults.push(name === undefined ? 'the time has no zone' : 'the zone is a name instead of Z or an offset');
  } else if (name !== undefined) {
    faults.push("the zone's name stands behind its offset");
  }
  if (offset !== undefined && /^[+-]\d(?::|$)/.test(offset)) faults.push("the zone's hours have one digit");
  if (offset !== undefined && /^[+-]\d{2}:?\d{2}:?\d{2}$/.test(offset)) faults.push('the zone has seconds');
  if (hour === '24') faults.push('the hour is 24');
  if (faults.length > 0) return faults.join(', and ');
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return 'there is no such time of day';
  if (second === '60') return 'second 60 is not the last one of a day in UTC';
  return 'there is no such day, or no such zone';
}
