import type { JsonValue, ViewColumn, ViewValue } from './domain.ts';
import { canonicalJson, isWellFormedJson } from './json-canonical.ts';
import { canonicalExactJson, numberTextOf, parseKeepingNumbers } from './json-exact.ts';
import { parseRfc3339 } from './time.ts';

/** The deepest nesting of arrays and objects in a value of a JSON column, as in the body of an event. */
const JSON_DEPTH_MAX = 64;
export const TEXT_LENGTH = 255;
export const JSON_LENGTH = 65_535;
/** JSON of this length takes at most 1 MiB in UTF-8, which is the room that a statement has beside one record. */
export const JSON_LENGTH_MAX = 262_144;
/** The limits of DECIMAL in MySQL and MariaDB. */
const PRECISION_MAX = 65;
const SCALE_MAX = 30;
/** A number whose exponent has more digits fits no column. */
const EXPONENT_DIGITS_MAX = 6;

export interface DecimalForm {
  readonly precision: number;
  readonly scale: number;
}

/**
 * Writes a decimal number in the form that a column with this precision and scale holds: `12.3` as `12.30` for a scale of 2,
 * and negative zero as zero. The number may have an exponent, as JSON allows. Nothing is rounded: throws an `Error` if the
 * text is no number, or if it has more digits than the column holds.
 */
export function decimalText(value: string | bigint, { precision, scale }: DecimalForm): string {
  const given = String(value);
  const match = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(given);
  if (match === null) throw new Error(`${shown(given)} is no decimal number`);
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  if (digits === '') return `0${fractionOf('', scale)}`;
  if (exponent.replace(/^[+-]?0*/, '').length > EXPONENT_DIGITS_MAX) throw tooLong(given, precision, scale);
  // The number is `digits` times ten to the power of `-places`.
  const places = fraction.length - Number(exponent);
  const cut = Math.max(0, places - scale);
  const kept = digits.slice(0, Math.max(0, digits.length - cut));
  if (/[1-9]/.test(digits.slice(kept.length))) throw tooLong(given, precision, scale);
  if (kept === '') return `0${fractionOf('', scale)}`;
  const zeros = Math.max(0, scale - places);
  if (kept.length + zeros > precision) throw tooLong(given, precision, scale);
  const unscaled = kept + '0'.repeat(zeros);
  const point = unscaled.length - scale;
  const before = point > 0 ? unscaled.slice(0, point) : '0';
  return `${sign === '-' ? '-' : ''}${before}${fractionOf(unscaled.slice(Math.max(0, point)), scale)}`;
}

function fractionOf(digits: string, scale: number): string {
  return scale === 0 ? '' : `.${digits.padStart(scale, '0')}`;
}

function tooLong(given: string, precision: number, scale: number): Error {
  return new Error(
    `${shown(given)} does not fit a decimal of ${precision} digits, ${scale} of them behind the point`,
  );
}

/**
 * Writes a moment of RFC 3339 in the form that a column of timestamps holds: in UTC, with six digits of the second. Further
 * digits are cut off. A leap second counts as the last microsecond of its minute. Throws an `Error` if the text is no such
 * moment, or is outside the years 0001 to 9999.
 */
export function timestampText(text: string): string {
  const ms = parseRfc3339(text);
  if (ms === null) throw new Error(`${shown(text)} is no moment of RFC 3339 with a zone`);
  if (ms < FIRST_MS || ms >= END_MS) throw new Error(`${shown(text)} is outside the years 0001 to 9999`);
  const second = new Date(ms).toISOString().slice(0, 20);
  if (text.slice(17, 19) === '60') return `${second}999999Z`;
  const fraction = /^.{19}\.(\d+)/.exec(text)?.[1] ?? '';
  return `${second}${fraction.slice(0, 6).padEnd(6, '0')}Z`;
}

/** 0001-01-01T00:00:00Z and 10000-01-01T00:00:00Z. */
const FIRST_MS = -62_135_596_800_000;
const END_MS = 253_402_300_800_000;

/**
 * Writes a value in the form that a column of JSON holds: canonical, and numbers beyond 2^53 - 1 in plain decimal notation.
 * Null is null, as in SQL. Throws an `Error` if the nesting is deeper than 64, or if a text is not well-formed.
 */
export function jsonText(value: JsonValue): string | null {
  if (value === null) return null;
  const kind = kindOf(value, JSON_DEPTH_MAX);
  if (kind === 'too deep') throw new Error(`the JSON is nested more than ${JSON_DEPTH_MAX} times`);
  if (!isWellFormedJson(value)) throw new Error('the JSON has a text that is not well-formed');
  if (kind === 'plain') return canonicalJson(value);
  return canonicalExactJson(parseKeepingNumbers(JSON.stringify(value), 'huge'));
}

function kindOf(value: JsonValue, depth: number): 'plain' | 'huge' | 'too deep' {
  if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER ? 'huge' : 'plain';
  if (typeof value !== 'object' || value === null) return 'plain';
  if (numberTextOf(value) !== null) return 'huge';
  if (depth === 0) return 'too deep';
  let kind: 'plain' | 'huge' = 'plain';
  for (const member of Object.values(value)) {
    const found = kindOf(member as JsonValue, depth - 1);
    if (found === 'too deep') return found;
    if (found === 'huge') kind = found;
  }
  return kind;
}

/** The canonical form of any JSON text, its large numbers exactly. Throws an `Error` as `jsonText` does. */
export function jsonTextOf(text: string): string | null {
  return jsonText(parseKeepingNumbers(text, 'huge'));
}

/**
 * What is wrong with a value of this column, as the end of a sentence such as "The row's total is ..."; null if nothing is.
 * The value is not null.
 */
export function valueFault(column: ViewColumn, value: Exclude<ViewValue, null>): string | null {
  switch (column.type) {
    case 'text': {
      const { maxLength = TEXT_LENGTH } = column;
      return typeof value === 'string' && fitsText(value, maxLength)
        ? null
        : `no well-formed text of at most ${maxLength} characters`;
    }
    case 'boolean':
      return typeof value === 'boolean' ? null : 'no boolean';
    case 'integer':
      return Number.isSafeInteger(value) ? null : 'no integer';
    case 'decimal':
      return canonicalFault(value, 'decimal', (text) => decimalText(text, column));
    case 'timestamp':
      return canonicalFault(value, 'timestamp', timestampText);
    case 'json': {
      const { maxLength = JSON_LENGTH } = column;
      if (typeof value === 'string' && !fitsText(value, maxLength))
        return `no JSON of at most ${maxLength} characters`;
      return canonicalFault(value, 'JSON', canonicalOf);
    }
  }
}

/** What parsing and printing makes of the text, by the quick way if that gives the same text. */
function canonicalOf(text: string): string | null {
  const value = JSON.parse(text) as JsonValue;
  const quick = jsonText(value);
  return quick === text ? quick : jsonTextOf(text);
}

function canonicalFault(
  value: Exclude<ViewValue, null>,
  type: string,
  canonical: (text: string) => string | null,
): string | null {
  if (typeof value !== 'string') return `no text of a ${type}, but a ${typeof value}`;
  try {
    const right = canonical(value);
    if (right === value) return null;
    return right === null
      ? 'the JSON null, which is null in the row'
      : `no canonical ${type}: ${shown(value)}, where ${shown(right)} is right`;
  } catch (error) {
    return `no ${type}: ${error instanceof SyntaxError ? 'it cannot be parsed' : (error as Error).message}`;
  }
}

function fitsText(value: string, maxLength: number): boolean {
  if (!value.isWellFormed()) return false;
  // A character takes one or two UTF-16 units, so only a long text has to be counted.
  return value.length <= maxLength || [...value].length <= maxLength;
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}

/**
 * The value as bodies of deliveries, the API and exports show it: JSON as a value, a decimal as a text, because many readers
 * turn numbers into doubles. `JSON.stringify` prints its large numbers as they are. A text that somebody wrote into the table
 * and that is no JSON stays a text.
 */
export function shownJson(column: ViewColumn, value: ViewValue): JsonValue {
  if (column.type !== 'json' || typeof value !== 'string') return value;
  try {
    return parseKeepingNumbers(value, 'all');
  } catch {
    return value;
  }
}

/**
 * Reads a value that somebody else holds or writes for this column, and gives it in canonical form: `12.3` for `12.30`, a
 * moment with another zone, JSON with its members in another sequence. Throws an `Error` if the column cannot hold it.
 */
export function canonicalValue(column: ViewColumn, value: JsonValue): ViewValue {
  if (value === null) return null;
  switch (column.type) {
    case 'json':
      return jsonText(value);
    case 'decimal':
      if (typeof value === 'string') return decimalText(value, column);
      break;
    case 'timestamp':
      if (typeof value === 'string') return timestampText(value);
      break;
    default:
      if (typeof value !== 'object') return value;
  }
  throw new Error(`it is no text of a ${column.type}`);
}

/** What is wrong with the definition of a column, as a part of a sentence; null if nothing is. */
export function columnFault(column: ViewColumn): string | null {
  const { name } = column;
  if (column.type === 'decimal') {
    const { precision, scale } = column;
    if (!isWithin(precision, 1, PRECISION_MAX) || !isWithin(scale, 0, Math.min(SCALE_MAX, precision)))
      return `its column ${name} needs a precision from 1 to ${PRECISION_MAX}, and a scale from 0 to ${SCALE_MAX} that is at most its precision`;
  }
  if (column.type === 'json' && !isWithin(column.maxLength ?? JSON_LENGTH, 1, JSON_LENGTH_MAX))
    return `its column ${name} of JSON can have a length from 1 to ${JSON_LENGTH_MAX}`;
  return null;
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}
