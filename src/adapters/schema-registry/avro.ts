import avro from 'avsc';
import type { CompiledSchema } from './compiled.ts';
import { decimalOf, momentOf } from './logical-values.ts';

/*
 * Avro 1.11. Longs are bigints, so that no digit is lost. Logical types become texts: times by RFC 3339, dates, and decimals
 * with all their digits.
 */

const LONG = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (left: bigint, right: bigint) => (left < right ? -1 : left > right ? 1 : 0),
});

/** A logical type that is only read. */
function readAs(toText: (value: never, schema: { readonly scale?: number }) => unknown) {
  return class extends avro.types.LogicalType {
    readonly #schema: { readonly scale?: number };

    constructor(schema: avro.Schema, options?: object) {
      super(schema as never, options as never);
      this.#schema = schema as { readonly scale?: number };
    }

    protected override _fromValue(value: unknown): unknown {
      return toText(value as never, this.#schema);
    }

    protected override _toValue(): undefined {
      return undefined;
    }

    protected override _resolve(): undefined {
      return undefined;
    }
  };
}

const LOGICAL_TYPES = {
  'timestamp-millis': readAs((value: bigint) => momentOf(value, 3, 'Z')),
  'timestamp-micros': readAs((value: bigint) => momentOf(value, 6, 'Z')),
  'timestamp-nanos': readAs((value: bigint) => momentOf(value, 9, 'Z')),
  'local-timestamp-millis': readAs((value: bigint) => momentOf(value, 3, '')),
  'local-timestamp-micros': readAs((value: bigint) => momentOf(value, 6, '')),
  'local-timestamp-nanos': readAs((value: bigint) => momentOf(value, 9, '')),
  date: readAs((value: number) => momentOf(BigInt(value) * 86_400n, 0, '').slice(0, 10)),
  decimal: readAs((value: Buffer, { scale }) => decimalOf(value, scale ?? 0)),
};

/**
 * Compiles an Avro schema. `references` are the schemas that it names, those without references first. Throws an Error that
 * says what is wrong with it.
 */
export function compileAvro(schema: string, references: readonly string[]): CompiledSchema {
  const options = {
    registry: { long: LONG } as never,
    logicalTypes: LOGICAL_TYPES as never,
    typeHook: longHook() as never,
  } as Partial<avro.ForSchemaOptions> as avro.ForSchemaOptions;
  const stand = standIn([schema, ...references]);
  for (const reference of references) avro.Type.forSchema(parsed(reference, stand), options);
  const type = avro.Type.forSchema(parsed(schema, stand), options);
  refuseEmptyItems(type, new Set());
  const title = type.name === undefined ? 'Avro' : `Avro ${type.name}`;
  return {
    title,
    read: (payload) => ({ value: jsonValue(type.fromBuffer(payload), stand), hasTextNumbers: false }),
  };
}

/** The name that stands for a field `__proto__` while avsc reads: it assigns fields to an object, and would lose that one. */
function standIn(schemas: readonly string[]): string {
  let name = '__proto___';
  while (schemas.some((schema) => schema.includes(name))) name += '_';
  return name;
}

/**
 * Gives every long its bigint. avsc looks a type up by its name alone, not where the name stands in an object, as it does
 * under each logical type. It asks for that object twice: for the logical type, and for the long under it.
 */
function longHook(): (schema: unknown) => avro.Type | undefined {
  const seen = new WeakSet<object>();
  return (schema) => {
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return undefined;
    const { type, logicalType } = schema as { readonly type?: unknown; readonly logicalType?: string };
    if (type !== 'long') return undefined;
    if (logicalType === undefined || !Object.hasOwn(LOGICAL_TYPES, logicalType) || seen.has(schema))
      return LONG;
    seen.add(schema);
    return undefined;
  };
}

function parsed(schema: string, stand: string): avro.Schema {
  const text = schema.trim();
  // A schema may be the name of a primitive type alone.
  if (/^[a-z]+$/.test(text)) return text as avro.Schema;
  return JSON.parse(text, (key, value: unknown) =>
    key === 'name' && value === '__proto__' ? stand : value,
  ) as avro.Schema;
}

/**
 * Refuses arrays whose items have no bytes. A few bytes of such a value can stand for an array of 2^60 items, which nobody can
 * read to its end.
 */
function refuseEmptyItems(type: avro.Type, seen: Set<avro.Type>): void {
  if (seen.has(type)) return;
  seen.add(type);
  for (const part of partsOf(type)) refuseEmptyItems(part, seen);
  if (type instanceof avro.types.ArrayType && !needsBytes(type.itemsType, new Set()))
    throw new Error('it has an array whose items take no bytes');
}

function partsOf(type: avro.Type): avro.Type[] {
  if (type instanceof avro.types.ArrayType) return [type.itemsType];
  if (type instanceof avro.types.MapType) return [type.valuesType];
  if (type instanceof avro.types.RecordType) return type.fields.map((field) => field.type);
  if (type instanceof avro.types.UnwrappedUnionType || type instanceof avro.types.WrappedUnionType)
    return [...type.types];
  return type instanceof avro.types.LogicalType ? [type.underlyingType] : [];
}

/** Whether each value of the type takes a byte or more. A record within itself adds nothing to that. */
function needsBytes(type: avro.Type, within: Set<avro.Type>): boolean {
  if (type instanceof avro.types.LogicalType) return needsBytes(type.underlyingType, within);
  if (type instanceof avro.types.NullType) return false;
  if (type instanceof avro.types.FixedType) return type.size > 0;
  if (!(type instanceof avro.types.RecordType)) return true;
  if (within.has(type)) return true;
  return type.fields.some((field) => needsBytes(field.type, new Set([...within, type])));
}

/** The deepest nesting. A schema may contain itself, and the bytes then say how deep it goes. */
const MAX_DEPTH = 128;

/** Turns what avsc has read into plain values: bytes become base64, and a union's value stands without its branch. */
function jsonValue(value: unknown, stand: string, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new Error('its value is nested too deeply');
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map((item) => jsonValue(item, stand, depth + 1));
  const unwrap = (value as { unwrap?: unknown }).unwrap;
  if (typeof unwrap === 'function' && value.constructor.name === 'Branch$')
    return jsonValue((unwrap as () => unknown).call(value), stand, depth + 1);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name === stand ? '__proto__' : name,
      jsonValue(member, stand, depth + 1),
    ]),
  );
}
