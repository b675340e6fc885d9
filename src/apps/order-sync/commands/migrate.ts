import { grantStatements } from '../../../adapters/mysql/index.ts';
import { TributaryError } from '../../../core/errors.ts';
import { migrateStore } from '../../../pipeline/migrate-store.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { databaseOf, userFrom } from '../../shared/settings/known/database.ts';
import { namingOf } from '../../shared/settings/known/tables.ts';
import { domainOf } from '../../shared/settings/synced.ts';
import { openCommandStore } from '../order-sync.ts';
import { targetNames } from '../targets/targets.ts';

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
    async run({ settings, logger, output }, input) {
      const user = userFrom(input.options.grantsFor);
      const database = databaseOf(settings, 'DATABASE');
      if (user !== null && database.kind === 'sqlite')
        throw new TributaryError('usage', '--grants-for is for MySQL and MariaDB: a file has no users.');
      const store = openCommandStore(settings, clock, logger);
      try {
        const targets = targetNames(settings);
        const { report } = await migrateStore({
          domain: domainOf(settings),
          store,
          targets,
          clock,
          logger,
          asCommand: true,
        });
        const { fromVersion, toVersion, adoptedRows } = report;
        const grants =
          user === null || database.kind === 'sqlite'
            ? []
            : grantStatements(
                database.address.database,
                settings.synced.domain.view,
                user,
                namingOf(settings),
              );
        const change =
          fromVersion === toVersion
            ? `Schema version ${toVersion}.`
            : `Schema version ${fromVersion} -> ${toVersion}.`;
        await output.document(
          { fromVersion, toVersion, adoptedRows, grants },
          user === null ? change : grants.join('\n'),
        );
        return EXIT.ok;
      } finally {
        await store.close();
      }
    },
  };
}
