import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

export function adoptCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'adopt',
    summary:
      "Look at a table orders that another program made, and take it over if nothing prevents that. A start does the same, but only this command can leave the table's other columns behind.",
    options: [
      ['--dry-run', 'Only show what the table holds and what prevents taking it over. Change nothing.'],
      [
        '--keep-original-columns',
        'Take over a table with more columns. These columns are kept, with all rows, in orders_original alone.',
      ],
      [
        '--with-deleted-rows',
        'Take over the rows that are marked as deleted (by deleted_at or a similar column), too.',
      ],
    ],
    examples: [
      [
        'order-sync adopt --dry-run',
        'Show everything that prevents taking the table over, with remedies; then the exit code is 1',
      ],
      ['order-sync adopt --dry-run --json', 'The same as JSON'],
      ['order-sync adopt --keep-original-columns', 'Take the table over, and leave its other columns behind'],
    ],
    run: async (context, input) => (await import('../actions/adopt.ts')).runAdopt(clock, context, input),
  };
}
