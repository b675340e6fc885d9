import { openMysqlStore } from '../../adapters/mysql/index.ts';
import { openSqliteStore } from '../../adapters/sqlite/index.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import { whoHolds } from './lock-holder.ts';
import { prepareDatabaseFile } from './private-files.ts';

/** Connections beside the lanes': reading journals, deliveries, health. */
const SPARE_CONNECTIONS = 4;

/** The store that the URL names: `mysql://user:password@host:port/database` or `sqlite:file`. */
export function openStore(
  url: string,
  options: {
    readonly clock: Clock;
    readonly log: Logger;
    readonly targets: readonly string[];
    readonly lanes: number;
  },
): Store {
  const { clock, log, targets, lanes } = options;
  if (!url.startsWith('sqlite:')) {
    return openMysqlStore({ url, clock, log, targets, connections: lanes + SPARE_CONNECTIONS });
  }
  const file = url.slice('sqlite:'.length);
  prepareDatabaseFile(file, 'TRIBUTARY_DATA_DIR or DATABASE_URL');
  return openSqliteStore({ file, clock, targets, whoHolds });
}
