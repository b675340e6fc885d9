import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { OpenedStore } from '../../../ports/store.ts';
import { whoHolds } from '../process/lock-holder.ts';
import { prepareDatabaseFile } from '../process/private-files.ts';
import { type DatabaseValues, databaseOf } from '../settings/known/database.ts';
import { namingOf, type TableValues } from '../settings/known/tables.ts';

/** Connections besides those of the lanes: they read journals, deliver, and look at the health. */
const SPARE_CONNECTIONS = 4;

/**
 * Opens the store that order-sync's settings name. Rejects with `setting_invalid` if they name a file that is no PEM file. Loads the
 * chosen adapter alone, so that a command line starts sooner.
 */
export async function openStore(
  values: DatabaseValues & TableValues,
  options: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly targets: readonly string[];
    readonly lanes: number;
    readonly maxRecordBytes?: number;
  },
): Promise<OpenedStore> {
  const { clock, logger, targets, lanes, ...limits } = options;
  const database = databaseOf(values, 'DATABASE');
  const naming = namingOf(values);
  if (database.kind === 'mysql') {
    const { address, tls } = database;
    const connections = lanes + SPARE_CONNECTIONS;
    const { openMysqlStore } = await import('../../../adapters/mysql/index.ts');
    return openMysqlStore({ address, tls, clock, logger, targets, connections, naming, ...limits });
  }
  const { file } = database;
  prepareDatabaseFile(file, 'TRIBUTARY_DATA_DIR or DATABASE_URL');
  const { openSqliteStore } = await import('../../../adapters/sqlite/index.ts');
  return openSqliteStore({ file, clock, targets, whoHolds, naming });
}
