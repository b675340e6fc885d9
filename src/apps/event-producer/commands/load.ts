import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

export const DEFAULT_ORDERS = 1_000;

/** `event-producer load` publishes the events of many orders, which a seed decides. */
export function loadCommand(clock: Clock): CommandSpec<'event-producer'> {
  return {
    name: 'load',
    summary: 'Publish a seeded load. The same seed gives the same records in the same sequence.',
    examples: [
      ['event-producer load --orders 1000', '1,000 orders, as fast as the log takes them'],
      [
        'event-producer load --count 100000 --rate 2000 --seed 7',
        '100,000 records, 2,000 per second, repeatable',
      ],
      [
        'event-producer load --orders 5000 --duplicate-rate 0.1 --reorder-rate 0.1 --malformed-rate 0.01',
        'With duplicates, late records and malformed records',
      ],
    ],
    options: [
      [
        '--orders <number>',
        `The number of orders (default: ${DEFAULT_ORDERS}, or as many as --count needs).`,
      ],
      ['--count <number>', 'The number of records (default: as many as the orders need).'],
      ['--rate <number>', 'Records per second (default: as fast as the log takes them).'],
      ['--seed <text>', 'The seed of the load (default: a new one, which is shown at the end).'],
      ['--duplicate-rate <share>', 'The share of records that repeat an earlier event (0 to 1).'],
      ['--reorder-rate <share>', 'The share of records that come hundreds or thousands of records late.'],
      ['--malformed-rate <share>', 'The share of records that no reader can take for an event.'],
      ['--revision-rate <share>', 'The share of orders whose source numbers its events (default: 0.1).'],
      [
        '--unusual-id-rate <share>',
        'The share of orders with an unusual id, such as an emoji or a blank at the end.',
      ],
      ['--plain', 'Send plain JSON without CloudEvents headers.'],
      ['--create-topics', 'Make missing topics on Kafka too.'],
    ],
    run: async (context, input) => (await import('../actions/load.ts')).runLoadCommand(clock, context, input),
  };
}
