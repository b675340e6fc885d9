import type { BadInput } from './bad-inputs.ts';
import { ORDER_BODY, PAYMENT_BODY } from './records.ts';

export const ORDERS_ONLY: readonly BadInput[] = [
  ['an unknown status', 'value_unknown', (body) => ({ value: { ...body, orderStatus: 'SHIPPED' } })],
  ['a status in another case', 'value_unknown', (body) => ({ value: { ...body, orderStatus: 'created' } })],
  ['an array as status', 'value_unknown', (body) => ({ value: { ...body, orderStatus: ['CREATED'] } })],
  ['no status', 'field_missing', (body) => ({ value: { ...body, orderStatus: undefined } })],
  ['a payment on the topic of orders', 'topic_wrong', () => ({ value: PAYMENT_BODY })],
];

export const PAYMENTS_ONLY: readonly BadInput[] = [
  ['an unknown status', 'value_unknown', (body) => ({ value: { ...body, paymentStatus: 'REFUNDED' } })],
  [
    'another misspelling',
    'value_unknown',
    (body) => ({ value: { ...body, paymentStatus: 'PAYMENT_AUTORIZED' } }),
  ],
  [
    'the status of every object',
    'value_unknown',
    (body) => ({ value: { ...body, paymentStatus: 'toString' } }),
  ],
  ['no status', 'field_missing', (body) => ({ value: { ...body, paymentStatus: undefined } })],
  ['an order on the topic of payments', 'topic_wrong', () => ({ value: ORDER_BODY })],
];
