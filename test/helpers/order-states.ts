import { systemClock } from '../../src/adapters/system-clock.ts';
import * as mysql from '../../src/apps/order-mgt/states/mysql/open.ts';
import * as sqlite from '../../src/apps/order-mgt/states/sqlite/open.ts';
import type { OrderStates } from '../../src/apps/order-mgt/states.ts';
import { mysqlServer } from './mysql-server.ts';

/** order-mgt's store in a file, or in memory for `:memory:`. */
export function sqliteStates(
  file: string,
  options: Omit<sqlite.StatesOptions, 'file' | 'clock'> = {},
): Promise<OrderStates> {
  return sqlite.openStates({ file, clock: systemClock, ...options });
}

/** order-mgt's store in the database of a `mysql://` URL. */
export function mysqlStates(url: string, options: Partial<mysql.StatesOptions> = {}): Promise<OrderStates> {
  return mysql.openStates({ ...mysqlServer(url), clock: systemClock, logger: () => {}, ...options });
}
