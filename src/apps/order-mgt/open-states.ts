import { dirname } from 'node:path';
import { systemClock as clock } from '../../adapters/system-clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { whoHolds } from '../shared/process/lock-holder.ts';
import { prepareDatabaseFile, sharingWarning } from '../shared/process/private-files.ts';
import { type DatabaseValues, databaseOf, warnOfOpenConnection } from '../shared/settings/known/database.ts';
import * as mysql from './states/mysql/open.ts';
import * as sqlite from './states/sqlite/open.ts';
import type { OrderStates } from './states.ts';

/** Opens the states in the database that the settings name. Rejects with `setting_invalid` and as the adapters do. */
export async function openStates(values: DatabaseValues, logger: Logger): Promise<OrderStates> {
  const database = databaseOf(values, 'ORDER_MGT_DATABASE');
  warnOfOpenConnection(database, 'ORDER_MGT_DATABASE', logger);
  if (database.kind === 'mysql') return mysql.openStates({ ...database, clock, logger });
  const { file } = database;
  prepareDatabaseFile(file, 'TRIBUTARY_DATA_DIR or ORDER_MGT_DATABASE_URL');
  const states = await sqlite.openStates({ file, clock, whoHolds });
  const warning = sharingWarning(dirname(file), file);
  if (warning !== null) logger('warn', warning);
  return states;
}

/** Makes the tables of that database or brings them up to date. Rejects as `openStates` does. */
export async function migrateStates(values: DatabaseValues, logger: Logger): Promise<void> {
  const database = databaseOf(values, 'ORDER_MGT_DATABASE');
  await (database.kind === 'mysql'
    ? mysql.migrateStates({ ...database, clock, logger })
    : sqlite.migrateStates({ file: database.file, clock }));
}
