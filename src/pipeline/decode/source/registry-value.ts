import type { LogRecord } from '../../../ports/event-log.ts';
import type { ValueSchemas } from '../../../ports/value-schemas.ts';
import { asBuffer } from '../bytes.ts';
import { registryFrame, registryPayloadStart } from '../forms/encodings.ts';
import { schemaInHeaders } from '../forms/schema-headers.ts';
import { Rejection } from '../reasons.ts';

/** A value of a schema registry's serializer, as JSON. */
export interface RegistryValue {
  readonly json: Buffer;
  /** Whether 64-bit numbers are texts in it, as the JSON form of Protobuf has them. */
  readonly hasTextNumbers: boolean;
}

type Part = 'key' | 'value';

/** The schema that a header or a prefix names, and where the bytes of the schema begin. Null if neither does. */
export function schemaOf(
  { headers }: Pick<LogRecord, 'headers'>,
  part: Part,
  bytes: Buffer,
): { readonly schema: string; readonly start: number } | null {
  const inHeader = schemaInHeaders(headers, part);
  // Serializers that name the schema in a header may write JSON all the same.
  if (inHeader !== null) return startsJson(bytes) ? null : { schema: inHeader.schema, start: 0 };
  return registryFrame(bytes);
}

/**
 * Reads a value of a schema registry's serializer: by the schema that a header or its prefix names, or as JSON behind a prefix
 * if there are no schemas. Null if nothing names a schema, or nobody knows what the bytes are. No JSON begins like a prefix.
 */
export function registryValue(
  record: Pick<LogRecord, 'headers'>,
  value: Buffer,
  schemas: ValueSchemas | null,
): RegistryValue | Rejection | null {
  const named = schemas === null ? null : schemaOf(record, 'value', value);
  if (schemas !== null && named !== null) {
    const read = schemas.read(named.schema, value.subarray(named.start));
    if (read.kind === 'no_schema') return new Rejection('schema_unknown', read.detail);
    if (read.kind === 'mismatch') return new Rejection('schema_mismatch', read.detail);
    return read;
  }
  const start = registryPayloadStart(value);
  return start === null ? null : { json: value.subarray(start), hasTextNumbers: false };
}

/** The names of the schemas of these records' values, and of their keys if those are asked for. */
export function schemasOf(records: readonly LogRecord[], withKeys: boolean): Set<string> {
  const names = new Set<string>();
  const add = (record: LogRecord, part: Part) => {
    const bytes = record[part];
    const named = bytes === null ? null : schemaOf(record, part, asBuffer(bytes));
    if (named !== null) names.add(named.schema);
  };
  for (const record of records) {
    add(record, 'value');
    if (withKeys) add(record, 'key');
  }
  return names;
}

function startsJson(bytes: Buffer): boolean {
  return bytes[0] === 0x7b;
}
