/** JSON Schemas of the types of events, and of events that somebody tries. */

const TEXT = { type: 'string' } as const;

export const EVENT_TYPES_SCHEMA = {
  description: 'The types of events.',
  type: 'object',
  required: ['data'],
  properties: {
    data: {
      type: 'array',
      items: {
        type: 'object',
        required: ['eventType', 'topic', 'schema'],
        properties: {
          eventType: { type: 'string', description: 'The member eventType of the body.' },
          topic: TEXT,
          schema: {
            type: 'object',
            additionalProperties: true,
            description: 'The JSON Schema (draft-07) of the body. Fields that it does not name are kept.',
          },
        },
      },
    },
  },
} as const;

export const TRY_BODY = {
  type: 'object',
  required: ['events'],
  additionalProperties: false,
  properties: {
    events: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      items: {
        type: 'object',
        required: ['eventType', 'body'],
        additionalProperties: false,
        properties: {
          eventType: { type: 'string', description: 'A type as GET /api/v1/event-schemas lists it.' },
          body: {
            type: 'object',
            additionalProperties: true,
            description: 'The body by the schema of its type. An eventType that it lacks is added.',
          },
          eventId: {
            type: 'string',
            minLength: 1,
            maxLength: 255,
            description: 'Default: the eventId of the body, else a new one.',
          },
          key: { type: 'string', description: 'The key of the record. Default: the order id.' },
        },
      },
    },
  },
} as const;

export const TRIED_SCHEMA = {
  description: 'The events are durable in the log. They are journaled soon after.',
  type: 'object',
  required: ['published'],
  properties: {
    published: {
      type: 'array',
      items: {
        type: 'object',
        required: ['eventId', 'orderId', 'topic', 'partition', 'offset'],
        properties: {
          eventId: TEXT,
          orderId: TEXT,
          topic: TEXT,
          partition: { type: 'integer' },
          offset: { type: 'string', description: 'A whole number, as a text.' },
        },
      },
    },
  },
} as const;
