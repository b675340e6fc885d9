import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { DECISION_OPTIONS } from '../decision.ts';

export function rebuildCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'rebuild',
    summary:
      'Make the view anew from the journal beside the present one, show what would change, and exchange the two. ' +
      'order-sync may run meanwhile.',
    options: [
      ['--report', 'Show the rebuild that is under way, and what it would change.'],
      ['--switch', 'Exchange the present view for the rebuilt one, and deliver what has changed.'],
      ['--discard', 'Drop the rebuilt view.'],
      [
        '--entities <ids...>',
        'Fold only these orders again, in place: show what would change, or with --switch change it.',
      ],
      ['--keep-old', 'With --switch: keep the table of the former view.'],
      ['--wait', 'Work on it in this process too, and end when it is done.'],
      ...DECISION_OPTIONS,
    ],
    examples: [
      [
        'order-sync rebuild --wait --reason "declined after accepted"',
        'Make the new view, and show which rows differ and what would be delivered',
      ],
      ['order-sync rebuild --report', 'Show it again'],
      [
        'order-sync rebuild --switch --wait --reason "declined after accepted"',
        'Exchange the views in one step; reading stops for a few seconds',
      ],
      ['order-sync rebuild --entities order123 order124', 'Show what the program would make of two orders'],
    ],
    run: async (context, input) => (await import('../actions/rebuild.ts')).runRebuild(clock, context, input),
  };
}
