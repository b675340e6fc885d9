import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

export function statusCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'status',
    summary:
      'Show on one screen whether all is well: how far behind, what waits, what was refused, and what needs a person.',
    options: [['--watch', 'Look again every 2 s, until stopped.']],
    examples: [
      [
        'order-sync status',
        'One screen. Exit code 5: something needs a person. 4: log or store does not answer',
      ],
      ['order-sync status --watch', 'The same again every 2 s; a line each time if stdout is no terminal'],
      ['order-sync status --json', 'The same as JSON, as GET /api/v1/status answers it'],
    ],
    run: async (context, input) => (await import('../actions/status.ts')).runStatus(clock, context, input),
  };
}
