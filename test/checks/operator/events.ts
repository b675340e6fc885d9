/** The events of the story, in the form of the original's. */
import type { RawRecord, Topics } from '../oracle.ts';

const START_MS = Date.UTC(2026, 10, 22, 10);

/** The moment of the story `minute` minutes after its start, by RFC 3339. */
export function at(minute: number): string {
  return new Date(START_MS + minute * 60_000).toISOString();
}

export function created(topics: Topics, orderId: string, minute = 0, more: object = {}): RawRecord {
  return recordOf(topics.order, orderId, {
    eventType: 'ORDER',
    orderStatus: 'CREATED',
    timestamp: at(minute),
    ...more,
  });
}

export function payment(topics: Topics, orderId: string, paymentStatus: string, minute: number): RawRecord {
  return recordOf(topics.payment, orderId, { eventType: 'PAYMENT', paymentStatus, timestamp: at(minute) });
}

export function withoutKey(record: RawRecord): RawRecord {
  return { ...record, key: null };
}

/** A record that is cut in the middle of its JSON. */
export function cut(record: RawRecord): RawRecord {
  const value = record.value as Buffer;
  return { ...record, value: value.subarray(0, value.length / 2) };
}

function recordOf(topic: string, orderId: string, fields: object): RawRecord {
  return {
    topic,
    key: Buffer.from(orderId),
    value: Buffer.from(JSON.stringify({ orderId, ...fields })),
    headers: [],
  };
}
