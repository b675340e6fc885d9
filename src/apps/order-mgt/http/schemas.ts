import { PAGE_QUERY, PAGED, pageSchemaOf } from '../../shared/http/paging.ts';
import { ORDER_ID_BYTES_MAX, ORDER_STATE_SCHEMA } from '../order-state.ts';
import { WAIT_SECONDS_MAX } from './query.ts';

/** JSON Schemas of requests and answers. The OpenAPI document is made of these. */

const RECEIPT = {
  version: { type: 'integer', description: 'The version that is held now.' },
  duplicate: {
    type: 'boolean',
    description:
      'The delivery was received before. Nothing was changed, except a row that had been lost or altered.',
  },
  ignored: { type: 'boolean', description: 'A later or equal version is held. Nothing was changed.' },
} as const;

const DELIVERY_BATCH_HEADER = {
  'webhook-batch': {
    description:
      'The most states of one batch, and the path that takes batches, relative to the URL that takes single states. A server that takes no batches sends no such header. Source: RFC 8941, an item with a parameter.',
    schema: { type: 'string', examples: ['500;path="batch"'] },
  },
} as const;

export const RECEIPT_SCHEMA = {
  description: 'The state is on disk.',
  type: 'object',
  required: ['order_id', 'delivery_id', 'version', 'duplicate', 'ignored'],
  properties: { order_id: { type: 'string' }, delivery_id: { type: 'string' }, ...RECEIPT },
  headers: DELIVERY_BATCH_HEADER,
} as const;

/** Each state is judged for itself, so that a bad one never spoils the others. */
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
          id: { type: 'string', description: 'The delivery id, as in the webhook-id of a single post.' },
          state: {
            description: 'A state, as in the body of a single post.',
            examples: [ORDER_STATE_SCHEMA.examples[0]],
          },
          traceparent: { description: 'The trace of the state, as in the header of a single post.' },
        },
      },
    },
  },
} as const;

export const DELIVERY_BATCH_RESULTS_SCHEMA = {
  description:
    'One result for each delivery, in the sequence of the deliveries. A delivery with the status 200 is on disk.',
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
          status: { type: 'integer', description: 'The status that a single post would get.' },
          ...RECEIPT,
          code: { type: 'string', description: 'The code of a problem document, if the status is not 200.' },
          detail: { type: 'string' },
        },
      },
    },
  },
  headers: DELIVERY_BATCH_HEADER,
} as const;

/** A state in answers. It has no limits of length, because a stored state is answered as it is. */
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

export const LIST_SCHEMA = pageSchemaOf(
  STATE,
  "Orders in the sequence of the ids' UTF-8 bytes. With filters a page may be short or empty while more orders follow.",
);

export const DIGEST_SCHEMA = {
  description:
    'SHA-256 over one line for each of the next rows: JSON.stringify([order_id, order_status, payment_status, review_status, ready_to_send, version]) and a line feed.',
  type: 'object',
  required: ['count', 'last', 'digest', 'page'],
  properties: {
    count: { type: 'integer', description: 'The number of rows.' },
    last: { type: ['string', 'null'], description: 'The last order id of the range.' },
    digest: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    page: PAGED.page,
  },
  headers: PAGED.headers,
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

/** The headers of a delivery. delivery-headers.ts reads and judges them. */
export const DELIVERY_HEADERS = {
  type: 'object',
  properties: {
    'webhook-id': {
      type: 'string',
      description: 'The delivery id, the same on every attempt. Without it the id is made from the content.',
    },
    'webhook-timestamp': { type: 'string', description: 'Unix seconds of this attempt.' },
    'webhook-signature': {
      type: 'string',
      description: 'v1, and base64 of HMAC-SHA-256 over id.timestamp.body. Source: Standard Webhooks 1.0.0.',
    },
    'idempotency-key': { type: 'string', description: 'The same id as in webhook-id, quoted or bare.' },
    traceparent: {
      type: 'string',
      description:
        'The trace of the request. Problems and log lines name its trace id. Source: W3C Trace Context.',
    },
  },
} as const;

export const ORDER_QUERY = {
  type: 'object',
  properties: {
    wait: {
      type: 'number',
      minimum: 0,
      maximum: WAIT_SECONDS_MAX,
      description: 'The most seconds to wait for the order or for its version.',
    },
    version: { type: 'integer', minimum: 1, description: 'The lowest version that is wanted.' },
  },
} as const;

const STATUS_FILTER = {
  type: 'string',
  description: 'Exactly this status. An empty text matches orders without a status.',
} as const;

export const LIST_QUERY = {
  type: 'object',
  properties: {
    ...PAGE_QUERY.properties,
    order_id: {
      type: 'string',
      maxLength: ORDER_ID_BYTES_MAX,
      description: 'The order with this id.',
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
      description:
        'The id of the last event that the client got. 0 asks for all changes. Without it the stream begins now.',
    },
  },
} as const;
