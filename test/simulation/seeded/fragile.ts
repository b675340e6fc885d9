import type { Domain, EventType } from '../../../src/core/domain.ts';
import { type OrderEvent, type OrderState, orders } from '../../../src/orders/index.ts';
import { isPoison } from './records.ts';

/** An event of an order; a program with a mistake cannot fold a poisonous one. */
export type FragileEvent = OrderEvent & { readonly isPoison?: true };

/** The orders of a program whose fold throws at poisonous events. */
export const fragileOrders = ordersOf(true);
/** The orders of the next version of that program. */
export const mendedOrders = ordersOf(false);

function ordersOf(throws: boolean): Domain<OrderState, FragileEvent> {
  const { adoption: _, eventTypes, ...domain } = orders;
  const noted = (type: EventType<OrderEvent>): EventType<FragileEvent> => ({
    ...type,
    toEvent(body) {
      const event = type.toEvent(body);
      return isPoison(body.note) ? { ...event, isPoison: true } : event;
    },
  });
  return {
    ...domain,
    eventTypes: Object.fromEntries(Object.entries(eventTypes).map(([name, type]) => [name, noted(type)])),
    evolve(state, event) {
      if (throws && event.isPoison === true) throw new Error('This version cannot fold such an event.');
      return domain.evolve(state, event);
    },
  };
}
