/** Rows as the original left them in its table, and the events and deliveries that follow for each row. */
import type { AdoptedRow } from '../oracle.ts';

/** The CREATE TABLE statement of the original. */
export const ORIGINAL_TABLE = `CREATE TABLE orders (
    order_id VARCHAR(255) PRIMARY KEY,
    order_status VARCHAR(50),
    payment_status VARCHAR(50),
    review_status VARCHAR(50),
    ready_to_send BOOLEAN DEFAULT FALSE
);`;

export interface OriginalRow extends AdoptedRow {
  /** The original set TRUE when it had sent the order. */
  readonly readyToSend: boolean | null;
  /** The names of the samples that are published afterwards. */
  readonly then: readonly string[];
  /** `never`: the target has the order, and it does not change. `sent`: order-sync must deliver it. */
  readonly delivery: 'never' | 'sent' | 'not ready';
}

export const ORIGINAL_ROWS: readonly OriginalRow[] = [
  row('adopted-unpaid', ['CREATED', null, null, false], ['payment-authorized'], 'sent'),
  row('adopted-sent', ['CREATED', 'PAYMENT_AUTHORIZED', null, true], [], 'never'),
  row(
    'adopted-sent-and-replayed',
    ['CREATED', 'PAYMENT_AUTHORIZED', null, true],
    ['order-created', 'payment-authorized'],
    'never',
  ),
  row('adopted-sent-misspelt', ['CREATED', 'PAYMENT_AUHTORIZED', null, true], [], 'never'),
  row('adopted-misspelt', ['CREATED', 'PAYMENT_AUHTORIZED', null, false], [], 'sent'),
  row('adopted-ready-unsent', ['CREATED', 'PAYMENT_AUTHORIZED', null, false], [], 'sent'),
  row(
    'adopted-pending',
    ['CREATED', 'PAYMENT_AUTH_WITHPENDING_REVIEW', 'PENDING', false],
    ['review-accepted'],
    'sent',
  ),
  row('adopted-payment-first', [null, 'PAYMENT_AUTHORIZED', null, false], ['order-created'], 'sent'),
  row(
    'adopted-declined-and-late',
    ['CREATED', 'AUTHORIZATION_REVIEW_DECLINED', 'DECLINED', false],
    ['payment-pending-review', 'payment-authorized'],
    'not ready',
  ),
  row(
    'adopted-sent-then-declined',
    ['CREATED', 'AUTHORIZATION_REVIEW_ACCEPTED', 'ACCEPTED', true],
    ['review-declined'],
    'sent',
  ),
  row('adopted-review-of-its-own', ['CREATED', 'PAYMENT_AUTHORIZED', 'PENDING', false], [], 'sent'),
  row('adopted-caf\u00e9', ['CREATED', null, null, false], ['payment-authorized'], 'sent'),
  row('adopted-empty', [null, null, null, false], [], 'not ready'),
  row('adopted-ready-null', ['CREATED', null, null, null], [], 'not ready'),
];

function row(
  orderId: string,
  columns: readonly [string | null, string | null, string | null, boolean | null],
  then: readonly string[],
  delivery: OriginalRow['delivery'],
): OriginalRow {
  const [orderStatus, paymentStatus, reviewStatus, readyToSend] = columns;
  return { orderId, orderStatus, paymentStatus, reviewStatus, readyToSend, then, delivery };
}
