import type { LoggedHeader } from '../../../ports/event-log.ts';
import { asBuffer } from '../bytes.ts';
import { Rejection } from '../reasons.ts';
import { registryFrame } from './encodings.ts';

/** A schema that a header names. */
export interface NamedInHeader {
  readonly header: string;
  /** A name as `ValueSchemas` knows it. */
  readonly schema: string;
}

/**
 * The schema that a header names for the key or the value: those of Apicurio's serializers with the id in 8 bytes, and that of
 * Confluent's with the bytes that would otherwise stand before the value. Null without one.
 */
export function schemaInHeaders(
  headers: readonly LoggedHeader[],
  part: 'key' | 'value',
): NamedInHeader | null {
  for (const [name, value] of headers) {
    if (typeof name !== 'string' || value === null) continue;
    const bytes = asBuffer(value);
    if (name === `apicurio.${part}.contentId` && bytes.length === 8)
      return { header: name, schema: String(bytes.readBigUInt64BE()) };
    if (name === `apicurio.${part}.globalId` && bytes.length === 8)
      return { header: name, schema: `global-${bytes.readBigUInt64BE()}` };
    if (name === `__${part}_schema_id`) {
      // The payload that a prefix needs stands elsewhere.
      const frame = registryFrame(Buffer.concat([bytes, Buffer.alloc(1)]));
      if (frame !== null && frame.start === bytes.length) return { header: name, schema: frame.schema };
    }
  }
  return null;
}

/** The refusal of a value that is no JSON and whose schema a header names; null if none does. */
export function schemaRefusal(headers: readonly LoggedHeader[]): Rejection | null {
  const named = schemaInHeaders(headers, 'value');
  if (named === null) return null;
  return new Rejection(
    'schema_registry_prefix',
    `The header ${named.header} names a schema of a registry; the value is no JSON, so probably Avro or Protobuf.`,
  );
}
