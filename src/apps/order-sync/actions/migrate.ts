import { grantStatements } from '../../../adapters/mysql/index.ts';
import { TributaryError } from '../../../core/errors.ts';
import { migrateStore } from '../../../pipeline/migrate-store.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { databaseOf, userFrom } from '../../shared/settings/known/database.ts';
import { namingOf } from '../../shared/settings/known/tables.ts';
import { domainOf } from '../../shared/settings/synced.ts';
import { openCommandStore } from '../open-parts.ts';
import { targetNames } from '../targets/targets.ts';

export async function runMigrate(
  clock: Clock,
  { settings, logger, output }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const user = userFrom(input.options.grantsFor);
  const database = databaseOf(settings, 'DATABASE');
  if (user !== null && database.kind === 'sqlite')
    throw new TributaryError('usage', '--grants-for is for MySQL and MariaDB: a file has no users.');
  const store = await openCommandStore(settings, clock, logger);
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
        : grantStatements(database.address.database, settings.synced.domain.view, user, namingOf(settings));
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
}
