import type { Store } from '../../ports/store.ts';
import type { MysqlStoreOptions } from './options.ts';
import { MysqlStore } from './store.ts';

/** Connects when first used; `migrate` must be called before anything else. */
export function openMysqlStore(options: MysqlStoreOptions): Store {
  return new MysqlStore(options);
}

export { databaseName } from './catalog.ts';
export { inTransaction, withConnection } from './connection.ts';
export { ConnectionPool, PREPARED_MAX } from './connection-pool.ts';
export { checkTables, grantStatements, grantsOn, type TableRights } from './grants.ts';
export { text } from './journal.ts';
export { Migrations, withMigrationLock } from './migrations.ts';
export type { MysqlStoreOptions, ServerAddress, ServerTls } from './options.ts';
export { isRightMissing } from './refusals.ts';
export { chunksOf, marks, RowsStatement } from './rows-statement.ts';
export { checkServer } from './server-checks.ts';
