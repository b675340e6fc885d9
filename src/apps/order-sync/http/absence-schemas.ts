import { HOLD_SCHEMA } from './hold-schemas.ts';
import { MOMENT } from './schemas.ts';

const OFFSET = { type: 'string', description: 'An offset as a text.' } as const;
const PLACE = { topic: { type: 'string' }, partition: { type: 'integer' } } as const;

/** Why events of one order may be missing. */
export const ABSENCE = {
  holds: {
    type: 'array',
    items: HOLD_SCHEMA,
    description:
      'The pauses that can concern the order: its events may wait in what is paused, or its state is due to a paused target.',
  },
  halts: {
    type: 'array',
    description: 'The halted partitions that can concern the order, because events of it may wait there.',
    items: {
      type: 'object',
      required: ['topic', 'partition', 'nextOffset', 'haltReason', 'waitingRecords'],
      properties: {
        ...PLACE,
        nextOffset: OFFSET,
        haltReason: { type: 'string' },
        waitingRecords: {
          type: ['integer', 'null'],
          description: 'The offsets that wait there; null if the log has not told.',
        },
      },
    },
  },
  leftOut: {
    type: 'array',
    description:
      'Offsets that were left out by a decision, and among which an event may have been that the order waits for. The latest decision first.',
    items: {
      type: 'object',
      required: ['topic', 'partition', 'fromOffset', 'lastOffset', 'decidedBy', 'reason', 'decidedAt'],
      properties: {
        ...PLACE,
        fromOffset: OFFSET,
        lastOffset: OFFSET,
        decidedBy: { type: 'string' },
        reason: { type: 'string' },
        decidedAt: MOMENT,
      },
    },
  },
  refusedRecords: {
    type: 'array',
    description:
      'Open records in quarantine whose key is the id of the order: at most 6 of each topic, among the first 5,000 open records of the topic.',
    items: {
      type: 'object',
      required: ['topic', 'partition', 'offset', 'reason'],
      properties: { ...PLACE, offset: OFFSET, reason: { type: 'string' } },
    },
  },
} as const;
