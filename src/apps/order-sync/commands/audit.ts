import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

export const LIMIT_DEFAULT = 100;

export function auditCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'audit',
    summary: 'Show who decided what and why, the newest first.',
    options: [['--limit <number>', `Show at most this number of decisions (default: ${LIMIT_DEFAULT}).`]],
    examples: [
      ['order-sync audit', `The last ${LIMIT_DEFAULT} decisions`],
      ['order-sync audit --limit 10000 --json', 'More of them, as JSON'],
    ],
    run: async (context, input) => (await import('../actions/audit.ts')).runAudit(clock, context, input),
  };
}
