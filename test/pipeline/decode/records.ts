import { createHash } from 'node:crypto';
import { orders } from '../../../src/orders/index.ts';
import {
  createDecoder,
  type DecodedEvent,
  type DecoderOptions,
} from '../../../src/pipeline/decode/decoder.ts';
import type { LogRecord, RecordHeader } from '../../../src/ports/event-log.ts';

export const TOPIC_NAMES = { order_events: 'order_events', payment_events: 'payments.v1' };

export const ORDER_SOURCE = { topic: 'order_events', partition: 3 };
export const PAYMENT_SOURCE = { topic: 'payments.v1', partition: 4 };

export const ORDER_BODY = {
  eventType: 'ORDER',
  orderId: 'order123',
  orderStatus: 'CREATED',
  timestamp: '2025-04-05T02:26:30.265Z',
};
export const PAYMENT_BODY = {
  eventType: 'PAYMENT',
  orderId: 'order123',
  paymentStatus: 'PAYMENT_AUTHORIZED',
  timestamp: '2025-04-05T02:26:31.265Z',
};

export function ordersDecoder(options: Partial<DecoderOptions> = {}) {
  return createDecoder(orders, { topicNames: TOPIC_NAMES, ...options });
}

export interface RecordParts {
  readonly key?: string | Uint8Array | null;
  readonly value?: string | Uint8Array | object | null;
  readonly headers?: readonly (readonly [string, string | Uint8Array | null])[];
}

const bytesOf = (content: string | Uint8Array) =>
  typeof content === 'string' ? Buffer.from(content) : content;

/** A record; a value that is neither text nor bytes is printed as JSON, and the key is by default `order123`. */
export function recordOf(parts: RecordParts): LogRecord {
  const { key = 'order123', value = ORDER_BODY, headers = [] } = parts;
  const content = value === null || value instanceof Uint8Array ? value : bytesOf(textOf(value));
  return {
    offset: 42n,
    timestampMs: 1,
    key: key === null ? null : bytesOf(key),
    value: content,
    headers: headers.map(([name, text]): RecordHeader => [name, text === null ? null : bytesOf(text)]),
  };
}

function textOf(value: string | object): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export const decoder = ordersDecoder();
export const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');

export function eventOf(parts: RecordParts, source = ORDER_SOURCE): DecodedEvent<unknown> {
  const decoded = decoder.decode(recordOf(parts), source, 7);
  if (decoded.kind === 'rejected') throw new Error(`${decoded.record.reason}: ${decoded.record.detail}`);
  return decoded.event;
}

export function rejectionOf(parts: RecordParts, using = decoder) {
  const decoded = using.decode(recordOf(parts), ORDER_SOURCE, 7);
  if (decoded.kind === 'event') throw new Error('The record was not rejected');
  return decoded.record;
}

export const ENVELOPE = { specversion: '1.0', id: 'e1', source: '/shop', type: 'order' };
export const STRUCTURED = [['content-type', 'application/cloudevents+json; charset=UTF-8']] as const;
