/** The acts of the story, in the sequence in which they are played. */
import type { World } from '../world.ts';
import { showsTheHealth } from './home.ts';
import { exportsOrders, filtersOrders, findsAnOrder, listsOrders } from './orders.ts';

/** By the page or the behaviour that it is about. */
export const ACTS: Readonly<Record<string, (world: World) => Promise<void>>> = {
  'home page': showsTheHealth,
  'list of orders': listsOrders,
  'filters of orders': filtersOrders,
  'search for an order': findsAnOrder,
  'export of orders': exportsOrders,
};
