import type { JsonValue } from '../../../core/domain.ts';
import { isJsonObject } from '../../../core/json-canonical.ts';

/**
 * The value at a place: the name of a member, or several with dots between them, the outermost first. A member whose own name
 * has the dots comes before those further in. A text on the way that holds a JSON object is read as that object, by `parse`.
 * Undefined if nothing is there.
 */
export function valueAt(
  value: JsonValue,
  place: string,
  parse: (text: string) => JsonValue | undefined,
): JsonValue | undefined {
  const object = typeof value === 'string' && value.trimStart().startsWith('{') ? parse(value) : value;
  if (object === undefined || !isJsonObject(object)) return undefined;
  if (Object.hasOwn(object, place)) return object[place];
  for (let dot = place.indexOf('.'); dot !== -1; dot = place.indexOf('.', dot + 1)) {
    const name = place.slice(0, dot);
    if (!Object.hasOwn(object, name)) continue;
    const found = valueAt(object[name] as JsonValue, place.slice(dot + 1), parse);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The outermost member of a place that is not a member by itself; null if the object has none of them. */
export function outermostOf(object: { readonly [name: string]: JsonValue }, place: string): string | null {
  for (let dot = place.indexOf('.'); dot !== -1; dot = place.indexOf('.', dot + 1)) {
    const name = place.slice(0, dot);
    if (Object.hasOwn(object, name)) return name;
  }
  return null;
}
