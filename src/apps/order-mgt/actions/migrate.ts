import { TributaryError } from '../../../core/errors.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { databaseOf, userFrom } from '../../shared/settings/known/database.ts';
import { migrateStates } from '../open-states.ts';
import { grantStatements } from '../states/mysql/grants.ts';

export async function runMigrate(
  { settings, logger, output }: CommandContext<'order-mgt'>,
  input: CommandInput,
): Promise<number> {
  const user = userFrom(input.options.grantsFor);
  const database = databaseOf(settings, 'ORDER_MGT_DATABASE');
  if (user !== null && database.kind === 'sqlite')
    throw new TributaryError('usage', '--grants-for is for MySQL and MariaDB: a file has no users.');
  await migrateStates(settings, logger);
  const grants =
    user === null || database.kind === 'sqlite' ? [] : grantStatements(database.address.database, user);
  await output.document({ grants }, user === null ? 'The tables are current.' : grants.join('\n'));
  return EXIT.ok;
}
