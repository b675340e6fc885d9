import { API_SCOPES } from '../../shared/http/api-keys.ts';

/** JSON Schemas of what a caller may do, and of the settings of the instance. */

const TEXT = { type: 'string' } as const;

export const ACCESS_SCHEMA = {
  description: 'What the caller may do.',
  type: 'object',
  required: ['keyNeeded', 'keyName', 'scopes', 'tryIt'],
  properties: {
    keyNeeded: { type: 'boolean', description: 'Whether the routes ask for a key.' },
    keyName: { type: ['string', 'null'], description: "The name of the caller's key; null without one." },
    scopes: {
      type: 'array',
      items: { type: 'string', enum: API_SCOPES['order-sync'] },
      description: '`read` is for looking at everything, `operate` for all that changes something.',
    },
    tryIt: { type: 'boolean', description: 'Whether POST /api/v1/try publishes events (ORDER_SYNC_TRY).' },
  },
} as const;

export const SETTINGS_SCHEMA = {
  description: 'The program, and its settings as "order-sync config show" lists them.',
  type: 'object',
  required: ['program', 'version', 'node', 'commit', 'entries'],
  properties: {
    program: { const: 'order-sync' },
    version: TEXT,
    node: { type: 'string', description: 'The version of Node that runs it.' },
    commit: {
      type: ['string', 'null'],
      description: 'The commit of the checkout that it runs from, if any.',
    },
    entries: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'value', 'source', 'from', 'help'],
        properties: {
          name: TEXT,
          value: { type: 'string', description: 'The value; secrets are masked.' },
          source: { type: 'string', enum: ['flag', 'env', 'file', 'default'] },
          from: { type: 'string', description: 'The flag, variable or file that gave it, or the default.' },
          help: TEXT,
        },
      },
    },
  },
} as const;
