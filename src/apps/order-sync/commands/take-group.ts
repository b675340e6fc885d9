import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

/** Lets a group go on with another database. A person decides that, and the database records the decision. */
export function takeGroupCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'take-group',
    summary:
      'Let the group go on with this database instead of its former one. The decision is recorded for ever.',
    options: [
      ['--reason <text>', 'The reason, which is recorded.'],
      ['--by <name>', 'The person who decides (default: the user of the system).'],
    ],
    examples: [
      [
        'order-sync take-group --reason "the old database is given up; this one reads the log anew"',
        'Give the group to the database of DATABASE_URL, after all its members were stopped',
      ],
      ['order-sync partitions', 'See first how far this database is'],
    ],
    run: async (context, input) =>
      (await import('../actions/take-group.ts')).runTakeGroup(clock, context, input),
  };
}
