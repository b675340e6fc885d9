import protobuf from 'protobufjs';
import protojson from 'protobufjs/ext/protojson.js';
import type { CompiledSchema, SchemaReference } from './compiled.ts';

// The declarations lack its parameter.
(protojson.install as (library: typeof protobuf) => void)(protobuf);

/*
 * Protobuf behind a schema registry's prefix, in the JSON form of Protobuf (https://protobuf.dev/programming-guides/json):
 * names in camel case, enums by name, 64-bit numbers as texts, Timestamp by RFC 3339, and no fields that are not set.
 */

/**
 * Compiles a .proto file. `references` are the files that it imports, and those that they import. Throws an Error that says
 * what is wrong with it.
 */
export function compileProtobuf(schema: string, references: readonly SchemaReference[]): CompiledSchema {
  const root = new protobuf.Root();
  const imported = new Set<string>();
  const addImports = (names: readonly string[] | undefined) => {
    for (const name of names ?? []) {
      if (imported.has(name)) continue;
      imported.add(name);
      const known = protobuf.common.get(name);
      const given = references.find((reference) => reference.name === name);
      if (known?.nested !== undefined) root.addJSON(known.nested);
      else if (given !== undefined) addImports(protobuf.parse(given.schema, root).imports);
      else throw new Error(`it imports ${name}, which is not among its references`);
    }
  };
  const main = messagesOf(schema);
  const { imports } = protobuf.parse(schema, root);
  addImports(imports);
  root.resolveAll();
  return {
    title: 'Protobuf',
    read(payload) {
      const { indexes, start } = messageIndexes(payload);
      const path = pathOf(main, indexes);
      const type = root.lookupType(path);
      const message = type.decode(payload.subarray(start));
      return { value: type.toJson(message), hasTextNumbers: true };
    },
  };
}

/** A message of the file, by its full name, with the messages within it, in the sequence of the text. */
interface Declared {
  readonly name: string;
  readonly within: readonly Declared[];
}

/** The messages that the file declares itself: the prefix names one of them by its place. */
function messagesOf(schema: string): readonly Declared[] {
  const root = new protobuf.Root();
  const { package: name } = protobuf.parse(schema, root);
  const top = name === undefined ? root : root.lookup(name);
  const declared = (parent: protobuf.NamespaceBase): Declared[] =>
    parent.nestedArray
      .filter((nested): nested is protobuf.Type => nested instanceof protobuf.Type)
      .map((type) => ({ name: type.fullName, within: declared(type) }));
  return top instanceof protobuf.Namespace ? declared(top) : [];
}

function pathOf(declared: readonly Declared[], indexes: readonly number[]): string {
  let level = declared;
  let found: Declared | undefined;
  for (const index of indexes) {
    found = level[index];
    level = found?.within ?? [];
  }
  if (found === undefined) throw new Error(`the file has no message at the place ${indexes.join('.')}`);
  return found.name;
}

/** The most messages within each other that a prefix names. */
const MAX_INDEXES = 3;

/**
 * Reads the message's place in its file as Confluent's serializer writes it: the number of indexes and each index as a zigzag
 * varint. A single zero stands for the first message. Some serializers leave the place out and mean the first message. Both can be
 * told apart, because no field of a message has a tag below 8, and a place of up to three indexes begins with 0, 2, 4 or 6.
 */
function messageIndexes(payload: Buffer): { indexes: readonly number[]; start: number } {
  const reader = new protobuf.Reader(payload);
  if ((payload[0] ?? 0) > 2 * MAX_INDEXES) return { indexes: [0], start: 0 };
  const count = reader.sint32();
  if (count === 0) return { indexes: [0], start: reader.pos };
  if (count < 0) throw new Error('the bytes name no message of the file');
  const indexes = Array.from({ length: count }, () => reader.sint32());
  return { indexes, start: reader.pos };
}
