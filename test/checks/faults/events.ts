/** Makes single events of a scenario, in the form of the original's events. */
import { readyOrder } from '../lib/embedded-log.ts';
import type { RawRecord, Topics } from '../oracle.ts';

/** Makes the two events that make an order ready. */
export function readyOrderOf(topics: Topics, orderId: string): RawRecord[] {
  return readyOrder(orderId).map((record) => ({
    ...record,
    topic: record.topic === 'order_events' ? topics.order : topics.payment,
  }));
}

/** Makes an event of an order. Its id and its moment follow from `number`, so events differ and have a sequence. */
export function eventOf(topics: Topics, orderId: string, status: string, number: number): RawRecord {
  const isOrder = status === 'CREATED';
  const body = {
    eventType: isOrder ? 'ORDER' : 'PAYMENT',
    orderId,
    ...(isOrder ? { orderStatus: status } : { paymentStatus: status }),
    timestamp: new Date(Date.UTC(2025, 5, 1) + number * 1_000).toISOString(),
    eventId: `${orderId}-${number}`,
  };
  return {
    topic: isOrder ? topics.order : topics.payment,
    key: Buffer.from(orderId),
    value: Buffer.from(JSON.stringify(body)),
    headers: [],
  };
}
