import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

export function startCommand(clock: Clock): CommandSpec<'tributary'> {
  return {
    name: 'start',
    summary: 'Run until stopped. The program does this without a command, too.',
    examples: [['npm start', 'Everything on the embedded log and store, in .tributary']],
    isDefault: true,
    run: async (context) => (await import('../actions/start.ts')).runStart(clock, context),
  };
}
