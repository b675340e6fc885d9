import { PAGE_ROWS_MAX } from '../../shared/http/paging.ts';

/** An empty filter means all dead letters, but the caller has to give it. */
export const REDRIVE_SCHEMA = {
  type: 'object',
  required: ['filter'],
  additionalProperties: false,
  properties: {
    filter: { type: 'object', additionalProperties: { type: ['string', 'integer'] } },
    dryRun: { type: 'boolean' },
    requestedBy: { type: 'string', minLength: 1, maxLength: 255 },
    reason: { type: 'string', maxLength: 1000 },
  },
} as const;

/** The body of a request that decides something. The decision is recorded with its reason. */
export const CANCEL_SCHEMA = {
  type: 'object',
  required: ['reason'],
  additionalProperties: false,
  properties: { reason: { type: 'string', minLength: 1, maxLength: 1000 } },
} as const;

export const PAGE_QUERY_SCHEMA = {
  type: 'object',
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: PAGE_ROWS_MAX },
    after: { type: 'string', description: 'The `next` of the page before.' },
  },
} as const;

const PAGE_SCHEMA = {
  type: 'object',
  required: ['next', 'hasMore'],
  properties: { next: { type: ['string', 'null'] }, hasMore: { type: 'boolean' } },
} as const;

/** The answer of a list whose rows have this schema. */
export function pageSchemaOf<Item extends object>(item: Item, description: string) {
  return {
    description,
    type: 'object',
    required: ['data', 'page'],
    properties: { data: { type: 'array', items: item }, page: PAGE_SCHEMA },
  } as const;
}

const MOMENT = { type: 'string', description: 'By RFC 3339, in UTC.' } as const;

/** Further members belong to the kind of the job. */
export const JOB_SCHEMA = {
  description: 'The job.',
  type: 'object',
  required: ['id', 'kind', 'state', 'dryRun', 'progress', 'requestedBy', 'reason', 'createdAt', 'updatedAt'],
  properties: {
    id: { type: 'string' },
    kind: { type: 'string', enum: ['redrive', 'quarantine_redrive', 'verify', 'rebuild'] },
    state: { type: 'string', enum: ['waiting', 'running', 'done', 'cancelled'] },
    dryRun: { type: 'boolean', description: 'The job only counts, and changes nothing.' },
    progress: { type: 'object', additionalProperties: true },
    requestedBy: { type: 'string' },
    reason: { type: 'string' },
    createdAt: MOMENT,
    updatedAt: MOMENT,
    finishedAt: { type: ['string', 'null'] },
  },
  additionalProperties: true,
} as const;

export const JOB_PAGE_SCHEMA = pageSchemaOf(JOB_SCHEMA, 'The jobs.');

export const AUDIT_PAGE_SCHEMA = pageSchemaOf(
  {
    type: 'object',
    required: ['id', 'action', 'subject', 'details', 'decidedBy', 'reason', 'decidedAt'],
    properties: {
      id: { type: 'string' },
      action: { type: 'string' },
      subject: { type: 'string' },
      details: { type: 'object', additionalProperties: true },
      decidedBy: { type: 'string' },
      reason: { type: 'string' },
      decidedAt: MOMENT,
    },
  },
  'The decisions.',
);

const QUARANTINED = {
  topic: { type: 'string' },
  partition: { type: 'integer' },
  offset: { type: 'string' },
  reason: { type: 'string' },
  detail: { type: 'string' },
  quarantinedAt: MOMENT,
  valueLength: { type: 'integer' },
  valueHash: { type: 'string', description: 'SHA-256 of the whole value.' },
  settled: {
    type: ['object', 'null'],
    description: 'What became of the record; null while it is open.',
    properties: {
      as: { type: 'string', enum: ['redriven', 'discarded'] },
      by: { type: 'string' },
      reason: { type: 'string' },
      at: MOMENT,
    },
  },
} as const;

export const QUARANTINE_PAGE_SCHEMA = pageSchemaOf(
  { type: 'object', properties: QUARANTINED },
  'The records, without their content.',
);

const BYTES = {
  type: ['object', 'null'],
  properties: {
    base64: { type: 'string' },
    text: { type: ['string', 'null'], description: 'Null if the bytes are not UTF-8.' },
  },
} as const;

export const SHOWN_RECORDS_SCHEMA = {
  description: 'The records with their content.',
  type: 'object',
  required: ['data'],
  properties: {
    data: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          ...QUARANTINED,
          isWhole: { type: 'boolean', description: 'False if only the first bytes were kept.' },
          key: BYTES,
          value: BYTES,
          headers: {
            type: ['array', 'null'],
            items: { type: 'object', properties: { name: {}, value: BYTES } },
          },
          today: { type: 'object', additionalProperties: true },
        },
      },
    },
  },
} as const;

const QUARANTINE_FILTER = {
  topic: { type: 'string' },
  reason: { type: 'string', description: 'A word of docs/quarantine.md, as in json_invalid.' },
  partition: { type: ['integer', 'string'] },
  fromOffset: { type: ['integer', 'string'], description: 'At this offset or behind it.' },
  beforeOffset: { type: ['integer', 'string'], description: 'Before this offset.' },
  since: { type: 'string', description: 'Put into quarantine at this moment (RFC 3339) or later.' },
  before: { type: 'string', description: 'Put into quarantine before this moment.' },
} as const;

export const QUARANTINE_QUERY_SCHEMA = {
  type: 'object',
  properties: {
    ...PAGE_QUERY_SCHEMA.properties,
    ...QUARANTINE_FILTER,
    state: { type: 'string', enum: ['open', 'settled', 'all'], description: 'Default: open.' },
  },
} as const;

/** Either records by name or a filter. An empty filter means all open records, but the caller has to give it. */
const SELECTION = {
  records: {
    type: 'array',
    minItems: 1,
    maxItems: 1000,
    items: { type: 'string', description: 'topic/partition/offset' },
  },
  filter: { type: 'object', additionalProperties: { type: ['string', 'integer'] } },
} as const;

export const QUARANTINE_REDRIVE_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...SELECTION,
    dryRun: { type: 'boolean' },
    requestedBy: { type: 'string', minLength: 1, maxLength: 255 },
    reason: { type: 'string', maxLength: 1000 },
  },
} as const;

export const DISCARD_SCHEMA = {
  type: 'object',
  required: ['reason'],
  additionalProperties: false,
  properties: { ...SELECTION, reason: { type: 'string', minLength: 1, maxLength: 1000 } },
} as const;

export const DISCARDED_SCHEMA = {
  description: 'The number of records that this request has settled.',
  type: 'object',
  required: ['discarded', 'hasMore'],
  properties: {
    discarded: { type: 'integer' },
    hasMore: { type: 'boolean', description: 'Whether others may match: then send the request again.' },
  },
} as const;
