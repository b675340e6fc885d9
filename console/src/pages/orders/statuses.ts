import type { OrderStatus, PaymentStatus, ReviewStatus } from '../../../../src/orders/events.ts';
import { isOfOrders } from '../../text/words.ts';

/*
 * The values that the columns of the view can have. The types are the domain's: a value that it adds is missing here, and
 * so an error of the types.
 */
const ORDER: Readonly<Record<OrderStatus, string>> = { CREATED: 'Created' };

const PAYMENT: Readonly<Record<PaymentStatus, string>> = {
  PAYMENT_AUTHORIZED: 'Authorised',
  PAYMENT_AUTH_WITHPENDING_REVIEW: 'Authorised, review pending',
  AUTHORIZATION_REVIEW_ACCEPTED: 'Review accepted',
  AUTHORIZATION_REVIEW_DECLINED: 'Review declined',
};

const REVIEW: Readonly<Record<ReviewStatus, string>> = {
  PENDING: 'Pending',
  ACCEPTED: 'Accepted',
  DECLINED: 'Declined',
};

const OF_ORDERS: readonly {
  readonly column: string;
  readonly words: string;
  readonly values: Readonly<Record<string, string>>;
}[] = [
  { column: 'order_status', words: 'Order', values: ORDER },
  { column: 'payment_status', words: 'Payment', values: PAYMENT },
  { column: 'review_status', words: 'Review', values: REVIEW },
];

/** The columns whose values have words here. Those of other domains have none. */
export const STATUS_COLUMNS = isOfOrders ? OF_ORDERS : [];

/** The value of a column in words. A value that the console does not know stays as it is. */
export function statusWords(column: string, value: string): string {
  return STATUS_COLUMNS.find((known) => known.column === column)?.values[value] ?? value;
}

/** The most characters that a status of this column has in words; 0 for another column. */
export function longestWords(column: string): number {
  const values = STATUS_COLUMNS.find((known) => known.column === column)?.values ?? {};
  return Math.max(0, ...Object.values(values).map(({ length }) => length));
}
