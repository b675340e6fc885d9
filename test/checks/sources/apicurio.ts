import type { SchemaRegistry } from '../../services/registry.ts';

/**
 * Where Apicurio's converter writes which id of the schema: in a header the content id, as Debezium's documentation sets it,
 * or the global id, as the converter does by itself; in front of the value as Confluent's serializers, or in 8 bytes.
 */
export type WhereIds = 'content id in header' | 'global id in header' | 'confluent' | '8 bytes';

const SETTINGS: Readonly<Record<WhereIds, Readonly<Record<string, string>>>> = {
  'content id in header': { 'as-confluent': 'true', 'use-id': 'contentId' },
  'global id in header': {},
  confluent: { 'headers.enabled': 'false', 'as-confluent': 'true', 'use-id': 'contentId' },
  '8 bytes': { 'headers.enabled': 'false' },
};

/** What inspect says of Avro records. */
export const AVRO_FORMS: Readonly<Record<WhereIds, RegExp>> = {
  'content id in header': /The header apicurio\.value\.contentId names a schema/,
  'global id in header': /The header apicurio\.value\.globalId names a schema/,
  confluent: /a schema registry's prefix, schema \d+; .* no JSON, so probably Avro or Protobuf/,
  '8 bytes': /a schema registry's prefix, schema \d+ in 8 bytes; .* no JSON, so probably Avro or Protobuf/,
};

/** The settings of a connector whose keys and values Apicurio's converter writes in Avro. */
export function apicurioConverters(where: WhereIds, { apicurioUrl }: SchemaRegistry): Record<string, string> {
  const converter = (kind: 'key' | 'value') => {
    const settings = Object.entries({
      // The converter of Apicurio 2 speaks the second version of the API, which Apicurio 3 answers too.
      url: apicurioUrl.replace('/v3', '/v2'),
      'auto-register': 'true',
      ...SETTINGS[where],
    });
    const named = settings.map(([name, value]) => [`${kind}.converter.apicurio.registry.${name}`, value]);
    return [[`${kind}.converter`, 'io.apicurio.registry.utils.converter.AvroConverter'], ...named];
  };
  return {
    ...Object.fromEntries([...converter('key'), ...converter('value')]),
    // Avro takes no names with hyphens, such as those of this check's topics.
    'schema.name.adjustment.mode': 'avro',
  };
}
