import { pageSchemaOf } from '../../shared/http/paging.ts';

const REASON = {
  type: 'string',
  pattern: '\\S',
  maxLength: 1_000,
  description: 'Recorded for ever.',
} as const;

const PART_PROPERTIES = {
  kind: { type: 'string', enum: ['ingest', 'topic', 'partition', 'target'] },
  topic: { type: 'string', minLength: 1, maxLength: 249 },
  partition: { type: 'integer', minimum: 0, maximum: 999_999_999 },
  target: { type: 'string', minLength: 1, maxLength: 100 },
} as const;

/** A part that is to be paused, or to go on. */
export const HOLD_BODY = {
  type: 'object',
  required: ['part', 'reason'],
  additionalProperties: false,
  properties: {
    part: { type: 'object', required: ['kind'], additionalProperties: false, properties: PART_PROPERTIES },
    reason: REASON,
  },
} as const;

export const HOLD_SCHEMA = {
  description: 'A part of the pipeline that an operator has paused.',
  type: 'object',
  required: ['part', 'name', 'heldBy', 'reason', 'heldAt'],
  properties: {
    part: { type: 'object', required: ['kind'], properties: PART_PROPERTIES },
    name: { type: 'string', description: 'The part in words, as in "partition order_events/3".' },
    heldBy: { type: 'string' },
    reason: { type: 'string' },
    heldAt: { type: 'string', format: 'date-time' },
  },
} as const;

export const HOLD_LIST_SCHEMA = pageSchemaOf(HOLD_SCHEMA, 'What is paused.');

const OFFSET = { type: ['string', 'null'], description: 'An offset as a text.' } as const;

const PARTITIONS_SCHEMA = pageSchemaOf(
  {
    type: 'object',
    properties: {
      topic: { type: 'string' },
      partition: { type: 'integer' },
      nextOffset: { ...OFFSET, description: 'The next offset to be journaled; null before the first one.' },
      logStartOffset: { ...OFFSET, description: 'Null if the partition cannot be read now.' },
      logEndOffset: { ...OFFSET, description: 'Null if the partition cannot be read now.' },
      waitingForTransaction: {
        type: 'integer',
        description:
          "The records behind the log's end that no consumer gets before an open transaction ends.",
      },
      transactionalId: { type: ['string', 'null'], description: 'The name of that transaction, if known.' },
      epoch: { type: ['string', 'null'] },
      haltReason: { type: ['string', 'null'], description: 'Null unless the partition is halted.' },
      hold: { ...HOLD_SCHEMA, type: ['object', 'null'] },
    },
  },
  'All partitions.',
);

export const PARTITION_LIST_SCHEMA = {
  ...PARTITIONS_SCHEMA,
  properties: {
    ...PARTITIONS_SCHEMA.properties,
    missingTopics: {
      type: 'array',
      items: { type: 'string' },
      description: 'The topics that the log does not have.',
    },
  },
} as const;

/** Which partitions go on, and where. The route judges which members may stand together. */
export const RESUME_BODY = {
  type: 'object',
  required: ['reason'],
  additionalProperties: false,
  properties: {
    partition: { type: 'string', description: 'One partition, as in order_events/3.' },
    all: { const: true, description: 'All halted partitions, each at the offset that its halt asks for.' },
    at: {
      type: ['string', 'integer'],
      description: 'The offset to go on from, or "earliest". With all: only "earliest".',
    },
    kind: { type: 'string', description: 'With all: only halts of this kind, as in topic_recreated.' },
    skip: { type: 'boolean', description: 'Leaves records out, although the partition is not halted.' },
    dryRun: { type: 'boolean', description: 'With all: only shows where each partition would go on.' },
    reason: REASON,
  },
} as const;

export const RESUMED_LIST_SCHEMA = pageSchemaOf(
  {
    type: 'object',
    properties: {
      topic: { type: 'string' },
      partition: { type: 'integer' },
      kind: { type: 'string', description: 'The kind of its halt.' },
      haltReason: { type: ['string', 'null'] },
      fromOffset: OFFSET,
      toOffset: { ...OFFSET, description: 'Where it goes on; null if it needs a decision of its own.' },
      explanation: { type: 'string' },
      resumed: { type: 'boolean' },
      failure: { type: ['string', 'null'], description: 'Why it does not go on.' },
    },
  },
  'The partitions that were asked for.',
);
