import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

export function tailCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'tail',
    summary:
      'Follow what is journaled, by all instances: each record of the log with what became of it. Ends with Ctrl-C.',
    options: [
      ['--topic <name>', 'Only records of this topic.'],
      ['--type <event type>', 'Only events of this type, such as PAYMENT.'],
      ['--order <id>', 'Only records of this order.'],
      ['--since <time>', 'Begin with the records since this moment (RFC 3339), or this long ago (10m, 1h).'],
      ['--limit <number>', 'End after this number of records.'],
    ],
    examples: [
      ['order-sync tail', 'Everything that is journaled from now on, one line for each record'],
      [
        'order-sync tail --order order123 --since 1h',
        'The records of one order in the last hour, and the next ones',
      ],
      ['order-sync tail --type PAYMENT --json', 'Payments as NDJSON'],
    ],
    run: async (context, input) => (await import('../actions/tail.ts')).runTail(clock, context, input),
  };
}
