import { openMysqlStore } from '../../../adapters/mysql/index.ts';
import { openSqliteStore } from '../../../adapters/sqlite/index.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { OpenedStore } from '../../../ports/store.ts';
import { whoHolds } from '../process/lock-holder.ts';
import { prepareDatabaseFile } from '../process/private-files.ts';
import { type DatabaseValues, databaseOf } from '../settings/known/database.ts';

/** Connections beside the lanes': reading journals, deliveries, health. */
const SPARE_CONNECTIONS = 4;

/** The store that order-sync's settings name. Rejects with `setting_invalid` if a file that they name is no PEM file. */
export function openStore(
  values: DatabaseValues,
  options: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly targets: readonly string[];
    readonly lanes: number;
    readonly maxRecordBytes?: number;
  },
): OpenedStore {
  const { clock, logger, targets, lanes, ...limits } = options;
  const database = databaseOf(values, 'DATABASE');
  if (database.kind === 'mysql') {
    const { address, tls } = database;
    const connections = lanes + SPARE_CONNECTIONS;
    return openMysqlStore({ address, tls, clock, logger, targets, connections, ...limits });
  }
  const { file } = database;
  prepareDatabaseFile(file, 'TRIBUTARY_DATA_DIR or DATABASE_URL');
  return openSqliteStore({ file, clock, targets, whoHolds });
}
