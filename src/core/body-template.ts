import type { JsonValue } from './domain.ts';
import { isJsonObject } from './json-canonical.ts';

/** JSON in which texts such as `{order_id}` stand for values. */
export interface BodyTemplate {
  /** The names of the values that it uses. */
  readonly uses: ReadonlySet<string>;
  /** The JSON for one state. */
  fill(values: Readonly<Record<string, JsonValue>>): string;
}

type Node =
  | { readonly kind: 'constant'; readonly value: unknown }
  | { readonly kind: 'value'; readonly name: string; readonly isOptional: boolean }
  | { readonly kind: 'text'; readonly parts: readonly (string | { readonly name: string })[] }
  | { readonly kind: 'list'; readonly items: readonly Node[] }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, Node> };

const DEPTH_MAX = 20;

/**
 * Reads a template: a JSON object whose texts may hold names in braces.
 *
 * - `"{order_id}"` alone is the value with its type. `"{review_status?}"` is left out where the value is null.
 * - In a longer text, as in `"order {order_id}"`, the value is written as text; null is nothing, and an object or array is its
 *   JSON.
 * - A key with dots makes nested objects: `"customer.order.id"`.
 * - Everything else is a constant. `{{` and `}}` are braces in a text.
 *
 * Throws an `Error` that says what is wrong and what would be right. `names` are the values that there are.
 */
export function parseBodyTemplate(text: string, names: readonly string[]): BodyTemplate {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error(
      'it is no valid JSON: give an object, as in {"id": "{order_id}", "state": "{order_status}"}',
    );
  }
  if (!isJsonObject(json)) throw new Error('it has to be a JSON object, as in {"id": "{order_id}"}');
  const uses = new Set<string>();
  const root = nodeOf(json, { names, uses, depth: 0 });
  return { uses, fill: (values) => JSON.stringify(filled(root, values) ?? {}) };
}

interface Reading {
  readonly names: readonly string[];
  readonly uses: Set<string>;
  readonly depth: number;
}

function nodeOf(json: unknown, reading: Reading): Node {
  if (reading.depth > DEPTH_MAX) throw new Error(`it is nested more than ${DEPTH_MAX} times`);
  const inner = { ...reading, depth: reading.depth + 1 };
  if (typeof json === 'string') return textNode(json, reading);
  if (Array.isArray(json)) return { kind: 'list', items: json.map((item) => nodeOf(item, inner)) };
  if (!isJsonObject(json)) return { kind: 'constant', value: json };
  const fields = new Map<string, Node>();
  for (const [key, value] of Object.entries(json)) place(fields, key.split('.'), key, nodeOf(value, inner));
  return { kind: 'object', fields };
}

/** Puts a node under a path of keys, and makes the objects on the way. */
function place(
  fields: Map<string, Node>,
  [first = '', ...rest]: readonly string[],
  key: string,
  node: Node,
): void {
  if (first === '')
    throw new Error(`the key ${JSON.stringify(key)} has an empty part: a dot stands between two names`);
  const known = fields.get(first);
  if (rest.length === 0) {
    if (known !== undefined) throw new Error(`the key ${JSON.stringify(key)} is given twice`);
    fields.set(first, node);
    return;
  }
  if (known !== undefined && known.kind !== 'object')
    throw new Error(`the key ${JSON.stringify(key)} goes below ${JSON.stringify(first)}, which is no object`);
  const below = known === undefined ? new Map<string, Node>() : (known.fields as Map<string, Node>);
  if (known === undefined) fields.set(first, { kind: 'object', fields: below });
  place(below, rest, key, node);
}

function textNode(text: string, { names, uses }: Reading): Node {
  const parts: (string | { name: string; isOptional: boolean })[] = [];
  for (const [whole, brace, name, mark] of text.matchAll(/(\{\{|\}\})|\{([^{}]*?)(\??)\}|[^{}]+|[{}]/g)) {
    if (brace !== undefined) parts.push(brace[0] as string);
    else if (name === undefined) {
      if (whole === '{' || whole === '}')
        throw new Error(`the text ${JSON.stringify(text)} has a single brace: write {{ or }} for a brace`);
      parts.push(whole);
    } else {
      if (!names.includes(name))
        throw new Error(
          `{${name}} is no value of a state: there are ${names.map((each) => `{${each}}`).join(', ')}`,
        );
      uses.add(name);
      parts.push({ name, isOptional: mark === '?' });
    }
  }
  const [only] = parts;
  if (parts.length === 1 && typeof only === 'object') return { kind: 'value', ...only };
  if (parts.every((part) => typeof part === 'string')) return { kind: 'constant', value: parts.join('') };
  return { kind: 'text', parts };
}

/** The JSON value of a node; undefined if it is left out. */
function filled(node: Node, values: Readonly<Record<string, JsonValue>>): unknown {
  switch (node.kind) {
    case 'constant':
      return node.value;
    case 'value': {
      const value = values[node.name] ?? null;
      return value === null && node.isOptional ? undefined : value;
    }
    case 'text':
      return node.parts
        .map((part) => (typeof part === 'string' ? part : textOf(values[part.name] ?? '')))
        .join('');
    case 'list':
      return node.items.map((item) => filled(item, values)).filter((item) => item !== undefined);
    case 'object': {
      const made: [string, unknown][] = [];
      for (const [key, field] of node.fields) {
        const value = filled(field, values);
        if (value !== undefined) made.push([key, value]);
      }
      return Object.fromEntries(made);
    }
  }
}

function textOf(value: JsonValue): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
