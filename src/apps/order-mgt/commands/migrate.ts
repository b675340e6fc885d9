import type { CommandSpec } from '../../shared/cli/spec.ts';

export function migrateCommand(): CommandSpec<'order-mgt'> {
  return {
    name: 'migrate',
    summary:
      "Make the tables, or bring them to this program's version. A start does the same if its user may.",
    options: [
      [
        '--grants-for <user>',
        "Print the grants that a running order-mgt needs, for a user as in 'mgt'@'10.0.0.%'.",
      ],
    ],
    examples: [
      [
        'ORDER_MGT_DATABASE_URL=mysql://mgt_owner:secret@localhost/orders order-mgt migrate',
        'Make or change the tables, as a user with the rights to do so',
      ],
      [
        "order-mgt migrate --grants-for \"'mgt'@'%'\" | mysql",
        'Do the same, and give another user the rights that it needs',
      ],
    ],
    run: async (context, input) => (await import('../actions/migrate.ts')).runMigrate(context, input),
  };
}
