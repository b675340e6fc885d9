import type { OpenedStore } from '../../ports/store.ts';
import { OpenedMysqlStore } from './opened-store.ts';
import type { MysqlStoreOptions } from './options.ts';

/** Opens a store on a server. Connects when first used. */
export function openMysqlStore(options: MysqlStoreOptions): OpenedStore {
  return new OpenedMysqlStore(options);
}

export { inTransaction, withConnection } from './connection.ts';
export { ConnectionPool, PREPARED_MAX } from './connection-pool.ts';
export { grantStatements } from './grants.ts';
export type { MysqlStoreOptions, ServerAddress, ServerTls } from './options.ts';
export { isRightMissing } from './refusals.ts';
export { checkServer } from './server-checks.ts';
