import { RESET_REASONS } from '../../../pipeline/ask/stream/messages.ts';
import { COUNT, DELIVERY, MOMENT } from './schemas.ts';
import { STATUS_SCHEMA } from './status-schemas.ts';

/** JSON Schemas of the stream of changes: its query, and the data of its messages. */

export const STREAM_ORDERS_MAX = 20;

export const STREAM_QUERY = {
  type: 'object',
  properties: {
    order: {
      type: 'array',
      maxItems: STREAM_ORDERS_MAX,
      items: { type: 'string' },
      description:
        'The id of an order to listen to. It may be given 20 times. Without it the newest events of all orders are sent.',
    },
  },
} as const;

export const STREAM_HEADERS = {
  type: 'object',
  properties: {
    'last-event-id': {
      type: 'string',
      description: 'The id of the last message that the client got. Without it the stream begins now.',
    },
  },
} as const;

/** The data of `event: changes`. */
export const CHANGES_SCHEMA = {
  type: 'object',
  required: ['at', 'records', 'orders', 'more'],
  properties: {
    at: MOMENT,
    records: { ...COUNT, description: 'The records that were read since the last message, by any instance.' },
    orders: {
      type: 'array',
      description:
        'Their newest events, the oldest first, or with order all events of these orders. A record that repeats an event is here too.',
      items: {
        type: 'object',
        required: ['orderId', 'eventType', 'eventId', 'occurredAt', 'topic', 'partition', 'offset'],
        properties: {
          orderId: { type: 'string' },
          eventType: { type: 'string' },
          eventId: { type: 'string' },
          occurredAt: MOMENT,
          topic: { type: 'string' },
          partition: COUNT,
          offset: { type: 'string', description: 'A whole number, as a text.' },
        },
      },
    },
    more: {
      ...COUNT,
      description: 'The other records, which are left out: older ones, and those that have no event.',
    },
  },
} as const;

/** The data of `event: delivery`. */
export const STREAMED_DELIVERY_SCHEMA = DELIVERY;

/** The data of `event: reset`. */
export const RESET_SCHEMA = {
  type: 'object',
  required: ['reason'],
  properties: { reason: { type: 'string', enum: RESET_REASONS } },
} as const;

/** The data of `event: note`. */
export const NOTE_SCHEMA = {
  type: 'object',
  required: ['at', 'problem'],
  properties: {
    at: MOMENT,
    problem: {
      type: ['string', 'null'],
      description: 'Why the changes cannot be followed now; null once they are followed again.',
    },
  },
} as const;

export const STREAM_SCHEMA = {
  description: `Server-sent events, until the client leaves or the server stops. Each has a JSON object as its data:

- status: the body of GET /api/v1/status, at most once a second, and only if more than its time has changed. It has no id.
- changes: what was journaled since the last message: at most 25 events, the newest. With order: all events of these orders, and none of others.
- delivery: a delivery of one of these orders, as GET /api/v1/deliveries/{target}/{entityId} shows it without attemptLog. Once at the beginning, and then whenever it has changed.
- reset: something was left out. Look at everything again; what follows begins now.
- note: why nothing comes now, or that it comes again.

A comment comes every 15 s. A client that leaves 1 MiB unread is cut off.`,
  content: {
    'text/event-stream': {
      schema: {
        type: 'string',
        contentMediaType: 'application/json',
        contentSchema: {
          anyOf: [STATUS_SCHEMA, CHANGES_SCHEMA, STREAMED_DELIVERY_SCHEMA, RESET_SCHEMA, NOTE_SCHEMA],
        },
        examples: ['event: changes\nid: AQ...\ndata: {"at":...,"records":1,...}\n\n'],
      },
    },
  },
} as const;
