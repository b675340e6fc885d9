import { PAGE_ROWS_MAX } from '../../shared/http/paging.ts';
import { ORDER_ID_BYTES_MAX, ORDER_STATE_SCHEMA } from '../order-state.ts';
import { WAIT_SECONDS_MAX } from './query.ts';

/** Of what is asked and answered, as JSON Schema; the OpenAPI document is made of these. */

const RECEIPT = {
  version: { type: 'integer', description: 'The version that is held now.' },
  duplicate: {
    type: 'boolean',
    description:
      'The delivery was received before: nothing was changed, but for a row that was lost or altered.',
  },
  ignored: { type: 'boolean', description: 'A later or equal version is held; nothing was changed.' },
} as const;

const DELIVERY_BATCH_HEADER = {
  'webhook-batch': {
    description:
      'The most states of one batch, and where it is posted to; not sent where batches are not taken. Source: RFC 8941, an item with a parameter.',
    schema: { type: 'string', examples: ['500;path="/api/orders/batch"'] },
  },
} as const;

export const RECEIPT_SCHEMA = {
  description: 'The state is on disk.',
  type: 'object',
  required: ['order_id', 'delivery_id', 'version', 'duplicate', 'ignored'],
  properties: { order_id: { type: 'string' }, delivery_id: { type: 'string' }, ...RECEIPT },
  headers: DELIVERY_BATCH_HEADER,
} as const;

/** A member's state is looked at by itself, so that a bad one never spoils the others. */
export const DELIVERY_BATCH_SCHEMA = {
  type: 'object',
  required: ['deliveries'],
  properties: {
    deliveries: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['id', 'state'],
        properties: {
          id: { type: 'string', description: 'The delivery id, as it would stand in webhook-id.' },
          state: { description: 'As the body of a single post.', examples: [ORDER_STATE_SCHEMA.examples[0]] },
        },
      },
    },
  },
} as const;

export const DELIVERY_BATCH_RESULTS_SCHEMA = {
  description: 'What came of each, in the sequence of the deliveries. What is 200 is on disk.',
  type: 'object',
  required: ['results'],
  properties: {
    results: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'status'],
        properties: {
          id: { type: 'string' },
          status: { type: 'integer', description: 'As a single post would be answered.' },
          ...RECEIPT,
          code: { type: 'string', description: 'If it is not 200: as in a problem document.' },
          detail: { type: 'string' },
        },
      },
    },
  },
  headers: DELIVERY_BATCH_HEADER,
} as const;

/** Without the limits of a posted state: what is stored is answered as it is. */
const STATE = {
  type: 'object',
  required: ORDER_STATE_SCHEMA.required,
  properties: {
    order_id: { type: 'string' },
    order_status: { type: ['string', 'null'] },
    payment_status: { type: ['string', 'null'] },
    review_status: { type: ['string', 'null'] },
    ready_to_send: { type: 'boolean' },
    version: { type: 'integer' },
  },
} as const;

export const STATE_SCHEMA = { ...STATE, description: 'The latest state.' } as const;

const PAGE = {
  type: 'object',
  required: ['next', 'hasMore'],
  properties: {
    next: { type: ['string', 'null'], description: 'The after of the next page.' },
    hasMore: { type: 'boolean' },
  },
} as const;

const PAGE_HEADERS = {
  link: {
    description: 'The next page, if there is one: rel="next".',
    schema: { type: 'string' },
  },
} as const;

export const LIST_SCHEMA = {
  description:
    "In the sequence of the ids' UTF-8 bytes. With filters a page may be short, even empty, while there is more.",
  type: 'object',
  required: ['data', 'page'],
  properties: { data: { type: 'array', items: STATE }, page: PAGE },
  headers: PAGE_HEADERS,
} as const;

export const DIGEST_SCHEMA = {
  description:
    'Over the next rows: SHA-256 of one line for each, JSON.stringify([order_id, order_status, payment_status, review_status, ready_to_send, version]) and a line feed.',
  type: 'object',
  required: ['count', 'last', 'digest', 'page'],
  properties: {
    count: { type: 'integer', description: 'How many rows.' },
    last: { type: ['string', 'null'], description: 'The last order id of the range.' },
    digest: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    page: PAGE,
  },
  headers: PAGE_HEADERS,
} as const;

export const STREAM_SCHEMA = {
  description: 'Server-sent events, until the client leaves.',
  content: {
    'text/event-stream': {
      schema: {
        type: 'string',
        examples: ['event: order\nid: 17\ndata: {"order_id":"order123",...,"version":2}\n\n'],
      },
    },
  },
} as const;

/** Headers of a delivery; they are read and judged by delivery-headers.ts. */
export const DELIVERY_HEADERS = {
  type: 'object',
  properties: {
    'webhook-id': {
      type: 'string',
      description: 'The delivery id, the same on every attempt. Without one, the content is the id.',
    },
    'webhook-timestamp': { type: 'string', description: 'Unix seconds of this attempt.' },
    'webhook-signature': {
      type: 'string',
      description: 'v1, and base64 of HMAC-SHA-256 over id.timestamp.body. Source: Standard Webhooks 1.0.0.',
    },
    'idempotency-key': { type: 'string', description: 'As webhook-id, quoted or bare.' },
  },
} as const;

export const ORDER_QUERY = {
  type: 'object',
  properties: {
    wait: {
      type: 'number',
      minimum: 0,
      maximum: WAIT_SECONDS_MAX,
      description: 'Seconds to wait for the order, or for the version, to come.',
    },
    version: { type: 'integer', minimum: 1, description: 'No earlier version will do.' },
  },
} as const;

export const PAGE_QUERY = {
  type: 'object',
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: PAGE_ROWS_MAX },
    after: { type: 'string', description: 'The next of the page before.' },
  },
} as const;

const STATUS_FILTER = { type: 'string', description: 'Exactly this; empty: has none.' } as const;

export const LIST_QUERY = {
  type: 'object',
  properties: {
    ...PAGE_QUERY.properties,
    order_id: {
      type: 'string',
      maxLength: ORDER_ID_BYTES_MAX,
      description: 'This order, whatever its id holds.',
    },
    order_status: STATUS_FILTER,
    payment_status: STATUS_FILTER,
    review_status: STATUS_FILTER,
    ready_to_send: { type: 'boolean' },
  },
} as const;

export const STREAM_HEADERS = {
  type: 'object',
  properties: {
    'last-event-id': {
      type: 'string',
      description: 'The id of the last event that was received; 0 for everything. Without it: from now on.',
    },
  },
} as const;
