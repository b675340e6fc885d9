import type { Domain } from '../core/domain.ts';
import { ordersAdoption } from './adoption.ts';
import { ORDER_EVENT_TYPE, type OrderEvent, PAYMENT_EVENT_TYPE } from './events.ts';
import { evolve, initialState, type OrderState } from './fold.ts';
import { ordersView } from './view.ts';

export type { OrderEvent, PaymentStatus, ReviewStatus } from './events.ts';
export type { OrderState } from './fold.ts';

/** The domain of orders and their payments: from two topics into the table `orders`. */
export const orders: Domain<OrderState, OrderEvent> = {
  name: 'orders',
  noun: 'order',
  idMember: 'orderId',
  eventTypes: { ORDER: ORDER_EVENT_TYPE, PAYMENT: PAYMENT_EVENT_TYPE },
  initialState,
  evolve,
  view: ordersView,
  adoption: ordersAdoption,
};
