import { TributaryError } from '../../../core/errors.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { databaseOf, userFrom } from '../../shared/settings/known/database.ts';
import { migrateStates } from '../open-states.ts';
import { grantStatements } from '../states/mysql/grants.ts';

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
    async run({ settings, logger, output }, input) {
      const user = userFrom(input.options.grantsFor);
      const database = databaseOf(settings, 'ORDER_MGT_DATABASE');
      if (user !== null && database.kind === 'sqlite')
        throw new TributaryError('usage', '--grants-for is for MySQL and MariaDB: a file has no users.');
      await migrateStates(settings, logger);
      const grants =
        user === null || database.kind === 'sqlite' ? [] : grantStatements(database.address.database, user);
      await output.document({ grants }, user === null ? 'The tables are current.' : grants.join('\n'));
      return EXIT.ok;
    },
  };
}
