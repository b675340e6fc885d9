import type { EventType, JsonObject } from '../core/domain.ts';
import { DefectError } from '../core/errors.ts';

export type OrderStatus = 'CREATED';
export type PaymentStatus =
  | 'PAYMENT_AUTHORIZED'
  | 'PAYMENT_AUTH_WITHPENDING_REVIEW'
  | 'AUTHORIZATION_REVIEW_ACCEPTED'
  | 'AUTHORIZATION_REVIEW_DECLINED';
export type ReviewStatus = 'PENDING' | 'ACCEPTED' | 'DECLINED';

/** The values of an event that the fold needs. */
export type OrderEvent =
  | { readonly kind: 'order_created' }
  | { readonly kind: 'payment_status_changed'; readonly status: PaymentStatus }
  | { readonly kind: 'order_status_adopted'; readonly status: OrderStatus }
  | { readonly kind: 'payment_status_adopted'; readonly status: PaymentStatus }
  | { readonly kind: 'review_status_adopted'; readonly status: ReviewStatus }
  | { readonly kind: 'empty_row_adopted' };

/**
 * Every text of a payment status in records, with its meaning. The source sometimes writes PAYMENT_AUHTORIZED. The journal
 * keeps that, and all later steps use the right spelling.
 */
export const PAYMENT_STATUSES: ReadonlyMap<string, PaymentStatus> = new Map([
  ['PAYMENT_AUTHORIZED', 'PAYMENT_AUTHORIZED'],
  ['PAYMENT_AUHTORIZED', 'PAYMENT_AUTHORIZED'],
  ['PAYMENT_AUTH_WITHPENDING_REVIEW', 'PAYMENT_AUTH_WITHPENDING_REVIEW'],
  ['AUTHORIZATION_REVIEW_ACCEPTED', 'AUTHORIZATION_REVIEW_ACCEPTED'],
  ['AUTHORIZATION_REVIEW_DECLINED', 'AUTHORIZATION_REVIEW_DECLINED'],
]);

/** The stages of an order's life: created, authorised or pending review, reviewed. */
export const CREATED_STAGE = 1;

export const PAYMENT_STAGES: Readonly<Record<PaymentStatus, number>> = {
  PAYMENT_AUTHORIZED: 2,
  PAYMENT_AUTH_WITHPENDING_REVIEW: 2,
  AUTHORIZATION_REVIEW_ACCEPTED: 3,
  AUTHORIZATION_REVIEW_DECLINED: 3,
};

/** At equal stage and time the more cautious status comes last, so that an order in doubt is held back. */
const CAUTION_RANKS: Readonly<Record<PaymentStatus, number>> = {
  PAYMENT_AUTHORIZED: 0,
  PAYMENT_AUTH_WITHPENDING_REVIEW: 1,
  AUTHORIZATION_REVIEW_ACCEPTED: 0,
  AUTHORIZATION_REVIEW_DECLINED: 1,
};

const ORDER_CREATED: OrderEvent = { kind: 'order_created' };

/** One event object for each status. All orders share it, because the fold never changes an event. */
const PAYMENT_EVENTS: ReadonlyMap<string, OrderEvent> = new Map(
  [...PAYMENT_STATUSES].map(([text, status]) => [text, { kind: 'payment_status_changed', status }]),
);

const COMMON_FIELDS = { orderId: { type: 'string' }, timestamp: { type: 'string' } };

export const ORDER_EVENT_TYPE: EventType<OrderEvent> = {
  topic: 'order_events',
  schema: {
    type: 'object',
    required: ['eventType', 'orderId', 'orderStatus', 'timestamp'],
    properties: { ...COMMON_FIELDS, eventType: { const: 'ORDER' }, orderStatus: { enum: ['CREATED'] } },
  },
  entityIdField: 'orderId',
  occurredAtField: 'timestamp',
  meaningfulFields: ['orderId', 'orderStatus', 'timestamp', 'revision'],
  toEvent: () => ORDER_CREATED,
  stage: () => CREATED_STAGE,
  cautionRank: () => 0,
};

export const PAYMENT_EVENT_TYPE: EventType<OrderEvent> = {
  topic: 'payment_events',
  schema: {
    type: 'object',
    required: ['eventType', 'orderId', 'paymentStatus', 'timestamp'],
    properties: {
      ...COMMON_FIELDS,
      eventType: { const: 'PAYMENT' },
      paymentStatus: { enum: [...PAYMENT_STATUSES.keys()] },
    },
  },
  entityIdField: 'orderId',
  occurredAtField: 'timestamp',
  meaningfulFields: ['orderId', 'paymentStatus', 'timestamp', 'revision'],
  toEvent: toPaymentEvent,
  stage: (event) => (event.kind === 'payment_status_changed' ? PAYMENT_STAGES[event.status] : CREATED_STAGE),
  cautionRank: (event) => (event.kind === 'payment_status_changed' ? CAUTION_RANKS[event.status] : 0),
};

function toPaymentEvent(body: JsonObject): OrderEvent {
  const event = PAYMENT_EVENTS.get(body.paymentStatus as string);
  if (event === undefined) throw new DefectError('A payment body was used that its schema does not allow.');
  return event;
}
