import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

export function migrateCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'migrate',
    summary: "Make the tables, or bring them to this program's version; a start does so too if its user may.",
    options: [
      [
        '--grants-for <user>',
        "Print the grants that a running order-sync needs, for a user as in 'sync'@'10.0.0.%'.",
      ],
    ],
    examples: [
      [
        'DATABASE_URL=mysql://sync_owner:secret@localhost/event_synchronization order-sync migrate',
        'Make or change the tables, as a user with the rights to do so',
      ],
      [
        "order-sync migrate --grants-for \"'sync'@'%'\" | mysql",
        'Do the same, and give another user the rights that it needs',
      ],
    ],
    run: async (context, input) => (await import('../actions/migrate.ts')).runMigrate(clock, context, input),
  };
}
