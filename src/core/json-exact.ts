import type { JsonObject, JsonValue } from './domain.ts';

/** A number as its text wrote it. It prints as that text, and is never changed into a double. */
interface RawNumber {
  readonly rawJSON: string;
}

/** JSON.parse with source texts and JSON.rawJSON (ECMAScript proposal "JSON.parse source text access", in V8 since 11.4). */
interface JsonWithSource {
  parse(
    text: string,
    reviver: (name: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
}

const json = JSON as unknown as JsonWithSource;

/**
 * Parses a JSON text, and keeps the numbers that a double cannot hold as their text: those beyond 2^53 - 1 in magnitude, or
 * all numbers. `JSON.stringify` prints them as they stood. Such a number looks like an object to the type system, so the
 * result is for printing and for copying, not for reading numbers.
 */
export function parseKeepingNumbers(text: string, kept: 'huge' | 'all'): JsonValue {
  return json.parse(text, (_name, value, { source }) =>
    typeof value === 'number' && source !== undefined && (kept === 'all' || isHuge(value))
      ? json.rawJSON(source)
      : value,
  ) as JsonValue;
}

/** The text of a number that `parseKeepingNumbers` kept; null for every other value. */
export function numberTextOf(value: JsonValue | undefined): string | null {
  return json.isRawJSON(value) ? value.rawJSON : null;
}

function isHuge(value: number): boolean {
  return Math.abs(value) > Number.MAX_SAFE_INTEGER;
}

/** The members of the object that are, or hold, a number which was kept as its text. */
export function membersWithKeptNumbers(object: JsonObject): string[] {
  return Object.keys(object).filter((name) => holdsKeptNumber(object[name] as JsonValue));
}

/** Whether the value is, or holds, a number that was kept as its text. */
export function holdsKeptNumber(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (json.isRawJSON(value)) return true;
  if (Array.isArray(value)) return value.some(holdsKeptNumber);
  return Object.values(value).some(holdsKeptNumber);
}

/**
 * Writes canonical JSON like `canonicalJson`, for a value with numbers beyond 2^53 - 1. RFC 8785 has no form for those. Here
 * they are written exactly and in plain decimal notation, so that other notations of the same number are the same content.
 */
export function canonicalExactJson(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (json.isRawJSON(value)) return plainDecimal(value.rawJSON);
  if (Array.isArray(value)) return `[${value.map(canonicalExactJson).join(',')}]`;
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalExactJson(value[key] as JsonValue)}`);
  return `{${members.join(',')}}`;
}

/** The most digits of an integer that is written without an exponent. The largest double has 309. */
const MOST_PLAIN_DIGITS = 400;
/** An exponent with more digits than this is left as it stands: no sum with it is exact. */
const MOST_EXPONENT_DIGITS = 15;

/** Writes the text of a JSON number exactly, in one form for all texts of the same number. */
function plainDecimal(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  if (exponentText.length > MOST_EXPONENT_DIGITS) return text.toLowerCase();
  const written = `${whole}${fraction}`.replace(/^0+/, '');
  const digits = withoutZerosAtEnd(written);
  const exponent = Number(exponentText) - fraction.length + (written.length - digits.length);
  if (exponent < 0) return `${sign}${digits.slice(0, exponent)}.${digits.slice(exponent)}`;
  if (digits.length + exponent > MOST_PLAIN_DIGITS)
    return `${sign}${digits}${exponent === 0 ? '' : `e${exponent}`}`;
  return sign + digits + '0'.repeat(exponent);
}

function withoutZerosAtEnd(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end--;
  return digits.slice(0, end);
}
