import { PAGE_QUERY, pageSchemaOf } from '../../shared/http/paging.ts';
import { FILTER_STATUSES } from '../delivery-filter.ts';

/** JSON Schemas of requests and answers. The OpenAPI document is made of these. */

/** A moment by RFC 3339. */
export const MOMENT = { type: 'string', format: 'date-time' } as const;
export const MOMENT_OR_NULL = { type: ['string', 'null'], format: 'date-time' } as const;
export const COUNT = { type: 'integer', minimum: 0 } as const;
const NUMBER_OR_NULL = { type: ['integer', 'null'] } as const;
const TEXT_OR_NULL = { type: ['string', 'null'] } as const;

const FILTERS = {
  target: { type: 'string', description: 'The name of the target.' },
  entityId: { type: 'string', description: 'The order id.' },
  lastStatus: { type: 'integer', description: 'The status of the last answer.' },
  error: { type: 'string', description: 'The beginning of the last error.' },
  dueSince: { ...MOMENT, description: 'Only what became due at this moment or later.' },
  dueBefore: { ...MOMENT, description: 'Only what became due before this moment.' },
} as const;

export const DEAD_LETTERS_QUERY = {
  type: 'object',
  properties: { ...PAGE_QUERY.properties, ...FILTERS, status: { const: 'dead' } },
} as const;

export const DELIVERIES_QUERY = {
  type: 'object',
  properties: {
    ...PAGE_QUERY.properties,
    ...FILTERS,
    status: { type: 'string', enum: FILTER_STATUSES },
  },
} as const;

export const DELIVERY = {
  type: 'object',
  required: [
    'target',
    'entityId',
    'status',
    'dueVersion',
    'deliveredVersion',
    'attempts',
    'dueSince',
    'nextAttemptAt',
    'lastStatus',
    'lastError',
    'lastAnswer',
  ],
  properties: {
    target: { type: 'string' },
    entityId: { type: 'string' },
    status: { type: 'string', enum: FILTER_STATUSES },
    dueVersion: { type: 'integer', description: 'The version that became due last.' },
    deliveredVersion: {
      ...NUMBER_OR_NULL,
      description: 'The version that the target accepted last; null if it never accepted one.',
    },
    attempts: { ...COUNT, description: 'The attempts at the due version that are counted.' },
    dueSince: MOMENT,
    nextAttemptAt: {
      ...MOMENT_OR_NULL,
      description: 'When it may be tried next; null if there is nothing to do.',
    },
    lastStatus: { ...NUMBER_OR_NULL, description: 'The status of the last answer.' },
    lastError: TEXT_OR_NULL,
    lastAnswer: {
      ...TEXT_OR_NULL,
      description: 'The first bytes of what the target answered last, if the delivery is dead; else null.',
    },
  },
} as const;

const ATTEMPT = {
  type: 'object',
  required: [
    'version',
    'attempt',
    'counted',
    'deliveryId',
    'verdict',
    'status',
    'latencyMs',
    'answer',
    'error',
    'attemptedAt',
  ],
  properties: {
    version: { type: 'integer' },
    attempt: {
      type: 'integer',
      description: 'Its number, from 1. The attempt after one that does not count has the same number.',
    },
    counted: {
      type: 'boolean',
      description:
        'Whether it counts towards the most attempts. It does not if the target seemed to be the cause, and not this state.',
    },
    deliveryId: { type: 'string' },
    verdict: {
      type: 'string',
      description:
        'delivered; retry: it failed, and may work later; throttle: the target asks for fewer requests; park: the target refused this state; disable: the target wants no more deliveries; unknown: the state may arrive later.',
    },
    status: { ...NUMBER_OR_NULL, description: 'The status of the answer; null if there was none.' },
    latencyMs: { type: 'number' },
    answer: { type: 'string', description: 'The first bytes of the answer.' },
    error: TEXT_OR_NULL,
    attemptedAt: MOMENT,
  },
} as const;

export const DELIVERIES_SCHEMA = pageSchemaOf(
  DELIVERY,
  "Deliveries, sorted by the bytes of the targets' names and of the order ids. With filters a page may be short or empty while more deliveries follow.",
);

export const DELIVERY_SCHEMA = {
  ...DELIVERY,
  description: 'The delivery, and its latest attempts, the last one first.',
  required: [...DELIVERY.required, 'attemptLog'],
  properties: { ...DELIVERY.properties, attemptLog: { type: 'array', items: ATTEMPT } },
} as const;

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
  keyText: {
    ...TEXT_OR_NULL,
    description:
      'The key, which is mostly the order id. Null if there is none, if it is not UTF-8, or if it has more than 255 bytes.',
  },
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
  'The records, without their content except for short keys.',
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
    ...PAGE_QUERY.properties,
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

export const ACCEPTED_JOB_SCHEMA = {
  ...JOB_SCHEMA,
  description: 'The job is in the store, and is worked off by one of the instances.',
  headers: { location: { description: 'The path of the job.', schema: { type: 'string' } } },
} as const;

/** The parts are described in docs/operations.md; their members grow with the program. */
export const PIPELINE_SCHEMA = {
  description: 'What this instance does now, and its counts since its start. Offsets are texts.',
  type: 'object',
  required: ['ingest', 'deliveries', 'sweeps', 'refused', 'verification', 'defects'],
  properties: {
    ingest: {
      type: ['object', 'null'],
      additionalProperties: true,
      description: 'The reading of the log; null while the log or the store does not answer.',
    },
    deliveries: { type: 'object', additionalProperties: true, description: 'By target.' },
    sweeps: { type: 'object', additionalProperties: true, description: 'By target.' },
    refused: {
      type: ['object', 'null'],
      additionalProperties: true,
      description: 'The refused records and dead deliveries in the store; null before they are counted.',
    },
    verification: {
      type: 'object',
      additionalProperties: true,
      description: 'The comparison of view and journal.',
    },
    defects: { type: 'object', additionalProperties: true },
  },
  additionalProperties: true,
} as const;

/** The body of a request that exchanges the view. */
export const REBUILD_SWITCH_SCHEMA = {
  ...CANCEL_SCHEMA,
  properties: { ...CANCEL_SCHEMA.properties, keepOld: { type: 'boolean' } },
} as const;

export const REBUILD_SCHEMA = {
  description: 'The view, and its rebuild.',
  type: 'object',
  required: ['phase', 'foldVersion', 'awaitedFoldVersion', 'rebuild'],
  properties: {
    phase: { type: 'string', enum: ['steady', 'switching', 'settling'] },
    foldVersion: { type: 'integer', description: 'The fold by which the rows were made.' },
    awaitedFoldVersion: {
      type: ['integer', 'null'],
      description: 'The fold of a program that journals events without writing rows, until a rebuild.',
    },
    rebuild: { type: ['object', 'null'], additionalProperties: true },
  },
} as const;
