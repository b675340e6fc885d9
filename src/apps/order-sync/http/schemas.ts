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

const DELIVERY = {
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
  },
} as const;

const ATTEMPT = {
  type: 'object',
  required: [
    'version',
    'attempt',
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
    attempt: { type: 'integer' },
    deliveryId: { type: 'string' },
    verdict: { type: 'string' },
    status: { ...NUMBER_OR_NULL, description: 'The status of the answer; null if there was none.' },
    latencyMs: { type: 'number' },
    answer: { type: 'string', description: 'The first bytes of the answer.' },
    error: TEXT_OR_NULL,
    attemptedAt: MOMENT,
  },
} as const;

export const DELIVERIES_SCHEMA = pageSchemaOf(
  "Deliveries, sorted by the bytes of the targets' names and of the order ids. With filters a page may be short or empty while more deliveries follow.",
  DELIVERY,
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
  },
} as const;

const JOB = {
  type: 'object',
  required: [
    'id',
    'kind',
    'state',
    'dryRun',
    'filter',
    'requestedBy',
    'createdAt',
    'updatedAt',
    'finishedAt',
  ],
  properties: {
    id: { type: 'string' },
    kind: { type: 'string' },
    state: { type: 'string' },
    dryRun: { type: 'boolean' },
    filter: {
      type: ['object', 'null'],
      additionalProperties: true,
      description: 'What the job selects; null if it was altered so that it cannot be read.',
    },
    matched: COUNT,
    redriven: COUNT,
    requestedBy: { type: 'string' },
    createdAt: MOMENT,
    updatedAt: MOMENT,
    finishedAt: MOMENT_OR_NULL,
  },
} as const;

export const JOB_SCHEMA = { ...JOB, description: 'The job as it is now.' } as const;

export const ACCEPTED_JOB_SCHEMA = {
  ...JOB,
  description: 'The job is in the store, and is worked off by one of the instances.',
  headers: { location: { description: 'The path of the job.', schema: { type: 'string' } } },
} as const;

export const JOBS_SCHEMA = pageSchemaOf('Jobs, the newest first.', JOB);

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
