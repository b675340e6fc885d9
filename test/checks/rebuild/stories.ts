import type { RawRecord, Topics } from '../oracle.ts';

/** The row of an order, as the right fold makes it. */
export interface ExpectedRow {
  readonly payment: string;
  readonly review: string | null;
  readonly isReady: boolean;
  readonly version: number;
}

const START_MS = Date.UTC(2025, 0, 1);
const AUTHORIZED: ExpectedRow = { payment: 'PAYMENT_AUTHORIZED', review: null, isReady: true, version: 2 };
const ACCEPTED: ExpectedRow = {
  payment: 'AUTHORIZATION_REVIEW_ACCEPTED',
  review: 'ACCEPTED',
  isReady: true,
  version: 3,
};
const DECLINED: ExpectedRow = {
  payment: 'AUTHORIZATION_REVIEW_DECLINED',
  review: 'DECLINED',
  isReady: false,
  version: 3,
};

export function orderIdOf(number: number): string {
  return `order-${String(number).padStart(9, '0')}`;
}

/** The number in an order's id; null if the id is none of ours. */
export function numberOf(orderId: string): number | null {
  return /^order-\d{9}$/.test(orderId) ? Number(orderId.slice('order-'.length)) : null;
}

/** Of ten orders seven are authorised without a review, two are accepted, and one is declined. */
export function expectedRowOf(number: number): ExpectedRow {
  if (number % 10 < 7) return AUTHORIZED;
  return isDeclined(number) ? DECLINED : ACCEPTED;
}

/** Whether the planted bug changes the order's row. */
export function isDeclined(number: number): boolean {
  return number % 10 === 9;
}

/** All events of an order, the payments in the reverse of their sequence for every third order. */
export function recordsOf(number: number, topics: Topics): RawRecord[] {
  const { payment } = expectedRowOf(number);
  const payments = number % 10 < 7 ? [payment] : ['PAYMENT_AUTH_WITHPENDING_REVIEW', payment];
  const records = payments.map((status, index) =>
    recordOf(topics.payment, 'PAYMENT', number, 'paymentStatus', status, 1_000 * (index + 1)),
  );
  if (number % 3 === 0) records.reverse();
  return [recordOf(topics.order, 'ORDER', number, 'orderStatus', 'CREATED', 0), ...records];
}

function recordOf(
  topic: string,
  eventType: string,
  number: number,
  statusField: string,
  status: string,
  laterMs: number,
): RawRecord {
  const orderId = orderIdOf(number);
  const timestamp = new Date(START_MS + number * 20 + laterMs).toISOString();
  const value = JSON.stringify({ eventType, orderId, [statusField]: status, timestamp });
  return { topic, key: Buffer.from(orderId), value: Buffer.from(value), headers: [] };
}
