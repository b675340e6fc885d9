import type { JsonValue } from '../../../core/domain.ts';

/** Names the type of a JSON value, with its article. */
export function jsonKind(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
}

/** The name of a field without its capitals, hyphens, underscores and blanks: `event_type` and `EventType` are alike. */
export function alike(name: string): string {
  return name.replace(/[-_ ]/g, '').toLowerCase();
}

/** The name in this list that is alike, and not the same; undefined if there is none. */
export function similarName(names: readonly string[], wanted: string): string | undefined {
  const form = alike(wanted);
  return names.find((name) => name !== wanted && alike(name) === form);
}

/** Parses a JSON text; undefined if it is none. */
export function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}
