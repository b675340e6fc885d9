import { ATTENTION_KINDS } from '../../../pipeline/status/attention.ts';
import { COUNT, MOMENT } from './schemas.ts';

/** JSON Schemas of the status. */

const OFFSET_OR_NULL = { type: ['string', 'null'], pattern: '^\\d+$' } as const;
const NUMBER_OR_NULL = { type: ['number', 'null'] } as const;
const TEXT_OR_NULL = { type: ['string', 'null'] } as const;

const HOLD = {
  type: ['string', 'null'],
  description: 'Who has paused it since when and why; null if it is not paused.',
} as const;

const BOUNDED_COUNT = {
  type: 'object',
  required: ['count', 'isMore'],
  properties: {
    count: COUNT,
    isMore: { type: 'boolean', description: 'Whether there are more than count.' },
  },
} as const;

const PART_STATE = {
  type: 'object',
  required: ['state'],
  properties: {
    state: { type: 'string', enum: ['ok', 'unreachable'] },
    code: { type: 'string' },
    reason: { type: 'string' },
  },
} as const;

const TRANSACTION = {
  type: ['object', 'null'],
  description: 'The open transaction behind which records wait; null if none does.',
  required: ['records', 'sinceSeconds', 'producerId', 'transactionalId'],
  properties: {
    records: COUNT,
    sinceSeconds: NUMBER_OR_NULL,
    producerId: TEXT_OR_NULL,
    transactionalId: TEXT_OR_NULL,
  },
} as const;

const PARTITION = {
  type: 'object',
  required: [
    'name',
    'topic',
    'partition',
    'nextOffset',
    'logStartOffset',
    'logEndOffset',
    'highWatermark',
    'lagMessages',
    'lagSeconds',
    'lagClock',
    'lagUnknown',
    'waitsForTransaction',
    'haltReason',
    'hold',
    'epoch',
    'isOwnedHere',
  ],
  properties: {
    name: { type: 'string' },
    topic: { type: 'string' },
    partition: { type: 'integer' },
    nextOffset: { ...OFFSET_OR_NULL, description: 'The next offset to be journaled; null if not begun.' },
    logStartOffset: OFFSET_OR_NULL,
    logEndOffset: { ...OFFSET_OR_NULL, description: 'The end of what a consumer gets.' },
    highWatermark: { ...OFFSET_OR_NULL, description: 'The end of the log, open transactions included.' },
    lagMessages: { type: ['integer', 'null'] },
    lagSeconds: { ...NUMBER_OR_NULL, description: 'The age of the oldest record that is not journaled.' },
    lagClock: {
      type: ['string', 'null'],
      enum: ['log_append', 'create', null],
      description: 'Who gave the time of that record: the log as it appended it, or its producer.',
    },
    lagUnknown: { ...TEXT_OR_NULL, description: 'Why the lag is not known; null if it is.' },
    waitsForTransaction: TRANSACTION,
    haltReason: TEXT_OR_NULL,
    hold: HOLD,
    epoch: OFFSET_OR_NULL,
    isOwnedHere: { type: ['boolean', 'null'] },
  },
} as const;

const OUTBOX = {
  type: 'object',
  required: [
    'target',
    'due',
    'first',
    'retries',
    'dead',
    'oldestAgeSeconds',
    'mayBeOlder',
    'lastFailure',
    'lastSweep',
    'hold',
  ],
  properties: {
    target: { type: 'string' },
    due: BOUNDED_COUNT,
    first: BOUNDED_COUNT,
    retries: BOUNDED_COUNT,
    dead: BOUNDED_COUNT,
    oldestAgeSeconds: { ...NUMBER_OR_NULL, description: 'Since when the longest waiting state is due.' },
    mayBeOlder: { type: 'boolean', description: 'Whether older states may wait among many retries.' },
    lastFailure: {
      type: ['object', 'null'],
      required: ['status', 'error'],
      properties: { status: { type: ['integer', 'null'] }, error: TEXT_OR_NULL },
    },
    lastSweep: { type: ['object', 'null'], additionalProperties: true },
    hold: HOLD,
  },
} as const;

const QUANTILES = {
  type: 'object',
  required: ['samples', 'p50Seconds', 'p95Seconds', 'p99Seconds'],
  properties: {
    samples: COUNT,
    p50Seconds: NUMBER_OR_NULL,
    p95Seconds: NUMBER_OR_NULL,
    p99Seconds: NUMBER_OR_NULL,
  },
} as const;

const INSTANCE = {
  type: ['object', 'null'],
  description: 'What the instance that answers tells of itself.',
  required: [
    'health',
    'owned',
    'waiting',
    'perSecond',
    'latency',
    'targets',
    'verification',
    'view',
    'defects',
  ],
  properties: {
    storeId: TEXT_OR_NULL,
    health: {
      type: 'object',
      required: ['ok', 'reason'],
      properties: { ok: { type: 'boolean' }, reason: TEXT_OR_NULL },
    },
    owned: { type: 'array', items: { type: 'string' } },
    waiting: { type: 'array', items: { type: 'object', additionalProperties: true } },
    perSecond: {
      type: 'object',
      required: ['last10Seconds', 'lastMinute'],
      properties: { last10Seconds: { type: 'number' }, lastMinute: { type: 'number' } },
    },
    latency: {
      type: 'object',
      required: ['journaled', 'delivered'],
      properties: { journaled: QUANTILES, delivered: QUANTILES },
    },
    targets: { type: 'object', additionalProperties: true },
    verification: { type: 'object', additionalProperties: true },
    view: {
      type: ['object', 'null'],
      additionalProperties: true,
      description: 'By which fold the rows were made; null before the store is migrated.',
    },
    defects: { type: 'object', additionalProperties: true },
  },
} as const;

export const STATUS_SCHEMA = {
  description: 'The status.',
  type: 'object',
  required: [
    'at',
    'verdict',
    'attention',
    'log',
    'store',
    'lag',
    'partitions',
    'outbox',
    'quarantine',
    'parked',
    'instance',
  ],
  properties: {
    at: MOMENT,
    verdict: { type: 'string', enum: ['ok', 'needs_attention', 'unreachable'] },
    attention: {
      type: 'array',
      description: 'What does not get right by itself, the most urgent first.',
      items: {
        type: 'object',
        required: ['kind', 'text', 'command'],
        properties: {
          kind: { type: 'string', enum: ATTENTION_KINDS },
          text: { type: 'string' },
          command: TEXT_OR_NULL,
        },
      },
    },
    log: PART_STATE,
    store: PART_STATE,
    lag: {
      type: 'object',
      required: ['seconds', 'messages'],
      properties: { seconds: NUMBER_OR_NULL, messages: { type: ['integer', 'null'] } },
    },
    partitions: { type: 'array', items: PARTITION },
    outbox: { type: 'array', items: OUTBOX },
    quarantine: {
      type: 'array',
      items: {
        type: 'object',
        required: ['topic', 'reason', 'records', 'isMore'],
        properties: {
          topic: { type: 'string' },
          reason: { type: 'string' },
          records: COUNT,
          isMore: { type: 'boolean' },
        },
      },
    },
    parked: { ...BOUNDED_COUNT, type: ['object', 'null'] },
    instance: INSTANCE,
  },
} as const;
