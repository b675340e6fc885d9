import type { OrderEvent, OrderStatus, PaymentStatus, ReviewStatus } from './events.ts';

export interface OrderState {
  readonly orderStatus: OrderStatus | null;
  readonly paymentStatus: PaymentStatus | null;
  readonly reviewStatus: ReviewStatus | null;
}

export const initialState: OrderState = { orderStatus: null, paymentStatus: null, reviewStatus: null };

/** Returns the state after one more event, in canonical sequence. The last payment event decides, and the last review. */
export function evolve(state: OrderState, event: OrderEvent): OrderState {
  switch (event.kind) {
    case 'order_created':
    case 'order_status_adopted':
      return { ...state, orderStatus: 'CREATED' };
    case 'payment_status_changed': {
      const reviewStatus = reviewStatusOf(event.status) ?? state.reviewStatus;
      return { ...state, paymentStatus: event.status, reviewStatus };
    }
    case 'payment_status_adopted':
      return { ...state, paymentStatus: event.status };
    case 'review_status_adopted':
      return { ...state, reviewStatus: event.status };
    case 'empty_row_adopted':
      return state;
  }
}

/** The review status that follows from a payment status. A plain authorisation says nothing about a review. */
function reviewStatusOf(status: PaymentStatus): ReviewStatus | null {
  switch (status) {
    case 'PAYMENT_AUTHORIZED':
      return null;
    case 'PAYMENT_AUTH_WITHPENDING_REVIEW':
      return 'PENDING';
    case 'AUTHORIZATION_REVIEW_ACCEPTED':
      return 'ACCEPTED';
    case 'AUTHORIZATION_REVIEW_DECLINED':
      return 'DECLINED';
  }
}
