import type { JsonObject, JsonValue } from '../../core/domain.ts';
import { isJsonObject } from '../../core/json-canonical.ts';
import { changeForm } from '../decode/forms/bodies.ts';
import { parsed } from '../decode/forms/kinds.ts';

/** A member of the bodies that is no object, at the first level or further in. */
export interface Leaf {
  /** The names on the way, with dots between them. */
  readonly place: string;
  readonly names: readonly string[];
  /** The values, each with the number of its body. */
  readonly values: readonly { readonly body: number; readonly value: JsonValue }[];
}

/** The most levels and places that are looked at. */
const DEPTH_MAX = 4;
const PLACES_MAX = 20_000;

/** The leaves of all bodies, also those in texts that hold JSON, those nearest to the first level first. Null is no value. */
export function leavesOf(bodies: readonly JsonObject[]): Leaf[] {
  const found = new Map<string, { names: string[]; values: { body: number; value: JsonValue }[] }>();
  const walk = (object: JsonObject, before: readonly string[], body: number) => {
    for (const [name, member] of Object.entries(object)) {
      const isText = typeof member === 'string' && member.startsWith('{');
      const value = isText ? (parsed(member) ?? member) : member;
      const names = [...before, name];
      if (isJsonObject(value)) {
        // The rows of a change event say what is, whatever stands around it.
        if (names.length < DEPTH_MAX && changeForm(value) === null) walk(value, names, body);
        continue;
      }
      if (value === null || (Array.isArray(value) && !value.every((part) => typeof part === 'number')))
        continue;
      const place = names.join('.');
      const leaf = found.get(place) ?? { names, values: [] };
      if (!found.has(place) && found.size >= PLACES_MAX) continue;
      found.set(place, leaf);
      leaf.values.push({ body, value });
    }
  };
  for (const [index, body] of bodies.entries()) walk(body, [], index);
  return [...found]
    .map(([place, leaf]) => ({ place, ...leaf }))
    .sort((a, b) => a.names.length - b.names.length || b.values.length - a.values.length);
}

/** What the JSON forms of Avro and of DynamoDB put around a value: the name of its type. */
const TYPE_NAMES: ReadonlySet<string> = new Set(
  'string,bytes,int,long,float,double,boolean,S,N,B,BOOL,stringValue,integerValue,timestampValue'.split(','),
);

/** The names on the way to the leaf without those of types, such as `$date` in MongoDB's extended JSON. */
export function ownNamesOf({ names }: Pick<Leaf, 'names'>): readonly string[] {
  const own = [...names];
  while (own.length > 1 && isTypeName(own.at(-1) ?? '')) own.pop();
  return own;
}

function isTypeName(name: string): boolean {
  return TYPE_NAMES.has(name) || name.includes('.') || name.startsWith('$');
}

/** The names that the leaf may go by: its own, and with the one before it, as in `order.id`. */
export function namesOfLeaf(leaf: Pick<Leaf, 'names'>): string[] {
  const own = ownNamesOf(leaf);
  const [name = '', before] = [own.at(-1), own.at(-2)];
  return before === undefined ? [name] : [name, `${before}_${name}`];
}
