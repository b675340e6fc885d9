import type { JsonObject, JsonValue } from './domain.ts';
import { numberTextOf } from './json-exact.ts';

// for...in is several times quicker than Object.keys. Parsed JSON inherits no property that it would list as well.

/**
 * Writes the value as canonical JSON by RFC 8785: without white space, with the keys of every object sorted by UTF-16 code
 * units, and with numbers and strings as ECMAScript prints them. Two texts with the same content have the same canonical
 * form. The caller has checked that all strings are well-formed, and that the nesting is limited.
 */
export function canonicalJson(value: JsonValue): string {
  // JSON.stringify prints numbers and strings as the RFC requires, and members in the object's own sequence.
  return hasSortedKeys(value) ? JSON.stringify(value) : printSorted(value);
}

/** Whether the keys of every object in the value are sorted. */
export function hasSortedKeys(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(hasSortedKeys);
  let previous: string | undefined;
  for (const key in value) {
    if (previous !== undefined && previous > key) return false;
    previous = key;
    const member = value[key];
    if (typeof member === 'object' && member !== null && !hasSortedKeys(member)) return false;
  }
  return true;
}

/**
 * Whether the text from which this value was parsed is canonical JSON. The text has no white space, no escapes, and only
 * plain integers as numbers. False for an object with a key that looks like an array index: parsing moves such a key to
 * the front, so its place in the text is not known.
 */
export function isCanonicalIfPlain(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isCanonicalIfPlain);
  let previous: string | undefined;
  for (const key in value) {
    const first = key.charCodeAt(0);
    if ((first >= 0x30 && first <= 0x39) || (previous !== undefined && previous > key)) return false;
    previous = key;
    const member = value[key];
    if (typeof member === 'object' && member !== null && !isCanonicalIfPlain(member)) return false;
  }
  return true;
}

function printSorted(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(printSorted).join(',')}]`;
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${printSorted(value[key] as JsonValue)}`);
  return `{${members.join(',')}}`;
}

/** The number of members of all objects in the value together. */
export function countMembers(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) {
    let members = 0;
    for (const element of value) members += countMembers(element);
    return members;
  }
  let members = 0;
  for (const key in value) {
    members++;
    const member = value[key];
    if (typeof member === 'object' && member !== null) members += countMembers(member);
  }
  return members;
}

/** Whether every string in the value, keys included, is well-formed. */
export function isWellFormedJson(value: JsonValue): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isWellFormedJson);
  return Object.keys(value).every((key) => key.isWellFormed() && isWellFormedJson(value[key] as JsonValue));
}

/** Whether a value that was parsed from JSON is an object: no list, and no number that was kept as its text. */
export function isJsonObject(value: unknown): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    numberTextOf(value as JsonObject) === null
  );
}
