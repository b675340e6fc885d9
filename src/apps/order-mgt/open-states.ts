import { dirname } from 'node:path';
import { systemClock as clock } from '../../adapters/system-clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { whoHolds } from '../shared/process/lock-holder.ts';
import { prepareDatabaseFile, sharingWarning } from '../shared/process/private-files.ts';
import { type DatabaseValues, databaseOf, warnOfOpenConnection } from '../shared/settings/known/database.ts';
import type { OrderStates } from './states.ts';

/** Loads the chosen adapter alone, so that a start is sooner done. */
const ADAPTERS = {
  mysql: () => import('./states/mysql/open.ts'),
  sqlite: () => import('./states/sqlite/open.ts'),
} as const;

/** Opens the states in the database that the settings name. Rejects with `setting_invalid` and as the adapters do. */
export async function openStates(values: DatabaseValues, logger: Logger): Promise<OrderStates> {
  const database = databaseOf(values, 'ORDER_MGT_DATABASE');
  warnOfOpenConnection(database, 'ORDER_MGT_DATABASE', logger);
  if (database.kind === 'mysql') return (await ADAPTERS.mysql()).openStates({ ...database, clock, logger });
  const { file } = database;
  prepareDatabaseFile(file, 'TRIBUTARY_DATA_DIR or ORDER_MGT_DATABASE_URL');
  const states = await (await ADAPTERS.sqlite()).openStates({ file, clock, whoHolds });
  const warning = sharingWarning(dirname(file), file);
  if (warning !== null) logger('warn', warning);
  return states;
}

/** Makes the tables of that database or brings them up to date. Rejects as `openStates` does. */
export async function migrateStates(values: DatabaseValues, logger: Logger): Promise<void> {
  const database = databaseOf(values, 'ORDER_MGT_DATABASE');
  await (database.kind === 'mysql'
    ? (await ADAPTERS.mysql()).migrateStates({ ...database, clock, logger })
    : (await ADAPTERS.sqlite()).migrateStates({ file: database.file, clock }));
}
