import type { NotReady, ViewRow } from '../core/domain.ts';

const PAYMENT_PENDING = 'PAYMENT_AUTH_WITHPENDING_REVIEW';
const DECLINED = 'AUTHORIZATION_REVIEW_DECLINED';

const NO_ORDER: NotReady = {
  waitsFor: 'order',
  column: null,
  because: 'events of its payment have arrived without the order itself',
  missing: 'the event that creates it has not arrived',
};
const NOTHING: NotReady = {
  waitsFor: 'order',
  column: null,
  because: 'its row was taken over without any status',
  missing: 'the event that creates it has not arrived',
};
const NO_PAYMENT: NotReady = {
  waitsFor: 'payment',
  column: 'order_status',
  because: 'it was created without a payment',
  missing: 'no authorisation of its payment has arrived',
};
const REVIEW_PENDING: NotReady = {
  waitsFor: 'review',
  column: 'payment_status',
  because: 'its review is pending',
  missing: 'the acceptance that would settle it has not arrived',
};
const REVIEW_DECLINED: NotReady = {
  waitsFor: null,
  column: 'payment_status',
  because: 'its payment was declined',
  missing: 'it waits for no event, and only a later authorisation or acceptance would make it ready',
};
const UNKNOWN: NotReady = {
  waitsFor: null,
  column: null,
  because: 'its row holds a status that this program does not write',
  missing: 'somebody has altered the row',
};

/**
 * Says why an order is not ready: the first event that is missing on its way, or the decline that ended the way; null if
 * the order is ready.
 */
export function whyNotReady([orderStatus, paymentStatus, , isReady]: ViewRow): NotReady | null {
  if (isReady === true) return null;
  if (paymentStatus === DECLINED) return REVIEW_DECLINED;
  if (orderStatus === null) return paymentStatus === null ? NOTHING : NO_ORDER;
  if (paymentStatus === null) return NO_PAYMENT;
  return paymentStatus === PAYMENT_PENDING ? REVIEW_PENDING : UNKNOWN;
}
