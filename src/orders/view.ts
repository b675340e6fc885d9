import type { View } from '../core/domain.ts';
import type { OrderState } from './fold.ts';
import { whyNotReady } from './waiting.ts';

/** The table `orders`, with the columns of the original program. */
export const ordersView: View<OrderState> = {
  table: 'orders',
  keyColumn: 'order_id',
  columns: [
    { name: 'order_status', type: 'text', maxLength: 50 },
    { name: 'payment_status', type: 'text', maxLength: 50 },
    { name: 'review_status', type: 'text', maxLength: 50 },
    { name: 'ready_to_send', type: 'boolean' },
  ],
  row: (state) => [state.orderStatus, state.paymentStatus, state.reviewStatus, isReady(state)],
  isReady,
  readyColumn: 'ready_to_send',
  whyNotReady,
};

/** An order is ready if it exists and its payment is authorised, or was accepted after a review. */
function isReady(state: OrderState): boolean {
  const { orderStatus, paymentStatus } = state;
  return (
    orderStatus === 'CREATED' &&
    (paymentStatus === 'PAYMENT_AUTHORIZED' || paymentStatus === 'AUTHORIZATION_REVIEW_ACCEPTED')
  );
}
