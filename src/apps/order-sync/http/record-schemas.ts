import { COUNT, MOMENT } from './schemas.ts';

/** JSON Schemas of a record of the log. */

const TEXT = { type: ['string', 'null'], description: 'Null if the bytes are not UTF-8.' } as const;

const BYTES_OR_NULL = {
  type: ['object', 'null'],
  required: ['base64', 'text'],
  properties: { base64: { type: 'string' }, text: TEXT },
} as const;

export const RECORD_SCHEMA = {
  description: 'The record, as the log has it.',
  type: 'object',
  required: [
    'topic',
    'partition',
    'offset',
    'timestamp',
    'key',
    'value',
    'valueLength',
    'headers',
    'truncated',
  ],
  properties: {
    topic: { type: 'string' },
    partition: COUNT,
    offset: { type: 'string', description: 'A whole number, as a text.' },
    timestamp: MOMENT,
    key: BYTES_OR_NULL,
    value: { ...BYTES_OR_NULL, description: 'The first 1 MiB of it; null for a record without a value.' },
    valueLength: { ...COUNT, description: 'The bytes of the whole value.' },
    headers: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'base64', 'text'],
        properties: {
          name: { type: 'string' },
          nameBase64: {
            type: 'string',
            description: 'Only of a name that is not UTF-8: name has replacement characters then.',
          },
          base64: { type: ['string', 'null'], description: 'Null for a header without a value.' },
          text: TEXT,
        },
      },
    },
    truncated: {
      type: 'boolean',
      description: 'Whether something is left out: of value, key and headers 1 MiB each is shown.',
    },
  },
} as const;
