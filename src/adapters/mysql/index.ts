import type { Store } from '../../ports/store.ts';
import type { MysqlStoreOptions } from './options.ts';
import { MysqlStore } from './store.ts';

/** Connects when first used; `migrate` must be called before anything else. */
export function openMysqlStore(options: MysqlStoreOptions): Store {
  return new MysqlStore(options);
}

export { inTransaction, withConnection } from './connection.ts';
export { ConnectionPool, PREPARED_MAX } from './connection-pool.ts';
export { grantStatements } from './grants.ts';
export type { MysqlStoreOptions, ServerAddress, ServerTls } from './options.ts';
export { isRightMissing } from './refusals.ts';
export { checkServer } from './server-checks.ts';
