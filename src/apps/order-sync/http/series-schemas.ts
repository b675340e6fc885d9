import { SERIES_POINTS_MAX, SERIES_STEP_SECONDS } from '../../../pipeline/status/series.ts';
import { COUNT, MOMENT } from './schemas.ts';

/** JSON Schemas of the last hour of an instance. */

const LEVEL = { type: ['number', 'null'] } as const;

const QUANTILES = {
  type: ['object', 'null'],
  description: 'In milliseconds, of what happened in the step; null if nothing did.',
  required: ['p50', 'p95', 'p99'],
  properties: { p50: { type: 'number' }, p95: { type: 'number' }, p99: { type: 'number' } },
} as const;

const POINT = {
  type: 'object',
  required: [
    'at',
    'records',
    'journaled',
    'duplicates',
    'refused',
    'due',
    'delivered',
    'failed',
    'lagMessages',
    'lagSeconds',
    'outboxPending',
    'journaledMs',
    'deliveredMs',
  ],
  properties: {
    at: { ...MOMENT, description: 'The end of the step.' },
    records: { ...COUNT, description: 'Records that came into the journal or into quarantine.' },
    journaled: { ...COUNT, description: 'New events in the journal.' },
    duplicates: { ...COUNT, description: 'Events that the journal had already.' },
    refused: { ...COUNT, description: 'Records that went to quarantine.' },
    due: { ...COUNT, description: 'States that became due to a target.' },
    delivered: { ...COUNT, description: 'States that a target accepted.' },
    failed: { ...COUNT, description: 'Attempts at a delivery that failed.' },
    lagMessages: {
      ...LEVEL,
      description: 'Records that no instance has journaled yet; null if that was not known.',
    },
    lagSeconds: { ...LEVEL, description: 'The age of the oldest of them; null if it was not known.' },
    outboxPending: { ...LEVEL, description: 'States that were due; null if that was not known.' },
    journaledMs: QUANTILES,
    deliveredMs: QUANTILES,
  },
} as const;

export const SERIES_SCHEMA = {
  description:
    'The steps, the oldest first. The counts are the increases of one step by this instance; lag and outbox are of all.',
  type: 'object',
  required: ['stepSeconds', 'points'],
  properties: {
    stepSeconds: { const: SERIES_STEP_SECONDS },
    points: { type: 'array', maxItems: SERIES_POINTS_MAX, items: POINT },
  },
} as const;
