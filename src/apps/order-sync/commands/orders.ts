import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

const PAGING = [
  ['--limit <number>', 'Show at most this number of orders (default: all).'],
  ['--after <id>', 'Begin behind the order with this id.'],
] as const;
const OLDER_THAN = [
  '--older-than <time>',
  'Only orders whose last event was journaled at least this long ago, as in 90s, 15m, 1h or 2d.',
] as const;

export function ordersCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'orders',
    summary: 'List the orders of the view, sorted by their ids. Without a filter it lists all of them.',
    options: [
      ['--status <value>', 'Only orders with this value in one of their status columns.'],
      ['--where <conditions...>', 'Only orders with these values, as column=value. null means no value.'],
      ['--ready', 'Only orders that are ready.'],
      ['--not-delivered', 'Only orders of which a target has not got the latest state: due, tried or dead.'],
      [
        '--in-flight',
        'Only orders of which a target has not got the latest state and is sent it: due or tried.',
      ],
      ['--dead', 'Only orders with a dead delivery.'],
      [
        '--delivered',
        'Only orders that were due to a target, and of which every target has got the latest state.',
      ],
      ['--stuck', 'Only orders that have waited for an event longer than ORDER_SYNC_STUCK_AFTER.'],
      OLDER_THAN,
      ...PAGING,
    ],
    examples: [
      ['order-sync orders --not-delivered', 'The orders that a target is still owed'],
      [
        'order-sync orders --status PENDING --older-than 1h',
        'Those whose review has been pending for an hour',
      ],
      [
        'order-sync orders --where payment_status=null --limit 20 --json',
        'The first 20 without a payment, as JSON',
      ],
    ],
    run: async (context, input) => (await import('../actions/orders.ts')).runOrders(clock, context, input),
  };
}

export function stuckCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'stuck',
    summary:
      'List the orders that have waited for an event longer than ORDER_SYNC_STUCK_AFTER, and count them by that event.',
    options: [OLDER_THAN, ...PAGING],
    examples: [
      ['order-sync stuck', 'All of them'],
      ['order-sync stuck --stuck-after 1h', 'Those that have waited for an hour'],
      ['order-sync stuck --json', 'The same as JSON'],
    ],
    run: async (context, input) => (await import('../actions/orders.ts')).runStuck(clock, context, input),
  };
}
