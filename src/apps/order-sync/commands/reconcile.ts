import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { SYNCED_ORDERS } from '../../shared/settings/synced.ts';

export const DEFAULT_LIMIT = 10_000;

export function reconcileCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'reconcile',
    summary:
      'Compare the states that a target holds with the delivered ones, and deliver again those that it lost. Works ' +
      'alone or beside a running order-sync.',
    options: [
      ['--target <name>', `The name of the target (default: ${SYNCED_ORDERS.target}).`],
      ['--dry-run', 'Only show the differences.'],
      ['--limit <number>', `End after this number of differences (default: ${DEFAULT_LIMIT}).`],
    ],
    examples: [
      ['order-sync reconcile --dry-run', 'Show whether order-mgt holds the delivered states'],
      [
        'order-sync reconcile',
        'Deliver again the states that it lost; the exit code is 5 if a difference remains',
      ],
      ['order-sync reconcile --target crm --json', 'Another target, as JSON'],
    ],
    run: async (context, input) =>
      (await import('../actions/reconcile.ts')).runReconcile(clock, context, input),
  };
}
