import type { Adoption, BaselineEvent, JsonObject, ViewRow, ViewValue } from '../core/domain.ts';
import { TributaryError } from '../core/errors.ts';
import { quoted } from '../core/text.ts';
import {
  CREATED_STAGE,
  type OrderEvent,
  PAYMENT_STAGES,
  PAYMENT_STATUSES,
  type ReviewStatus,
} from './events.ts';
import type { OrderState } from './fold.ts';

/**
 * Takes over a table `orders` of the original program. That program set its columns one by one, so each column becomes an
 * event that sets this column alone. So the fold of the baseline events always gives the row again.
 */
export const ordersAdoption: Adoption<OrderState, OrderEvent> = {
  eventType: 'BASELINE',
  baseline,
  toEvent,
  deliveredRow,
};

/** The stages of the payment statuses with the same meaning. */
const REVIEW_STAGES: Readonly<Record<ReviewStatus, number>> = {
  PENDING: PAYMENT_STAGES.PAYMENT_AUTH_WITHPENDING_REVIEW,
  ACCEPTED: PAYMENT_STAGES.AUTHORIZATION_REVIEW_ACCEPTED,
  DECLINED: PAYMENT_STAGES.AUTHORIZATION_REVIEW_DECLINED,
};

function baseline(orderId: string, row: ViewRow): readonly BaselineEvent[] {
  const [orderStatus, paymentStatus, reviewStatus] = readStatuses(row);
  const events: BaselineEvent[] = [];
  const add = (column: string, stage: number, statuses: JsonObject) => {
    events.push({
      eventId: `baseline:${column}`,
      stage,
      body: { eventType: 'BASELINE', orderId, ...statuses },
    });
  };
  if (orderStatus !== null) add('order_status', CREATED_STAGE, { orderStatus });
  if (paymentStatus !== null) {
    const { status } = asPaymentEvent(paymentStatus);
    add('payment_status', PAYMENT_STAGES[status], { paymentStatus });
  }
  if (reviewStatus !== null) {
    const { status } = asReviewEvent(reviewStatus);
    add('review_status', REVIEW_STAGES[status], { reviewStatus });
  }
  if (events.length === 0) add('order_id', CREATED_STAGE, {});
  return events;
}

function toEvent(body: JsonObject): OrderEvent {
  if (typeof body.orderStatus === 'string') return asOrderEvent(body.orderStatus);
  if (typeof body.paymentStatus === 'string') return asPaymentEvent(body.paymentStatus);
  if (typeof body.reviewStatus === 'string') return asReviewEvent(body.reviewStatus);
  return { kind: 'empty_row_adopted' };
}

/** The original program set ready_to_send when it had sent a row, and never reset it. */
function deliveredRow(row: ViewRow): ViewRow | null {
  const readyToSend = row[3];
  if (readyToSend !== true && readyToSend !== 1) return null;
  const [orderStatus, paymentStatus, reviewStatus] = readStatuses(row);
  return [
    orderStatus === null ? null : asOrderEvent(orderStatus).status,
    paymentStatus === null ? null : asPaymentEvent(paymentStatus).status,
    reviewStatus === null ? null : asReviewEvent(reviewStatus).status,
    true,
  ];
}

type Texts = readonly [order: string | null, payment: string | null, review: string | null];

function readStatuses(row: ViewRow): Texts {
  const [order, payment, review] = row;
  const texts: Texts = [
    readText('order_status', order),
    readText('payment_status', payment),
    readText('review_status', review),
  ];
  if (texts[0] !== null) asOrderEvent(texts[0]);
  if (texts[1] !== null) asPaymentEvent(texts[1]);
  if (texts[2] !== null) asReviewEvent(texts[2]);
  return texts;
}

/**
 * Reads the status in a column; null if there is none. The original program built its SQL from text, and wrote the word
 * `undefined` (or `null`) where an event had no such field. So every payment has left one in `review_status`.
 */
function readText(column: string, value: ViewValue | undefined): string | null {
  if (value === null || value === undefined || value === 'undefined' || value === 'null') return null;
  if (typeof value === 'string') return value;
  throw unknown(column, String(value));
}

function asOrderEvent(text: string): OrderEvent & { kind: 'order_status_adopted' } {
  if (text !== 'CREATED') throw unknown('order_status', text);
  return { kind: 'order_status_adopted', status: text };
}

function asPaymentEvent(text: string): OrderEvent & { kind: 'payment_status_adopted' } {
  const status = PAYMENT_STATUSES.get(text);
  if (status === undefined) throw unknown('payment_status', text);
  return { kind: 'payment_status_adopted', status };
}

function asReviewEvent(text: string): OrderEvent & { kind: 'review_status_adopted' } {
  if (text !== 'PENDING' && text !== 'ACCEPTED' && text !== 'DECLINED') throw unknown('review_status', text);
  return { kind: 'review_status_adopted', status: text };
}

function unknown(column: string, text: string): TributaryError {
  return new TributaryError(
    'view_not_adoptable',
    `column ${column} holds ${quoted(text)}, which is no known status`,
  );
}
