import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { DECISION_OPTIONS } from '../decision.ts';

export function parkedCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'parked',
    summary:
      'Show the orders that the program could not fold. Their events are journaled, but their rows do not change.',
    examples: [
      ['order-sync parked', 'One line for each order, with the reason'],
      ['order-sync parked --json', 'The same as JSON'],
    ],
    run: async (context) => (await import('../actions/parked.ts')).runParked(clock, context),
  };
}

export function unparkCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'unpark',
    summary:
      'Fold parked orders again with this version of the program. An order that can be folded goes on, and is delivered if ' +
      'it changed. Each decision is recorded for ever.',
    arguments: [['[orders...]', 'The ids, as "order-sync parked" shows them.']],
    options: [['--all', 'Fold all parked orders.'], ...DECISION_OPTIONS],
    examples: [
      [
        'order-sync unpark order123 --reason "this version knows its event type"',
        'One order, after the program has learned to understand its events',
      ],
      [
        'order-sync unpark --all --reason "the fold is corrected"',
        'All parked orders; the exit code is 5 if some cannot be folded yet',
      ],
    ],
    run: async (context, input) => (await import('../actions/parked.ts')).runUnpark(clock, context, input),
  };
}
