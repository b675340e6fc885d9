import type { Store } from '../../ports/store.ts';
import type { SqliteStoreOptions } from './options.ts';
import { SqliteStore } from './store.ts';

export { PORTION, portions } from './connection.ts';
export { Migrations } from './migrations.ts';
export type { SqliteStoreOptions } from './options.ts';
export { hasWal, WalSync } from './wal-sync.ts';
export { type WhoHolds, WriteLock } from './write-lock.ts';

/** A store in the given file. Nothing is opened before `migrate`. */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  return new SqliteStore(options);
}
