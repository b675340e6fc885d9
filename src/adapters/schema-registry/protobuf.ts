import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';
import protojson from 'protobufjs/ext/protojson.js';
import type { CompiledSchema, SchemaReference } from './compiled.ts';

// The declarations lack its parameter.
(protojson.install as (library: typeof protobuf) => void)(protobuf);

/*
 * Protobuf behind a schema registry's prefix, in the JSON form of Protobuf (https://protobuf.dev/programming-guides/json):
 * names in camel case, enums by name, 64-bit numbers as texts, Timestamp by RFC 3339, and no fields that are not set.
 */

/**
 * Compiles a .proto file. `references` are the files that it imports, and those that they import. Each is a text, or, as the
 * clients of some languages register it, the file's descriptor in base64. Throws an Error that says what is wrong with it.
 */
export function compileProtobuf(schema: string, references: readonly SchemaReference[]): CompiledSchema {
  const root = new protobuf.Root();
  const imported = new Set<string>();
  const addImports = (names: readonly string[]) => {
    for (const name of names) {
      if (imported.has(name)) continue;
      imported.add(name);
      const known = protobuf.common.get(name);
      const given = references.find((reference) => reference.name === name);
      if (known?.nested !== undefined) root.addJSON(known.nested);
      else if (given !== undefined) addImports(addFile(given.schema, root).imports);
      else throw new Error(`it imports ${name}, which is not among its references`);
    }
  };
  const main = messagesOf(schema);
  addImports(addFile(schema, root).imports);
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

interface File {
  readonly package: string | undefined;
  readonly imports: readonly string[];
}

/** Adds what a file declares. */
function addFile(schema: string, root: protobuf.Root): File {
  const text = schema.trim();
  if (!BASE64.test(text)) {
    const { package: name, imports = [] } = protobuf.parse(text, root);
    return { package: name ?? undefined, imports };
  }
  return addDescriptor(Buffer.from(text, 'base64'), root);
}

/** No .proto file is without a blank and a semicolon. */
const BASE64 = /^[A-Za-z0-9+/\r\n]+={0,2}$/;
/** The numbers of https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/descriptor.proto. */
const EDITIONS: Readonly<Record<number, string>> = { 1000: '2023', 1001: '2024' };

/** Adds what a file declares by its descriptor. What it imports need not be there yet. */
function addDescriptor(bytes: Uint8Array, root: protobuf.Root): File {
  const file = descriptor.FileDescriptorProto.decode(bytes) as unknown as descriptor.IFileDescriptorProto;
  const { package: name = '', syntax = 'proto2', dependency = [], messageType = [], enumType = [] } = file;
  const edition = syntax === 'editions' ? EDITIONS[Number(file.edition)] : syntax;
  if (edition === undefined) throw new Error(`it is of the unknown edition ${file.edition}`);
  const place = name === '' ? root : root.define(name);
  for (const each of messageType) place.add(protobuf.Type.fromDescriptor(each, edition));
  for (const each of enumType) place.add(protobuf.Enum.fromDescriptor(each, edition));
  return { package: name === '' ? undefined : name, imports: dependency };
}

/** A message of the file, by its full name, with the messages within it, in the sequence of the text. */
interface Declared {
  readonly name: string;
  readonly within: readonly Declared[];
}

/** The messages that the file declares itself: the prefix names one of them by its place. */
function messagesOf(schema: string): readonly Declared[] {
  const root = new protobuf.Root();
  const { package: name } = addFile(schema, root);
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
 * varint. A single zero stands for the first message. Older clients write plain varints, and some leave the place out and mean
 * the first message. All can be told apart: no field of a message has a tag below 8, a zigzag number of up to three indexes
 * is 0, 2, 4 or 6, and a plain one is read if it is odd. Two indexes as plain varints would mean one index in zigzag.
 */
function messageIndexes(payload: Buffer): { indexes: readonly number[]; start: number } {
  const reader = new protobuf.Reader(payload);
  const first = payload[0] ?? 0;
  if (first > 2 * MAX_INDEXES) return { indexes: [0], start: 0 };
  const isPlain = first % 2 === 1;
  const next = () => (isPlain ? reader.uint32() : reader.sint32());
  const count = next();
  if (count === 0) return { indexes: [0], start: reader.pos };
  if (count > MAX_INDEXES) throw new Error('the bytes name no message of the file');
  const indexes = Array.from({ length: count }, next);
  return { indexes, start: reader.pos };
}
